#include "leafscan/simd/centroid_score.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/centroid_score_reference.h"

namespace leafscan {
namespace {

class CentroidScoreTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(CentroidScoreTest);

// The largest components whose sums stay within 32 bits.
std::int64_t Limit(std::size_t dim) {
  return std::min<std::int64_t>(32767, static_cast<std::int64_t>(std::sqrt(2147483647.0 / static_cast<double>(dim))));
}

void ExpectReference(const std::vector<std::int16_t>& rows, const std::vector<std::int16_t>& query,
                     const std::vector<std::uint32_t>& which) {
  const MatrixView<std::int16_t> centroids{rows.data(), rows.size() / query.size(), query.size()};
  std::vector<std::int32_t> out(which.size() + 1, -7);
  CentroidScores(centroids, query, which, out);
  for (std::size_t i = 0; i < which.size(); ++i) {
    ASSERT_EQ(out[i], reference::CentroidScore(centroids, query, which[i])) << "centroid " << which[i];
  }
  EXPECT_EQ(out.back(), -7);
}

TEST_P(CentroidScoreTest, RandomShapesEqualTheReference) {
  Draw draw(1);
  for (const std::size_t dim : {32, 64, 96, 128, 800}) {
    const std::int64_t limit = Limit(dim);
    const auto rows = draw.Integers<std::int16_t>(40 * dim, -limit, limit);
    const auto query = draw.Integers<std::int16_t>(dim, -limit, limit);
    for (const std::size_t count : {0, 1, 2, 5, 6, 7, 100}) {
      std::vector<std::uint32_t> which(count);
      for (std::uint32_t& row : which) row = static_cast<std::uint32_t>(draw.Below(40));
      ExpectReference(rows, query, which);
    }
  }
}

TEST_P(CentroidScoreTest, TheLargestSumsFit) {
  for (const std::size_t dim : {32, 96, 4096}) {
    const auto limit = static_cast<std::int16_t>(Limit(dim));
    for (const int sign : {1, -1}) {
      ExpectReference(std::vector<std::int16_t>(2 * dim, limit),
                      std::vector<std::int16_t>(dim, static_cast<std::int16_t>(sign * limit)), {1, 0});
    }
  }
}

}  // namespace
}  // namespace leafscan
