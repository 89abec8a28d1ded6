#include "leafscan/tree/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/core/score_key.h"

namespace leafscan {
namespace {

class RouterTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(RouterTest);

struct Tree {
  Metric metric = Metric::kDotProduct;
  Rows centroids;
  std::vector<float> scales;
  std::vector<float> biases;

  Router router() const { return {metric, {centroids.view(), scales, biases}, {}}; }
  // The score of the header, in float64.
  double Score(const std::vector<float>& query, std::size_t leaf) const {
    double product = 0.0;
    double square = 0.0;
    double length = 0.0;
    for (std::size_t i = 0; i < centroids.dim; ++i) {
      const double c = centroids.row(leaf)[i];
      product += query[i] * c;
      square += c * c;
      length += static_cast<double>(query[i]) * query[i];
    }
    if (metric == Metric::kSquaredL2) return 2.0 * product - square;
    const double scale = scales.empty() ? 1.0 : scales[leaf];
    const double bias = biases.empty() ? 0.0 : biases[leaf];
    return scale * product + bias * std::sqrt(length);
  }
  // Rounding to 16-bit integers moves a score by no more, and to 8-bit ones by no more than CoarseSlack.
  double CoarseSlack(const std::vector<float>& query) const { return Slack(query, 63.0); }
  double Slack(const std::vector<float>& query, double at_most = 32767.0) const {
    double most = 0.0;
    for (std::size_t i = 0; i < centroids.data.size(); ++i) {
      const double scale = scales.empty() ? 1.0 : scales[i / centroids.dim];
      most = std::max(most, std::abs(centroids.data[i] * scale));
    }
    double largest = 0.0;
    for (const float q : query) largest = std::max(largest, std::abs(static_cast<double>(q)));
    const double dim = static_cast<double>(centroids.dim);
    const double limit = std::min(at_most, std::sqrt(2147483000.0 / (dim + 3)) - 1.0);
    return 2.0 * dim * most * (largest / limit + 4e-7 * (largest + most)) + 1e-37;
  }
};

std::vector<std::uint32_t> LeavesOf(std::span<const std::uint64_t> keys) {
  std::vector<std::uint32_t> leaves;
  for (const std::uint64_t key : keys) leaves.push_back(KeyRow(key));
  return leaves;
}

std::vector<std::uint32_t> Route(const Router& router, const std::vector<float>& query, std::size_t count) {
  Router::Scratch scratch;
  return LeavesOf(router.Route(query, count, scratch));
}

Tree Make(Draw& draw, Metric metric, std::size_t leaves, std::size_t dim, double scale = 1.0) {
  Tree tree{metric, NormalRows(draw, leaves, dim, scale), {}, {}};
  if (metric == Metric::kDotProduct) {
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
      tree.scales.push_back(static_cast<float>(0.5 + draw.Unit()));
      tree.biases.push_back(static_cast<float>(scale * draw.Unit()));
    }
  }
  return tree;
}

constexpr Metric kMetrics[] = {Metric::kDotProduct, Metric::kSquaredL2};

TEST_P(RouterTest, LeavesComeInTheOrderOfTheirScores) {
  Draw draw(1);
  for (const Metric metric : kMetrics) {
    for (const std::size_t dim : {1, 2, 3, 16, 31, 100, 784}) {
      for (const std::size_t leaves : {1, 2, 15, 16, 17, 100, 700}) {
        for (const double scale : {1e-6, 1.0, 1e6}) {
          const Tree tree = Make(draw, metric, leaves, dim, scale);
          const Router router = tree.router();
          EXPECT_EQ(router.leaves(), leaves);
          const std::vector<float> query = draw.Normals(dim, metric == Metric::kSquaredL2 ? scale : 1.0);
          const double slack = tree.Slack(query);
          for (const std::size_t count : {std::size_t{1}, (leaves + 1) / 2, leaves}) {
            const std::vector<std::uint32_t> routed = Route(router, query, count);
            ASSERT_EQ(routed.size(), count);
            std::vector<bool> taken(leaves, false);
            double last = std::numeric_limits<double>::infinity();
            for (const std::uint32_t leaf : routed) {
              ASSERT_FALSE(taken.at(leaf));
              taken[leaf] = true;
              ASSERT_LE(tree.Score(query, leaf), last + slack) << "dim " << dim << " leaves " << leaves;
              last = std::min(last, tree.Score(query, leaf));
            }
            for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
              if (taken[leaf]) continue;
              ASSERT_LE(tree.Score(query, leaf), last + tree.CoarseSlack(query));
            }
          }
        }
      }
    }
  }
}

