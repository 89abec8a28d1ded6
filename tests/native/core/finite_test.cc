#include "leafscan/core/finite.h"

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
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(FiniteTest, FindsTheFirstBadRowWhateverTheThreads) {
  Draw draw(1);
  for (const std::size_t dim : {1, 3, 17}) {
    Rows rows = NormalRows(draw, 20000, dim);
    for (const int threads : {1, 2, 3}) EXPECT_EQ(FirstBadRow(rows.view(), threads), rows.count);
    std::size_t lowest = rows.count;
    for (int bad = 0; bad < 6; ++bad) {
      const std::size_t row = draw.Below(lowest);
      lowest = row;
      rows.row(row)[draw.Below(dim)] = bad % 3 == 0 ? kNan : bad % 3 == 1 ? kInfinity : -kInfinity;
      for (const int threads : {1, 2, 3}) EXPECT_EQ(FirstBadRow(rows.view(), threads), lowest);
      if (lowest == 0) break;
    }
  }
}

TEST(FiniteTest, TheEdgesOfChunksAreSeen) {
  for (const std::size_t row : {0, 4095, 4096, 8191, 8192}) {
    Rows rows{std::vector<float>(8193 * 2, 1.0f), 8193, 2};
    rows.row(row)[1] = kNan;
    EXPECT_EQ(FirstBadRow(rows.view(), 3), row);
  }
}

TEST(FiniteTest, AllFiniteNumbersAreGood) {
  const std::vector<float> numbers{0.0f, -0.0f, 1e-45f, -1e-45f, std::numeric_limits<float>::max(),
                                   std::numeric_limits<float>::lowest(), std::numeric_limits<float>::min()};
  EXPECT_EQ(FirstBadRow({numbers.data(), 1, numbers.size()}, 1), 1u);
  EXPECT_EQ(FirstBadRow({nullptr, 0, 3}, 2), 0u);
}

TEST(FiniteTest, TheErrorNamesWhatAndWhere) {
  Rows rows{std::vector<float>(12, 0.0f), 4, 3};
  CheckFinite(rows.view(), "queries", 2);
  rows.row(2)[0] = kInfinity;
  rows.row(3)[0] = kNan;
  try {
    CheckFinite(rows.view(), "queries", 2);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("queries"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("row 2"), std::string::npos);
  }
}

}  // namespace
}  // namespace leafscan
