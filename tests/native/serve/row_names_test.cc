// Names find their rows.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "leafscan/serve/row_names.h"

namespace leafscan {
namespace {

TEST(RowNamesTest, FindsTheRowOfEachName) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const RowNames names({{30, 0}, {kMost, 1}, {0, 2}, {20, 7}});
  EXPECT_EQ(names.Find(30), 0u);
  EXPECT_EQ(names.Find(kMost), 1u);
  EXPECT_EQ(names.Find(0), 2u);
  EXPECT_EQ(names.Find(20), 7u);
}

TEST(RowNamesTest, NoRowIsOfNoName) {
  const RowNames names({{30, 0}, {10, 3}});
  for (const std::int64_t name : {-1, 0, 11, 31}) EXPECT_EQ(names.Find(name), RowSet::kNone);
  EXPECT_EQ(RowNames({}).Find(0), RowSet::kNone);
}

}  // namespace
}  // namespace leafscan