TEST_P(RouterTest, WellSeparatedLeavesAreFoundAsInFloat64) {
  Draw draw(2);
  for (const Metric metric : kMetrics) {
    Tree tree{metric, NormalRows(draw, 300, 40, 10.0), {}, {}};
    const Router router = tree.router();
    for (std::size_t leaf = 0; leaf < 300; ++leaf) {
      std::vector<float> query = draw.Normals(40, 0.5);
      for (std::size_t i = 0; i < 40; ++i) query[i] += tree.centroids.row(leaf)[i];
      std::size_t best = 0;
      for (std::size_t other = 1; other < 300; ++other) {
        if (tree.Score(query, other) > tree.Score(query, best)) best = other;
      }
      ASSERT_EQ(Route(router, query, 1), std::vector<std::uint32_t>{static_cast<std::uint32_t>(best)});
      if (metric == Metric::kSquaredL2) {
        ASSERT_EQ(best, leaf);
      }
    }
  }
}

TEST_P(RouterTest, FewerLeavesAreTheBeginningOfMore) {
  Draw draw(3);
  for (const Metric metric : kMetrics) {
    const Tree tree = Make(draw, metric, 1000, 12);
    const Router router = tree.router();
    const std::vector<float> query = draw.Normals(12);
    const std::vector<std::uint32_t> all = Route(router, query, 1000);
    for (const std::size_t count : {1, 2, 16, 255, 256, 257, 999}) {
      const std::vector<std::uint32_t> some = Route(router, query, count);
      ASSERT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << count;
      ASSERT_EQ(some.size(), count);
    }
  }
}

TEST_P(RouterTest, TiesGoToTheLowerLeaf) {
  Draw draw(4);
  for (const Metric metric : kMetrics) {
    for (const std::size_t leaves : {5, 40, 600}) {
      Tree tree{metric, NormalRows(draw, leaves, 6), {}, {}};
      for (std::size_t leaf = 1; leaf < leaves; ++leaf) {
        std::copy_n(tree.centroids.row(0), 6, tree.centroids.row(leaf));
      }
      std::vector<std::uint32_t> ascending(leaves);
      std::iota(ascending.begin(), ascending.end(), 0u);
      EXPECT_EQ(Route(tree.router(), draw.Normals(6), leaves), ascending);
      ascending.resize(3);
      EXPECT_EQ(Route(tree.router(), draw.Normals(6), 3), ascending);
    }
  }
}

TEST_P(RouterTest, AscendingAndDescendingScoresComeOutAlike) {
  for (const bool ascending : {false, true}) {
    Tree tree{Metric::kDotProduct, {std::vector<float>(2000), 2000, 1}, {}, {}};
    for (std::size_t leaf = 0; leaf < 2000; ++leaf) {
      tree.centroids.data[leaf] = static_cast<float>(ascending ? leaf + 1 : 2000 - leaf);
    }
    const std::vector<std::uint32_t> routed = Route(tree.router(), {1.0f}, 300);
    for (std::size_t i = 0; i < 300; ++i) ASSERT_EQ(routed[i], ascending ? 1999 - i : i);
  }
}

