#include "leafscan/search/denied_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

TEST(DeniedRowsTest, FindsWhatLiesInARange) {
  Draw draw(1);
  DeniedRows denied;
  for (const std::size_t named : {0u, 1u, 2u, 3u, 7u, 100u}) {
    for (const bool sorted : {false, true}) {
      auto list = draw.Integers<std::uint32_t>(named, 0, 199);
      if (named > 2) list[1] = list[0];
      list.insert(list.end(), {RowSet::kNone, 200, 250});  // no rows of 200
      if (sorted) std::sort(list.begin(), list.end());
      for (const bool hashed : {false, true}) {
        denied.Read(list, 200, hashed);
        std::vector<std::uint32_t> wanted(list.begin(), list.end());
        std::sort(wanted.begin(), wanted.end());
        wanted.resize(named);
        EXPECT_TRUE(std::ranges::equal(denied.sorted(), wanted));
        for (std::uint32_t row = 0; row < 260; ++row) {
          EXPECT_EQ(denied.Contains(row), std::ranges::count(wanted, row) > 0);
        }
        for (int i = 0; i < 300; ++i) {
          const auto begin = static_cast<std::uint32_t>(draw.Below(210));
          const auto end = begin + static_cast<std::uint32_t>(draw.Below(60));
          std::vector<std::uint32_t> within;
          std::ranges::copy_if(wanted, std::back_inserter(within),
                               [&](std::uint32_t row) { return row >= begin && row < end; });
          EXPECT_TRUE(std::ranges::equal(denied.Within(begin, end), within));
        }
      }
    }
  }
}

}  // namespace
}  // namespace leafscan
