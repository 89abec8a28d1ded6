#include "leafscan/train/sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace leafscan {
namespace {

TEST(SampleTest, IsAscendingWithoutRepeatsAndSeeded) {
  for (const std::size_t size : {1, 2, 17, 1000}) {
    for (const std::size_t count : {0, 1, 5, 999}) {
      const std::vector<std::uint32_t> rows = SampleRows(size, count, 3);
      EXPECT_EQ(rows.size(), std::min(size, count));
      EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
      EXPECT_EQ(std::adjacent_find(rows.begin(), rows.end()), rows.end());
      if (!rows.empty()) {
        EXPECT_LT(rows.back(), size);
      }
      EXPECT_EQ(rows, SampleRows(size, count, 3));
    }
  }
  EXPECT_NE(SampleRows(1000, 100, 3), SampleRows(1000, 100, 4));
}

TEST(SampleTest, AllOfThemAreAll) {
  std::vector<std::uint32_t> all(50);
  std::iota(all.begin(), all.end(), 0u);
  EXPECT_EQ(SampleRows(50, 50, 1), all);
  EXPECT_EQ(SampleRows(50, 5000, 1), all);
}

TEST(SampleTest, EveryRowIsAsLikelyAsAnyOther) {
  std::vector<int> counts(20, 0);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    for (const std::uint32_t row : SampleRows(20, 5, seed)) ++counts[row];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

}  // namespace
}  // namespace leafscan