TEST_P(RouterTest, KeysAreEqualOnAllInstructionSets) {
  Draw draw(5);
  for (const Metric metric : kMetrics) {
    for (const std::size_t dim : {1, 33, 100}) {
      const Tree tree = Make(draw, metric, 333, dim);
      const std::vector<float> query = draw.Normals(dim);
      const auto route = [&] {
        Router::Scratch scratch;
        const auto keys = tree.router().Route(query, 100, scratch);
        return std::vector<std::uint64_t>(keys.begin(), keys.end());
      };
      EXPECT_EQ(route(), OnBestInstructionSet(route));
    }
  }
}

TEST_P(RouterTest, ABatchTakesTheKeysOfItsQueries) {
  Draw draw(8);
  for (const Metric metric : kMetrics) {
    const Tree tree = Make(draw, metric, 700, 25);
    const Router router = tree.router();
    for (const std::size_t queries : {0, 1, 3, 4, 5, 11}) {
      const Rows rows = NormalRows(draw, queries, 25);
      for (const std::size_t count : {0, 1, 40, 699, 700}) {
        Router::Scratch scratch;
        std::vector<std::uint64_t> keys(queries * count);
        router.RouteBatch(rows.view(), count, scratch, keys);
        for (std::size_t query = 0; query < queries; ++query) {
          const auto alone = router.Route({rows.row(query), 25}, count, scratch);
          ASSERT_EQ(alone.size(), count);
          ASSERT_TRUE(std::equal(alone.begin(), alone.end(), keys.begin() + static_cast<std::ptrdiff_t>(query * count)));
        }
      }
    }
  }
}

TEST_P(RouterTest, WhatEightBitsMissTheMarginBrings) {
  // Centroids far from the origin and close to one another, in dimensions of unlike variance.
  Draw draw(9);
  for (const Metric metric : kMetrics) {
    Tree tree{metric, NormalRows(draw, 2000, 48), {}, {}};
    const float offset = metric == Metric::kDotProduct ? 5.0f : 0.0f;  // of distances the mean is taken before
    for (std::size_t leaf = 0; leaf < 2000; ++leaf) {
      for (std::size_t i = 0; i < 48; ++i) {
        tree.centroids.row(leaf)[i] = offset + tree.centroids.row(leaf)[i] / static_cast<float>(1 + i / 8);
      }
    }
    const Router router = tree.router();
    std::size_t missed = 0;
    std::size_t wanted = 0;
    for (int round = 0; round < 50; ++round) {
      const std::vector<float> query = draw.Normals(48);
      const std::vector<std::uint32_t> all = Route(router, query, 2000);
      for (const std::size_t count : {1, 10, 50, 200}) {
        std::vector<std::uint32_t> some = Route(router, query, count);
        std::sort(some.begin(), some.end());
        wanted += count;
        for (std::size_t i = 0; i < count; ++i) missed += std::binary_search(some.begin(), some.end(), all[i]) ? 0 : 1;
      }
    }
    EXPECT_LE(missed * 2000, wanted) << "metric " << static_cast<int>(metric);
  }
}

TEST_P(RouterTest, CentersScoreAsTheyDoByThemselves) {
  Draw draw(10);
  for (const Metric metric : kMetrics) {
    const Tree tree = Make(draw, metric, 300, 40);
    const Router router = tree.router();
    const std::vector<float> query = draw.Normals(40);
    Router::Scratch scratch;
    for (const std::uint64_t key : router.Route(query, 20, scratch)) {
      double exact = 0.0;
      for (std::size_t i = 0; i < 40; ++i) {
        const double c = tree.centroids.row(KeyRow(key))[i];
        exact += metric == Metric::kSquaredL2 ? -(query[i] - c) * (query[i] - c) : query[i] * c;
      }
      EXPECT_NEAR(router.CenterScore(key, scratch), exact, 2.0 * tree.Slack(query));
    }
  }
}

