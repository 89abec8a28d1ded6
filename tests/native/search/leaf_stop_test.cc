#include "leafscan/search/leaf_stop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "fixtures/living_index.h"
#include "fixtures/opened_index.h"
#include "leafscan/core/score_key.h"
#include "leafscan/filter/filter.h"
#include "leafscan/search/query_lists.h"

namespace leafscan {
namespace {

constexpr std::size_t kCount = 4000;
constexpr std::size_t kDim = 14;
constexpr std::size_t kLeaves = 80;
constexpr std::size_t kQueries = 60;
constexpr std::size_t kFirst = LeafStop::kFirst;

// Dot products of unit rows, dot products, squared distances.
struct Kind {
  Metric metric;
  bool normalize;
};
constexpr Kind kKinds[] = {{Metric::kDotProduct, true}, {Metric::kDotProduct, false}, {Metric::kSquaredL2, false}};

struct Shape {
  bool spill, rows, projected;
  std::size_t upper;
};
constexpr Shape kShapes[] = {{false, true, false, 0}, {true, true, false, 0}, {false, false, false, 0},
                             {true, false, false, 0}, {false, true, true, 0},  {true, true, false, 9}};

BuildOptions Plan(Metric metric, const Shape& shape, const Rows& projection) {
  BuildOptions options;
  options.metric = metric;
  options.leaves = kLeaves;
  options.width = 2;
  options.tree_iterations = 4;
  options.code_iterations = 3;
  options.soar_lambda = shape.spill ? 1.0f : -1.0f;
  options.keep_rows = shape.rows;
  options.upper_leaves = shape.upper;
  if (shape.projected) options.projection = projection.view();
  return options;
}

SearchOptions Ask(std::optional<float> stop, std::size_t leaves = 50, std::size_t k = 10, int threads = 1) {
  SearchOptions options;
  options.k = k;
  options.leaves = leaves;
  options.candidates = 60;
  options.stop = stop;
  options.threads = threads;
  return options;
}

struct Traced {
  Found found;
  SearchTrace trace;
};

template <class Index>
Traced Trace(const Index& index, const MatrixView<float>& queries, SearchOptions options) {
  SharedTrace trace;
  options.trace = &trace;
  Found found = index.Search(queries, options);
  return {std::move(found), trace.sum()};
}

void ExpectSame(const Found& one, const Found& batch, std::size_t query, std::size_t k) {
  const auto at = static_cast<std::ptrdiff_t>(query * k);
  ASSERT_TRUE(std::equal(one.ids.begin(), one.ids.end(), batch.ids.begin() + at)) << "query " << query;
  ASSERT_TRUE(std::equal(one.scores.begin(), one.scores.end(), batch.scores.begin() + at)) << "query " << query;
}

Rows Unit(Rows rows) {
  for (std::size_t row = 0; row < rows.count; ++row) Normalize(rows.row(row), rows.dim, rows.row(row));
  return rows;
}

class LeafStopTest : public EachInstructionSet {
 protected:
  Draw draw_{17};
  Rows rows_ = ClusteredRows(draw_, kCount, kDim, 60, 0.8);
  Rows queries_ = Unit(ClusteredRows(draw_, kQueries, kDim, 60, 0.8));
  Rows projection_ = OrthonormalRows(draw_, 9, kDim);
};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(LeafStopTest);

// The rule, a leaf at a time.
std::size_t Plainly(Metric metric, const float (&scales)[3], std::size_t dim, const std::vector<float>& scores,
                    double square, double bound, double kth) {
  std::size_t read = std::min(kFirst, scores.size());
  for (; read < scores.size(); ++read) {
    double mean = scales[0] * static_cast<double>(scores[read]);
    double spread = std::sqrt(scales[1] / static_cast<double>(dim) * square);
    if (metric == Metric::kSquaredL2) {
      const double distance = square - scores[read];
      mean = -distance - scales[1];
      spread = std::sqrt(4.0 * scales[1] / static_cast<double>(dim) * distance + scales[2]);
    }
    if ((kth - mean) / spread + 0.7 * std::log(static_cast<double>(read + 1)) >= bound) break;
  }
  return read;
}

TEST(LeafStopRuleTest, ReadsOnUntilALeafIsOfNoUse) {
  Draw draw(1);
  std::size_t stopped = 0;
  for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
    const float scales[3] = {metric == Metric::kSquaredL2 ? 1.0f : 0.8f, 0.6f, 0.02f};
    IndexArrays arrays;
    arrays.metric = metric;
    arrays.dim = 20;
    arrays.stop_scales.values = scales;
    for (const std::size_t count : {0, 1, 3, 4, 5, 40, 300}) {
      for (int i = 0; i < 30; ++i) {
        IntegerQuery query;
        query.square = 1.3f;
        std::vector<float> scores;
        for (std::size_t leaf = 0; leaf < count; ++leaf) scores.push_back(static_cast<float>(0.5 * draw.Unit()));
        std::sort(scores.begin(), scores.end(), std::greater<>());
        std::vector<std::uint64_t> keys;
        for (std::size_t leaf = 0; leaf < count; ++leaf) keys.push_back(ScoreKey(scores[leaf], static_cast<std::uint32_t>(leaf)));
        const double kth = metric == Metric::kSquaredL2 ? -0.9 : 0.6;
        std::size_t before = 0;
        for (const double bound : {-1e9, 1.0, 2.0, 3.0, 4.0, 5.0, 1e9}) {
          const LeafStop stop(arrays, query, static_cast<float>(bound), 0.0);
          const std::size_t read = stop.Count(keys, kth);
          ASSERT_EQ(read, Plainly(metric, scales, 20, scores, 1.3f, bound, kth)) << count << " leaves, " << bound;
          ASSERT_GE(read, before);
          before = read;
          stopped += read > kFirst && read < count ? 1 : 0;
          // What routing does not see of all leaves lies on both sides.
          ASSERT_EQ(LeafStop(arrays, query, static_cast<float>(bound), 7.0).Count(keys, kth + 7.0), read);
        }
        ASSERT_EQ(before, count);
        ASSERT_EQ(LeafStop(arrays, query, -1e9f, 0.0).Count(keys, kth), std::min(kFirst, count));
      }
    }
  }
  EXPECT_GT(stopped, 100u);
}

TEST_P(LeafStopTest, AQueryABatchThreadsAndInstructionSetsAgree) {
  for (const Kind& kind : kKinds) {
    for (const Shape& shape : kShapes) {
      const OpenedIndex index(rows_, Plan(kind.metric, shape, projection_), kind.normalize);
      std::size_t fewest = kLeaves * kQueries;
      std::size_t most = 0;
      for (const float bound : {-50.0f, 2.0f, 3.0f, 4.0f, 1e9f}) {
        SearchOptions options = Ask(bound);
        if (shape.upper > 0) options.upper_leaves = 5;
        const auto search = [&] { return Trace(index, queries_.view(), options); };
        const Traced batch = search();
        const Traced best = OnBestInstructionSet(search);
        ASSERT_EQ(batch.found, best.found);
        ASSERT_EQ(batch.trace.leaves, best.trace.leaves);
        fewest = std::min<std::size_t>(fewest, batch.trace.leaves);
        most = std::max<std::size_t>(most, batch.trace.leaves);
        SearchOptions more = options;
        more.threads = 3;
        ASSERT_EQ(index.Search(queries_.view(), more), batch.found);
        std::uint64_t leaves = 0;
        std::uint64_t points = 0;
        for (std::size_t q = 0; q < kQueries; ++q) {
          const Traced one = Trace(index, {queries_.row(q), 1, kDim}, options);
          ExpectSame(one.found, batch.found, q, 10);
          leaves += one.trace.leaves;
          points += one.trace.points;
        }
        ASSERT_EQ(leaves, batch.trace.leaves);
        ASSERT_EQ(points, batch.trace.points);
        SearchOptions plain = options;
        plain.stop.reset();
        if (bound == 1e9f) {
          ASSERT_EQ(batch.found, index.Search(queries_.view(), plain));
        }
      }
      EXPECT_EQ(fewest, kFirst * kQueries);
      EXPECT_EQ(most, 50 * kQueries);
    }
  }
}

TEST_P(LeafStopTest, ReadsWhatTheRuleSaysOfTheBestSoFar) {
  // Without rows an answer is the scan's own score: that of the k-th best of the first leaves is t.
  std::size_t between = 0;
  for (const Kind& kind : kKinds) {
    for (const bool spill : {false, true}) {
      const Shape shape{spill, false, false, 0};
      const OpenedIndex index(rows_, Plan(kind.metric, shape, projection_), kind.normalize);
      const Snapshot& snapshot = index.searcher().snapshot();
      for (const std::size_t k : {1, 10, 37}) {
        for (std::size_t q = 0; q < kQueries; ++q) {
          const MatrixView<float> query{queries_.row(q), 1, kDim};
          const Traced stopped = Trace(index, query, Ask(3.0f, 50, k));
          const Found first = index.Search(query, Ask(std::nullopt, kFirst, k));
          ASSERT_GE(first.ids.back(), 0);
          const bool l2 = kind.metric == Metric::kSquaredL2;
          Router::Scratch route;
          std::vector<float> centered(query.data, query.data + kDim);
          if (l2) {
            for (std::size_t i = 0; i < kDim; ++i) centered[i] -= snapshot.arrays.center[i];
          }
          const auto leaves = snapshot.router.Route(centered, 50, route);
          const LeafStop rule(snapshot.arrays, route.queries[0], 3.0f, 0.0);
          // A distance of less than nothing comes out as 0: nobody is that near here.
          const std::size_t count = rule.Count(leaves, l2 ? -first.scores.back() : first.scores.back());
          ASSERT_EQ(stopped.trace.leaves, count);
          ASSERT_EQ(stopped.found, index.Search(query, Ask(std::nullopt, count, k)));
          between += count > kFirst && count < 50 ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(between, 200u);
}

TEST_P(LeafStopTest, NobodyStopsBeforeKAreFound) {
  for (const Kind& kind : kKinds) {
    for (const bool spill : {false, true}) {
      const Shape shape{spill, true, false, 0};
      const OpenedIndex index(rows_, Plan(kind.metric, shape, projection_), kind.normalize);
      // Four leaves hold some 200 rows.
      const SearchOptions options = Ask(-50.0f, 50, 1500);
      const Traced batch = Trace(index, queries_.view(), options);
      ASSERT_EQ(batch.trace.leaves, 50 * kQueries);
      ASSERT_EQ(batch.found, index.Search(queries_.view(), Ask(std::nullopt, 50, 1500)));
      ASSERT_EQ(Trace(index, {queries_.row(0), 1, kDim}, options).trace.leaves, 50u);
    }
  }
}

TEST_P(LeafStopTest, HoldsToFilters) {
  for (const Kind& kind : kKinds) {
    for (const bool spill : {false, true}) {
      const Shape shape{spill, true, false, 0};
      const OpenedIndex index(rows_, Plan(kind.metric, shape, projection_), kind.normalize);
      for (const double share : {0.05, 0.3, 0.9}) {
        std::vector<std::uint8_t> allowed(kCount);
        for (std::uint8_t& row : allowed) row = draw_.Unit() < share ? 1 : 0;
        const Filter filter(index.searcher().snapshot(), allowed);
        for (const float bound : {-50.0f, 3.0f, 1e9f}) {
          SearchOptions options = Ask(bound, 10);
          options.filter = &filter;
          const auto search = [&] { return Trace(index, queries_.view(), options); };
          const Traced batch = search();
          ASSERT_EQ(batch.found, OnBestInstructionSet(search).found);
          SearchOptions plain = options;
          plain.stop.reset();
          const Traced all = Trace(index, queries_.view(), plain);
          ASSERT_LE(batch.trace.leaves, all.trace.leaves);
          if (bound == 1e9f) {
            ASSERT_EQ(batch.found, all.found);
          }
          for (std::size_t q = 0; q < kQueries; ++q) {
            ExpectSame(index.Search({queries_.row(q), 1, kDim}, options), batch.found, q, 10);
            for (std::size_t i = 0; i < 10; ++i) {
              const std::int64_t id = batch.found.ids[q * 10 + i];
              const auto& order = index.built().order;
              if (id < 0) continue;
              const auto row = std::find(order.begin(), order.end(), static_cast<std::uint32_t>(id)) - order.begin();
              ASSERT_TRUE(allowed[static_cast<std::size_t>(row)]);
            }
          }
        }
      }
    }
  }
}

TEST_P(LeafStopTest, DeniedRowsAreNotAmongTheBestSoFar) {
  for (const Kind& kind : kKinds) {
    for (const bool spill : {false, true}) {
      const Shape shape{spill, false, false, 0};
      const OpenedIndex index(rows_, Plan(kind.metric, shape, projection_), kind.normalize);
      // The answers themselves, of each query: without them it has to read on.
      const Found before = index.Search(queries_.view(), Ask(std::nullopt, 50, 30));
      std::vector<std::uint32_t> by_id(kCount);
      for (std::uint32_t row = 0; row < kCount; ++row) by_id[index.built().order[row]] = row;
      std::vector<std::uint32_t> denied;
      for (const std::int64_t id : before.ids) denied.push_back(by_id[static_cast<std::size_t>(id)]);
      QueryLists lists;
      lists.deny.lists = MatrixView<std::uint32_t>{denied.data(), kQueries, 30};
      SearchOptions options = Ask(3.0f);
      options.lists = &lists;
      const auto search = [&] { return Trace(index, queries_.view(), options); };
      const Traced batch = search();
      ASSERT_EQ(batch.found, OnBestInstructionSet(search).found);
      EXPECT_GT(batch.trace.leaves, Trace(index, queries_.view(), Ask(3.0f)).trace.leaves);
      std::uint64_t leaves = 0;
      for (std::size_t q = 0; q < kQueries; ++q) {
        QueryLists own;
        own.deny.lists = MatrixView<std::uint32_t>{denied.data() + q * 30, 1, 30};
        SearchOptions alone = Ask(3.0f);
        alone.lists = &own;
        const Traced one = Trace(index, {queries_.row(q), 1, kDim}, alone);
        ExpectSame(one.found, batch.found, q, 10);
        leaves += one.trace.leaves;
        // As many leaves as the rule says of the k-th best that is not denied.
        SearchOptions first = Ask(std::nullopt, kFirst);
        first.lists = &own;
        const Found found = index.Search({queries_.row(q), 1, kDim}, first);
        if (kind.metric == Metric::kSquaredL2 || found.ids.back() < 0) continue;
        const Snapshot& snapshot = index.searcher().snapshot();
        Router::Scratch route;
        const auto keys = snapshot.router.Route({queries_.row(q), kDim}, 50, route);
        const LeafStop rule(snapshot.arrays, route.queries[0], 3.0f, 0.0);
        ASSERT_EQ(one.trace.leaves, rule.Count(keys, found.scores.back()));
      }
      ASSERT_EQ(leaves, batch.trace.leaves);
    }
  }
}

TEST_P(LeafStopTest, GoesOnThroughUpdates) {
  for (const Kind& kind : kKinds) {
    for (const bool spill : {false, true}) {
      const Shape shape{spill, true, false, 0};
      LivingIndex index(rows_, Plan(kind.metric, shape, projection_), kind.normalize);
      for (std::int64_t round = 0; round < 3; ++round) {
        const Rows fresh = ClusteredRows(draw_, 300, kDim, 60, 0.8);
        std::vector<std::int64_t> ids;
        std::vector<std::int64_t> gone;
        for (std::int64_t i = 0; i < 300; ++i) ids.push_back(i * 5 + round * 1000);
        for (std::int64_t i = 0; i < 200; ++i) {
          if (index.has(i * 11 + 3) && (i * 11 + 3) % 5 != 0) gone.push_back(i * 11 + 3);
        }
        index.Update(ids, fresh, gone);
        const SearchOptions options = Ask(3.0f);
        const auto search = [&] { return Trace(index, queries_.view(), options); };
        const Traced batch = search();
        ASSERT_EQ(batch.found, OnBestInstructionSet(search).found);
        ASSERT_LT(batch.trace.leaves, 50 * kQueries);
        std::uint64_t leaves = 0;
        for (std::size_t q = 0; q < kQueries; ++q) {
          const Traced one = Trace(index, {queries_.row(q), 1, kDim}, options);
          ExpectSame(one.found, batch.found, q, 10);
          leaves += one.trace.leaves;
        }
        ASSERT_EQ(leaves, batch.trace.leaves);
      }
    }
  }
}

TEST_P(LeafStopTest, IndexesOfOlderVersionsReadAllLeaves) {
  const OpenedIndex index(rows_, Plan(Metric::kSquaredL2, kShapes[0], projection_));
  IndexArrays arrays = index.searcher().snapshot().arrays;
  arrays.stop_scales = {};
  const Searcher older(OpenSnapshot(arrays));
  SharedTrace trace;
  SearchOptions options = Ask(-50.0f);
  options.trace = &trace;
  EXPECT_EQ(LivingIndex::SearchIn(older, queries_.view(), options), index.Search(queries_.view(), Ask(std::nullopt)));
  EXPECT_EQ(trace.sum().leaves, 50 * kQueries);
}

TEST_P(LeafStopTest, PlansWithoutTreeOrCodesHaveNoScales) {
  BuildOptions plan = Plan(Metric::kSquaredL2, kShapes[0], projection_);
  plan.width = 0;
  const OpenedIndex exact(rows_, plan);
  EXPECT_TRUE(exact.built().stop_scales.empty());
  EXPECT_EQ(exact.Search(queries_.view(), Ask(-50.0f)), exact.Search(queries_.view(), Ask(std::nullopt)));
  plan.width = 2;
  plan.leaves = 0;
  const OpenedIndex whole(rows_, plan);
  EXPECT_TRUE(whole.built().stop_scales.empty());
  EXPECT_EQ(whole.Search(queries_.view(), Ask(-50.0f)), whole.Search(queries_.view(), Ask(std::nullopt)));
}

TEST_P(LeafStopTest, FindsMoreInAsManyPoints) {
  // Centres of very different spreads: some queries need ten times the leaves that others do.
  Rows rows = rows_;
  Draw draw(5);
  const Rows centres = NormalRows(draw, 60, kDim);
  const auto point = [&](float* to, std::size_t cluster) {
    const double spread = 0.05 + 1.2 * static_cast<double>(cluster % 6) / 5.0;
    for (std::size_t i = 0; i < kDim; ++i) to[i] = static_cast<float>(centres.row(cluster)[i] + spread * draw.Normal());
  };
  for (std::size_t row = 0; row < kCount; ++row) point(rows.row(row), draw.Below(60));
  Rows queries = NormalRows(draw, 300, kDim);
  for (std::size_t q = 0; q < queries.count; ++q) point(queries.row(q), draw.Below(60));
  for (const Kind& kind : kKinds) {
    if (kind.metric == Metric::kDotProduct && !kind.normalize) continue;
    const Rows asked = kind.normalize ? Unit(queries) : queries;
    for (const bool spill : {false, true}) {
      const Shape shape{spill, true, false, 0};
      const OpenedIndex index(rows, Plan(kind.metric, shape, projection_), kind.normalize);
      SearchOptions exact = Ask(std::nullopt, kLeaves);
      exact.candidates = kCount;
      const Found wanted = index.Search(asked.view(), exact);
      const auto hits = [&](const Found& found) {
        std::size_t hit = 0;
        for (std::size_t q = 0; q < asked.count; ++q) {
          const auto begin = wanted.ids.begin() + static_cast<std::ptrdiff_t>(q * 10);
          for (std::size_t i = 0; i < 10; ++i) hit += static_cast<std::size_t>(std::count(begin, begin + 10, found.ids[q * 10 + i]));
        }
        return hit;
      };
      SearchOptions fixed = Ask(std::nullopt, 9);
      fixed.candidates = 200;
      const Traced plain = Trace(index, asked.view(), fixed);
      // The largest bound that reads no more points.
      SearchOptions stopping = Ask(0.0f, 40);
      stopping.candidates = 200;
      Traced stopped;
      for (float bound = 6.0f; bound > -6.0f; bound -= 0.05f) {
        stopping.stop = bound;
        stopped = Trace(index, asked.view(), stopping);
        if (stopped.trace.points <= plain.trace.points) break;
      }
      ASSERT_LE(stopped.trace.points, plain.trace.points);
      const std::size_t all = asked.count * 10;
      EXPECT_GT(hits(stopped.found), hits(plain.found)) << "spill " << spill;
      // Of what was missed a fifth and more is found.
      EXPECT_LT(all - hits(stopped.found), (all - hits(plain.found)) * 4 / 5) << "spill " << spill << " of " << all - hits(plain.found);
    }
  }
}

}  // namespace
}  // namespace leafscan
