#include "leafscan/core/numbers_in_range.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMost = std::numeric_limits<float>::max();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(NumbersInRangeTest, FindsTheFirstBadRowWhateverTheThreads) {
  Draw draw(1);
  for (const std::size_t dim : {1, 3, 17}) {
    Rows rows = NormalRows(draw, 20000, dim);
    for (const int threads : {1, 2, 3}) EXPECT_EQ(FirstBadRow(rows.view(), kMost, threads), rows.count);
    std::size_t lowest = rows.count;
    for (int bad = 0; bad < 6; ++bad) {
      const std::size_t row = draw.Below(lowest);
      lowest = row;
      rows.row(row)[draw.Below(dim)] = bad % 3 == 0 ? kNan : bad % 3 == 1 ? kInfinity : -kInfinity;
      for (const int threads : {1, 2, 3}) EXPECT_EQ(FirstBadRow(rows.view(), kMost, threads), lowest);
      if (lowest == 0) break;
    }
  }
}

TEST(NumbersInRangeTest, TheEdgesOfChunksAreSeen) {
  for (const std::size_t row : {0, 4095, 4096, 8191, 8192}) {
    Rows rows{std::vector<float>(8193 * 2, 1.0f), 8193, 2};
    rows.row(row)[1] = kNan;
    EXPECT_EQ(FirstBadRow(rows.view(), kMost, 3), row);
  }
}

TEST(NumbersInRangeTest, AllFiniteNumbersAreGood) {
  const std::vector<float> numbers{0.0f, -0.0f, 1e-45f, -1e-45f, std::numeric_limits<float>::max(),
                                   std::numeric_limits<float>::lowest(), std::numeric_limits<float>::min()};
  EXPECT_EQ(FirstBadRow({numbers.data(), 1, numbers.size()}, kMost, 1), 1u);
  EXPECT_EQ(FirstBadRow({nullptr, 0, 3}, kMost, 2), 0u);
}

TEST(NumbersInRangeTest, TheErrorNamesWhatAndWhere) {
  Rows rows{std::vector<float>(12, 0.0f), 4, 3};
  CheckNumbers(rows.view(), "queries", kMost, 2);
  rows.row(2)[0] = kInfinity;
  rows.row(3)[0] = kNan;
  try {
    CheckNumbers(rows.view(), "queries", kMost, 2);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("queries"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("row 2"), std::string::npos);
  }
}

TEST(NumbersInRangeTest, WhatIsMultipliedAsGivenIsBounded) {
  Rows rows{{1e15f, -1e15f, 0.0f, 1.0f, -1.1e15f, 2e15f}, 3, 2};
  EXPECT_EQ(FirstBadRow(rows.view(), Most(false), 1), 2u);
  EXPECT_EQ(FirstBadRow(rows.view(), Most(true), 1), 3u);
  try {
    CheckNumbers(rows.view(), "vectors", Most(false), 2);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()),
              "vectors must hold numbers from -1e+15 to 1e+15, or scores would not be finite 32-bit floats; received "
              "2e+15 in row 2. Scale vectors and queries alike.");
  }
}

}  // namespace
}  // namespace leafscan