TEST_P(RouterTest, AProjectionRoutesAsItsImagesDo) {
  Draw draw(7);
  const Rows projection = OrthonormalRows(draw, 5, 12);
  for (const Metric metric : kMetrics) {
    const Tree tree = Make(draw, metric, 60, 12);
    const Router router(metric, {tree.centroids.view(), tree.scales, tree.biases}, projection.view());
    Tree images = tree;
    images.centroids = NormalRows(draw, 60, 5);
    // Of |c|^2 nothing is left out.
    std::vector<double> beyond(60, 0.0);
    for (std::size_t leaf = 0; leaf < 60; ++leaf) {
      for (std::size_t i = 0; i < 5; ++i) {
        double product = 0.0;
        for (std::size_t j = 0; j < 12; ++j) {
          product += static_cast<double>(projection.row(i)[j]) * tree.centroids.row(leaf)[j];
        }
        images.centroids.row(leaf)[i] = static_cast<float>(product);
      }
      if (metric == Metric::kDotProduct) continue;
      for (std::size_t j = 0; j < 12; ++j) beyond[leaf] += std::pow(static_cast<double>(tree.centroids.row(leaf)[j]), 2);
      for (std::size_t i = 0; i < 5; ++i) beyond[leaf] -= std::pow(static_cast<double>(images.centroids.row(leaf)[i]), 2);
    }
    for (int round = 0; round < 20; ++round) {
      const std::vector<float> query = draw.Normals(5);
      const std::vector<std::uint32_t> routed = Route(router, query, 60);
      for (std::size_t i = 1; i < 60; ++i) {
        const double better = images.Score(query, routed[i - 1]) - beyond[routed[i - 1]];
        ASSERT_LE(images.Score(query, routed[i]) - beyond[routed[i]], better + images.Slack(query) + 1e-4);
      }
    }
  }
}

// Leaves around upper centroids, some of which have none or few.
struct UpperTree {
  Tree leaves;
  Tree upper;
  std::vector<std::uint64_t> offsets;

  Router router() const {
    return {leaves.metric, {leaves.centroids.view(), leaves.scales, leaves.biases}, {},
            {upper.centroids.view(), upper.scales, upper.biases}, offsets};
  }
  std::size_t UpperOf(std::uint32_t leaf) const {
    return static_cast<std::size_t>(std::upper_bound(offsets.begin(), offsets.end(), leaf) - offsets.begin()) - 1;
  }
};

UpperTree MakeUpper(Draw& draw, Metric metric, std::size_t leaves, std::size_t upper, std::size_t dim) {
  UpperTree tree{Make(draw, metric, leaves, dim, 0.3), Make(draw, metric, upper, dim), {0}};
  for (std::size_t u = 1; u < upper; ++u) tree.offsets.push_back(draw.Below(leaves + 1));
  tree.offsets.push_back(leaves);
  std::sort(tree.offsets.begin(), tree.offsets.end());
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    const float* center = tree.upper.centroids.row(tree.UpperOf(static_cast<std::uint32_t>(leaf)));
    for (std::size_t i = 0; i < dim; ++i) tree.leaves.centroids.row(leaf)[i] += center[i];
  }
  return tree;
}

TEST_P(RouterTest, AllUpperLeavesRouteAsNoneDo) {
  Draw draw(11);
  for (const Metric metric : kMetrics) {
    const UpperTree tree = MakeUpper(draw, metric, 500, 23, 18);
    const Router router = tree.router();
    const Router plain = tree.leaves.router();
    EXPECT_EQ(router.upper_leaves(), 23u);
    EXPECT_EQ(plain.upper_leaves(), 0u);
    for (const std::size_t count : {1, 30, 400, 500}) {
      const std::vector<float> query = draw.Normals(18);
      Router::Scratch scratch;
      const auto wanted = plain.Route(query, count, scratch);
      for (const std::size_t searched : {0, 23, 99}) {
        Router::Scratch other;
        const auto routed = router.Route(query, count, other, searched);
        ASSERT_TRUE(std::equal(routed.begin(), routed.end(), wanted.begin(), wanted.end())) << count;
      }
    }
  }
}

