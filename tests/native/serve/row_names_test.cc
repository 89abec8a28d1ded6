// Names find their rows; what names none is passed over.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "leafscan/serve/row_names.h"

namespace leafscan {
namespace {

TEST(RowNamesTest, FindsEachRowOnceAndAscending) {
  const std::vector<std::int64_t> ids{30, std::numeric_limits<std::int64_t>::max(), 0, 20};
  const RowNames names{std::span<const std::int64_t>(ids)};
  std::vector<std::uint32_t> rows{7};
  names.Find(std::vector<std::int64_t>{20, -1, 30, 7, 20, ids[1], 1 << 30}, rows);
  EXPECT_EQ(rows, (std::vector<std::uint32_t>{0, 1, 3}));
  names.Find({}, rows);
  EXPECT_TRUE(rows.empty());
}

TEST(RowNamesTest, TakesPositionsToo) {
  const std::vector<std::uint32_t> order{2, 0, 1};
  const RowNames names{std::span<const std::uint32_t>(order)};
  std::vector<std::uint32_t> rows;
  names.Find(std::vector<std::int64_t>{2, 1}, rows);
  EXPECT_EQ(rows, (std::vector<std::uint32_t>{0, 2}));
}

}  // namespace
}  // namespace leafscan
