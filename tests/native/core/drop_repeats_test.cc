#include "leafscan/core/drop_repeats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

TEST(DropRepeatsTest, KeepsTheBestKeyOfEachRow) {
  Draw draw(1);
  DropRepeats drop;
  for (int round = 0; round < 300; ++round) {
    // Of few rows, of many, and of rows that share their low bits.
    const std::size_t rows = 1 + draw.Below(300);
    const std::uint64_t step = draw.Below(2) == 0 ? 1 : 1u << 16;
    std::vector<std::uint64_t> keys(draw.Below(400));
    std::map<std::uint32_t, std::uint64_t> best;
    for (std::uint64_t& key : keys) {
      const auto row = static_cast<std::uint32_t>(draw.Below(rows) * step);
      key = draw.Below(50) << 32 | row;
      best[row] = std::max(best[row], key);
    }
    const std::size_t kept = drop(keys);
    ASSERT_EQ(kept, best.size());
    for (std::size_t i = 0; i < kept; ++i) ASSERT_EQ(keys[i], best.at(static_cast<std::uint32_t>(keys[i])));
    std::sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(kept));
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(kept)),
              keys.begin() + static_cast<std::ptrdiff_t>(kept));
  }
}

TEST(DropRepeatsTest, NothingIsNothing) {
  DropRepeats drop;
  EXPECT_EQ(drop({}), 0u);
}

}  // namespace
}  // namespace leafscan
