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
#include "leafscan/core/score_key.h"
#include "leafscan/simd/route_score_reference.h"

namespace leafscan {
namespace {

class RouteScoreTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(RouteScoreTest);

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The largest components whose sums stay within 32 bits.
std::int64_t Limit(std::size_t pairs) {
  const double limit = std::sqrt(2147483647.0 / static_cast<double>(2 * pairs));
  return std::min<std::int64_t>(32767, static_cast<std::int64_t>(limit));
}

void ExpectReference(const std::vector<std::int16_t>& table, const std::vector<std::int16_t>& query,
                     std::size_t groups) {
  std::vector<std::int32_t> out(groups * kRouteLanes, -7);
  RouteScores(table, query, out);
  for (std::size_t centroid = 0; centroid < out.size(); ++centroid) {
    ASSERT_EQ(out[centroid], reference::RouteScore(table, query, centroid))
        << query.size() / 2 << " pairs, " << groups << " groups, centroid " << centroid;
  }
}

TEST_P(RouteScoreTest, RandomShapesEqualTheReference) {
  Draw draw(1);
  for (const std::size_t pairs : {1, 2, 4, 8, 9, 16, 17, 50, 392}) {
    for (std::size_t groups = 1; groups <= 9; ++groups) {
      const std::int64_t limit = Limit(pairs);
      ExpectReference(draw.Integers<std::int16_t>(groups * pairs * 2 * kRouteLanes, -limit, limit),
                      draw.Integers<std::int16_t>(2 * pairs, -limit, limit), groups);
    }
  }
}

TEST_P(RouteScoreTest, TheLargestSumsFit) {
  for (const std::size_t pairs : {1, 2, 3, 50, 392, 2048}) {
    const auto limit = static_cast<std::int16_t>(Limit(pairs));
    for (const int sign : {1, -1}) {
      ExpectReference(std::vector<std::int16_t>(5 * pairs * 2 * kRouteLanes, limit),
                      std::vector<std::int16_t>(2 * pairs, static_cast<std::int16_t>(sign * limit)), 5);
    }
  }
}

TEST_P(RouteScoreTest, NoGroupsAreNoWork) {
  const std::vector<std::int16_t> query(4, 1);
  RouteScores({}, query, {});
}

struct Leaves {
  std::vector<std::int32_t> products;
  std::vector<float> addends;
  float worth = 0.0f;
  float weight = 0.0f;

  LeafScores scores() const { return {products, worth, addends, weight}; }
};

Leaves RandomLeaves(Draw& draw, std::size_t groups) {
  Leaves leaves;
  leaves.products = draw.Integers<std::int32_t>(groups * kRouteLanes, -2147483648LL, 2147483647LL);
  leaves.addends = draw.Normals(groups * kRouteLanes, 1e3);
  leaves.worth = static_cast<float>(1e-6 * draw.Unit());
  leaves.weight = static_cast<float>(draw.Unit());
  return leaves;
}

// Keeps from `first` to the end, a buffer of `room` at a time, as a caller does.
std::vector<std::uint64_t> KeepAll(const Leaves& of, std::size_t first, std::size_t leaves, float least,
                                   std::size_t room) {
  std::vector<std::uint64_t> all;
  while (first < leaves) {
    std::vector<std::uint64_t> keys(room, 0xABCDABCDABCDABCD);
    const KeepProgress done = KeepLeaves(of.scores(), first, leaves, least, keys);
    EXPECT_GT(done.leaves, 0u);
    EXPECT_LE(done.kept, done.leaves);
    if (done.leaves == 0 || done.kept > room) break;
    if (first + done.leaves < leaves) {
      EXPECT_LT(room - done.kept, kRouteLanes) << "stopped early";
    }
    all.insert(all.end(), keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(done.kept));
    first += done.leaves;
  }
  EXPECT_EQ(first, leaves);
  return all;
}

std::vector<std::uint64_t> ExpectedKeys(const Leaves& of, std::size_t first, std::size_t leaves, float least) {
  std::vector<std::uint64_t> keys;
  for (std::size_t leaf = first; leaf < leaves; ++leaf) {
    const float score = reference::LeafScore(of.scores(), leaf);
    if (score >= least) keys.push_back(ScoreKey(score, static_cast<std::uint32_t>(leaf)));
  }
  return keys;
}

TEST_P(RouteScoreTest, KeptLeavesEqualTheReferenceToTheBit) {
  Draw draw(2);
  for (const std::size_t leaves : {1, 2, 15, 16, 17, 31, 32, 33, 100, 1000}) {
    const Leaves of = RandomLeaves(draw, (leaves + kRouteLanes - 1) / kRouteLanes);
    const float some = reference::LeafScore(of.scores(), draw.Below(leaves));
    for (const float least : {-kInfinity, some, std::nextafter(some, kInfinity), 0.0f, kInfinity}) {
      for (const std::size_t room : {16, 17, 31, 40, 300}) {
        ASSERT_EQ(KeepAll(of, 0, leaves, least, room), ExpectedKeys(of, 0, leaves, least))
            << leaves << " leaves, room " << room;
      }
      if (leaves > 32) {
        ASSERT_EQ(KeepAll(of, 32, leaves, least, 64), ExpectedKeys(of, 32, leaves, least));
      }
    }
  }
}

TEST_P(RouteScoreTest, ProductsAndAddendsRoundByThemselves) {
  // Fused, product * worth + addend would be 2^-24 off.
  Leaves of;
  of.products.assign(kRouteLanes, (1 << 24) - 1);
  of.addends.assign(kRouteLanes, -1.0f);
  of.worth = (1.0f + 0x1.0p-23f) * 0x1.0p-24f;
  of.weight = 1.0f;
  EXPECT_EQ(KeepAll(of, 0, kRouteLanes, -kInfinity, 16), ExpectedKeys(of, 0, kRouteLanes, -kInfinity));
}

TEST_P(RouteScoreTest, WithoutRoomNothingIsKept) {
  Draw draw(3);
  const Leaves of = RandomLeaves(draw, 2);
  for (const std::size_t room : {0, 1, 15}) {
    std::vector<std::uint64_t> keys(room, 5);
    const KeepProgress done = KeepLeaves(of.scores(), 0, 32, -kInfinity, keys);
    EXPECT_EQ(done.leaves, 0u);
    EXPECT_EQ(done.kept, 0u);
    EXPECT_EQ(keys, std::vector<std::uint64_t>(room, 5));
  }
}

}  // namespace
}  // namespace leafscan