TEST_P(RouterTest, LeavesComeFromTheBestUpperLeavesAndFromMoreWhereTheseHoldTooFew) {
  Draw draw(12);
  for (const Metric metric : kMetrics) {
    const UpperTree tree = MakeUpper(draw, metric, 900, 40, 18);
    const Router router = tree.router();
    const Router upper = tree.upper.router();
    const Router plain = tree.leaves.router();
    for (int round = 0; round < 20; ++round) {
      const std::vector<float> query = draw.Normals(18);
      const std::vector<std::uint32_t> order = Route(upper, query, 40);
      const std::vector<std::uint32_t> all = Route(plain, query, 900);
      for (const std::size_t searched : {1, 4, 15}) {
        for (const std::size_t count : {1, 20, 120, 700}) {
          // The upper leaves that are looked into: `searched`, and on until they hold enough.
          std::vector<bool> open(40, false);
          std::size_t held = 0;
          for (std::size_t i = 0; i < 40 && (i < searched || held < count + count / 8 + 8); ++i) {
            open[order[i]] = true;
            held += tree.offsets[order[i] + 1] - tree.offsets[order[i]];
          }
          std::vector<std::uint32_t> wanted;
          for (const std::uint32_t leaf : all) {
            if (open[tree.UpperOf(leaf)] && wanted.size() < count) wanted.push_back(leaf);
          }
          Router::Scratch scratch;
          const std::vector<std::uint32_t> routed = LeavesOf(router.Route(query, count, scratch, searched));
          ASSERT_EQ(routed, wanted) << searched << " upper leaves, " << count << " leaves";
          std::vector<std::uint64_t> keys(count);
          router.RouteBatch({query.data(), 1, 18}, count, scratch, keys, searched);
          ASSERT_EQ(LeavesOf(keys), wanted);
        }
      }
    }
  }
}

TEST_P(RouterTest, OpenLeavesAreFoundUnderAnyUpperLeaf) {
  Draw draw(13);
  const UpperTree tree = MakeUpper(draw, Metric::kDotProduct, 300, 12, 10);
  std::vector<std::uint8_t> open(300);
  for (std::uint8_t& leaf : open) leaf = draw.Below(20) == 0 ? 1 : 0;
  open[150] = 1;
  const auto count = static_cast<std::size_t>(std::count(open.begin(), open.end(), 1));
  const std::vector<float> query = draw.Normals(10);
  Router::Scratch scratch;
  Router::Scratch plain;
  const auto among = tree.router().RouteAmong(open, query, count, scratch);
  const Router leaves = tree.leaves.router();
  const auto wanted = leaves.RouteAmong(open, query, count, plain);
  ASSERT_TRUE(std::equal(among.begin(), among.end(), wanted.begin(), wanted.end()));
  EXPECT_EQ(scratch.top, plain.top);
}

TEST_P(RouterTest, ZerosRouteSomewhere) {
  for (const Metric metric : kMetrics) {
    const Tree tree{metric, {std::vector<float>(20 * 4, 0.0f), 20, 4}, {}, {}};
    EXPECT_EQ(Route(tree.router(), std::vector<float>(4, 0.0f), 2), (std::vector<std::uint32_t>{0, 1}));
    EXPECT_EQ(Route(tree.router(), std::vector<float>(4, 1.0f), 2), (std::vector<std::uint32_t>{0, 1}));
  }
}

TEST_P(RouterTest, AnyFiniteQueryGetsAsManyLeavesAsItAskedFor) {
  Draw draw(6);
  for (const Metric metric : kMetrics) {
    for (const double of_centroids : {1e-30, 1.0, 1e18, 1e25, 1e37}) {
      const Tree tree = Make(draw, metric, 50, 8, of_centroids);
      for (const double of_query : {1e-30, 1.0, 1e18, 1e25, 1e37}) {
        EXPECT_EQ(Route(tree.router(), draw.Normals(8, of_query), 50).size(), 50u)
            << "centroids of " << of_centroids << ", a query of " << of_query << ", metric "
            << static_cast<int>(metric);
      }
    }
  }
}

}  // namespace
}  // namespace leafscan
