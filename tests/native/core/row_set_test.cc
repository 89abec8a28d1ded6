#include "leafscan/core/row_set.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

TEST(RowSetTest, HoldsWhatWasPutIn) {
  Draw draw(1);
  RowSet rows;
  for (const std::size_t most : {0u, 1u, 2u, 3u, 100u, 5000u}) {
    // Rows that lie side by side, and rows anywhere.
    for (const std::size_t below : {std::size_t{2} * most + 1, std::size_t{0xFFFFFFFE}}) {
      rows.Reset(most);
      std::set<std::uint32_t> wanted;
      for (std::size_t i = 0; i < most; ++i) {
        const auto row = static_cast<std::uint32_t>(draw.Below(below));
        EXPECT_EQ(rows.Insert(row), wanted.insert(row).second);
      }
      EXPECT_EQ(rows.size(), wanted.size());
      for (const std::uint32_t row : wanted) EXPECT_TRUE(rows.Contains(row));
      for (int i = 0; i < 200; ++i) {
        const auto row = static_cast<std::uint32_t>(draw.Below(below));
        EXPECT_EQ(rows.Contains(row), wanted.contains(row));
      }
    }
  }
}

TEST(RowSetTest, IsEmptyAtFirstAndAfterAReset) {
  RowSet rows;
  EXPECT_EQ(rows.size(), 0u);
  EXPECT_FALSE(rows.Contains(0));
  rows.Reset(3);
  rows.Insert(0);
  rows.Insert(0xFFFFFFFE);
  rows.Reset(3);
  EXPECT_EQ(rows.size(), 0u);
  EXPECT_FALSE(rows.Contains(0));
  EXPECT_FALSE(rows.Contains(0xFFFFFFFE));
}

}  // namespace
}  // namespace leafscan
