#include "leafscan/core/score_key.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ScoreKeyTest, OrdersScoresThenLowerRows) {
  const float scores[] = {-kInfinity, -3e38f,  -1.0f, -std::numeric_limits<float>::min(),
                          -1e-45f,    -0.0f,   0.0f,  1e-45f,
                          1.0f,       std::nextafter(1.0f, 2.0f), 3e38f, kInfinity};
  const std::uint32_t rows[] = {0, 1, 1000, 0x7FFFFFFF, 0xFFFFFFFE};
  for (const float a : scores) {
    for (const float b : scores) {
      for (const std::uint32_t row : rows) {
        for (const std::uint32_t other : rows) {
          const bool better = a != b ? a > b : row < other;
          EXPECT_EQ(ScoreKey(a, row) > ScoreKey(b, other), better) << a << " " << b;
        }
      }
    }
  }
}

TEST(ScoreKeyTest, GivesBackScoreAndRow) {
  Draw draw(1);
  std::vector<float> scores = draw.Normals(1000, 1e3);
  scores.insert(scores.end(), {-kInfinity, kInfinity, 0.0f, 1e-45f, -1e-45f, 3.4e38f});
  for (const float score : scores) {
    const auto row = static_cast<std::uint32_t>(draw.Below(0xFFFFFFFF));
    EXPECT_EQ(KeyScore(ScoreKey(score, row)), score);
    EXPECT_EQ(KeyRow(ScoreKey(score, row)), row);
  }
}

TEST(ScoreKeyTest, BothZerosAreOne) {
  EXPECT_EQ(ScoreKey(-0.0f, 3), ScoreKey(0.0f, 3));
  EXPECT_FALSE(std::signbit(KeyScore(ScoreKey(-0.0f, 3))));
}

TEST(ScoreKeyTest, NoKeyIsZero) {
  // Zero means that nothing is known yet.
  EXPECT_GT(ScoreKey(-kInfinity, 0xFFFFFFFF), 0u);
}

}  // namespace
}  // namespace leafscan
