#include "leafscan/simd/route_score.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/route_score_reference.h"
#include "leafscan/simd/route_score_vnni.h"

namespace leafscan {
namespace {

class RouteScoreTest : public EachInstructionSet {
 protected:
  void TearDown() override {
    AllowVnni(true);
    EachInstructionSet::TearDown();
  }
};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(RouteScoreTest);

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// With VNNI, where there is such a thing, and without.
void ExpectReference(const std::vector<std::uint8_t>& table, const std::vector<std::int8_t>& queries, std::size_t count,
                     std::size_t groups) {
  const std::size_t size = queries.size() / count;
  const std::size_t leaves = groups * kRouteLanes;
  std::vector<std::int32_t> sums(count, 0);
  for (std::size_t i = 0; i < queries.size(); ++i) sums[i / size] += queries[i];
  for (const bool vnni : {true, false}) {
    AllowVnni(vnni);
    std::vector<std::int32_t> out(count * leaves, -7);
    RouteScores(table, queries, sums, out);
    for (std::size_t query = 0; query < count; ++query) {
      const std::span<const std::int8_t> one = std::span(queries).subspan(query * size, size);
      for (std::size_t centroid = 0; centroid < leaves; ++centroid) {
        ASSERT_EQ(out[query * leaves + centroid], reference::RouteScore(table, one, centroid))
            << size / kRouteDepth << " quads, " << groups << " groups, query " << query << " of " << count
            << ", centroid " << centroid << (vnni ? ", VNNI allowed" : "");
      }
    }
  }
}

TEST_P(RouteScoreTest, RandomShapesEqualTheReference) {
  Draw draw(1);
  for (const std::size_t quads : {1, 2, 3, 8, 25, 196}) {
    for (const std::size_t groups : {1, 2, 3, 4, 5, 7, 8, 9, 15, 20}) {
      ExpectReference(draw.Integers<std::uint8_t>(groups * quads * 64, 0, 255),
                      draw.Integers<std::int8_t>(4 * quads, -kRouteQueryMost, kRouteQueryMost), 1, groups);
    }
  }
}

TEST_P(RouteScoreTest, ABatchEqualsItsQueries) {
  Draw draw(2);
  for (const std::size_t count : {2, 3, 4, 15, 16, 17, 33}) {
    for (const std::size_t groups : {1, 4, 11}) {
      ExpectReference(draw.Integers<std::uint8_t>(groups * 5 * 64, 0, 255),
                      draw.Integers<std::int8_t>(count * 4 * 5, -kRouteQueryMost, kRouteQueryMost), count, groups);
    }
  }
}

TEST_P(RouteScoreTest, TheLargestPairsDoNotSaturate) {
  for (const std::size_t quads : {1, 2, 25, 196, 2048}) {
    for (const int byte : {0, 255}) {
      for (const int sign : {1, -1}) {
        ExpectReference(std::vector<std::uint8_t>(5 * quads * 64, static_cast<std::uint8_t>(byte)),
                        std::vector<std::int8_t>(4 * quads, static_cast<std::int8_t>(sign * kRouteQueryMost)), 1, 5);
      }
    }
  }
}

TEST_P(RouteScoreTest, NothingIsNoWork) {
  const std::vector<std::int8_t> query(4, 1);
  const std::vector<std::int32_t> sum(1, 4);
  RouteScores({}, query, sum, {});
  RouteScores({}, {}, {}, {});
}

struct Leaves {
  std::vector<std::int32_t> products;
  std::vector<float> addends;
  float worth = 0.0f;
  float weight = 0.0f;

  LeafScores scores() const { return {products, worth, addends, weight}; }
};

void ExpectScores(const Leaves& of, std::size_t leaves) {
  std::vector<float> scores(of.products.size(), 7.0f);
  ScoreLeaves(of.scores(), leaves, scores);
  for (std::size_t leaf = 0; leaf < scores.size(); ++leaf) {
    ASSERT_EQ(scores[leaf], leaf < leaves ? reference::LeafScore(of.scores(), leaf) : -kInfinity)
        << "leaf " << leaf << " of " << leaves;
  }
}

TEST_P(RouteScoreTest, LeafScoresEqualTheReferenceToTheBit) {
  Draw draw(3);
  for (const std::size_t leaves : {1, 2, 15, 16, 17, 31, 32, 33, 100, 1000}) {
    Leaves of;
    const std::size_t padded = (leaves + kRouteLanes - 1) / kRouteLanes * kRouteLanes;
    of.products = draw.Integers<std::int32_t>(padded, -2147483648LL, 2147483647LL);
    of.addends = draw.Normals(padded, 1e3);
    of.worth = static_cast<float>(1e-6 * draw.Unit());
    of.weight = static_cast<float>(draw.Unit());
    ExpectScores(of, leaves);
  }
}

TEST_P(RouteScoreTest, ProductsAndAddendsRoundByThemselves) {
  // Fused, product * worth + addend would be 2^-24 off.
  Leaves of;
  of.products.assign(kRouteLanes, (1 << 24) - 1);
  of.addends.assign(kRouteLanes, -1.0f);
  of.worth = (1.0f + 0x1.0p-23f) * 0x1.0p-24f;
  of.weight = 1.0f;
  ExpectScores(of, kRouteLanes);
}

TEST_P(RouteScoreTest, WhatOverflowsIsFinite) {
  Leaves of;
  of.products.assign(kRouteLanes, 0);
  of.addends.assign(kRouteLanes, 0.0f);
  of.products[1] = 2147483647;
  of.products[2] = -2147483647;
  of.products[3] = 2147483647;
  of.addends[3] = -3e38f;
  of.products[4] = 0;
  of.worth = 3e38f;
  of.weight = 10.0f;
  ExpectScores(of, kRouteLanes);
  std::vector<float> scores(kRouteLanes);
  ScoreLeaves(of.scores(), kRouteLanes, scores);
  EXPECT_EQ(scores[1], std::numeric_limits<float>::max());
  EXPECT_EQ(scores[2], std::numeric_limits<float>::lowest());
  EXPECT_EQ(scores[3], std::numeric_limits<float>::lowest());  // infinity less infinity
}

}  // namespace
}  // namespace leafscan
