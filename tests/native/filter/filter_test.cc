#include "leafscan/filter/filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/opened_index.h"

namespace leafscan {
namespace {

constexpr std::size_t kRows = 1337;
constexpr std::size_t kLeaves = 40;

BuildOptions Options(bool codes, bool spill, std::size_t leaves = kLeaves) {
  BuildOptions options;
  options.metric = Metric::kSquaredL2;
  options.leaves = leaves;
  options.width = codes ? 2 : 0;
  if (spill) options.soar_lambda = 1.0f;
  return options;
}

std::vector<std::uint8_t> SomeRows(Draw& draw, std::size_t count, double share) {
  std::vector<std::uint8_t> allowed(count);
  for (std::uint8_t& row : allowed) row = draw.Unit() < share ? 1 : 0;
  return allowed;
}

std::size_t CountOf(const std::vector<std::uint8_t>& allowed) {
  return static_cast<std::size_t>(std::count(allowed.begin(), allowed.end(), 1));
}

TEST(FilterTest, BitsRowsAndWordsHoldTheSameSet) {
  Draw draw(1);
  const Rows rows = ClusteredRows(draw, kRows, 10, 25);
  for (const bool spill : {false, true}) {
    const OpenedIndex index(rows, Options(true, spill));
    const std::shared_ptr<const Snapshot>& snapshot = index.searcher().shared_snapshot();
    for (const double share : {0.0, 0.002, 0.2, 0.3, 0.97, 1.0}) {
      const std::vector<std::uint8_t> allowed = SomeRows(draw, kRows, share);
      const Filter filter(*snapshot, allowed);
      ASSERT_EQ(filter.version(), snapshot->version);
      ASSERT_EQ(filter.allowed(), CountOf(allowed));
      std::vector<std::uint32_t> wanted;
      for (std::uint32_t row = 0; row < kRows; ++row) {
        ASSERT_EQ(filter.Allows(row), allowed[row] != 0);
        if (allowed[row] != 0) wanted.push_back(row);
      }
      std::vector<std::uint32_t> visited;
      filter.ForRows(0, kRows, [&](std::uint32_t row) { visited.push_back(row); });
      ASSERT_EQ(visited, wanted);
      ASSERT_EQ(filter.listed(), wanted.size() <= kRows / 4);
      if (filter.listed()) {
        ASSERT_EQ(std::vector<std::uint32_t>(filter.rows().begin(), filter.rows().end()), wanted);
      }
      std::size_t open = 0;
      for (std::size_t leaf = 0; leaf < kLeaves; ++leaf) {
        const std::uint32_t* words = filter.leaf_words(leaf);
        bool any = false;
        for (const Segment& segment : snapshot->leaves[leaf].segments) {
          for (std::size_t group = 0; group < segment.groups; ++group, ++words) {
            for (std::size_t j = 0; j < kGroupPoints; ++j) {
              const std::size_t place = group * kGroupPoints + j;
              const bool live = (segment.live[group] >> j & 1) != 0;
              const bool wants = live && allowed[segment.rows ? segment.rows[place] : segment.first_row + place] != 0;
              ASSERT_EQ((*words >> j & 1) != 0, wants);
              any |= wants;
            }
          }
        }
        ASSERT_EQ(filter.open_leaves()[leaf] != 0, any);
        open += any;
      }
      ASSERT_EQ(filter.open_count(), open);
    }
  }
}

TEST(FilterTest, RangesMayBeginAndEndAnywhere) {
  Draw draw(2);
  const OpenedIndex index(NormalRows(draw, 100, 4), Options(false, false, 0));
  const std::vector<std::uint8_t> allowed = SomeRows(draw, 100, 0.5);
  const Filter filter(index.searcher().snapshot(), allowed);
  for (std::size_t begin = 0; begin <= 100; ++begin) {
    for (std::size_t end = begin; end <= 100; ++end) {
      std::vector<std::uint32_t> wanted;
      for (std::size_t row = begin; row < end; ++row) {
        if (allowed[row] != 0) wanted.push_back(static_cast<std::uint32_t>(row));
      }
      std::vector<std::uint32_t> visited;
      filter.ForRows(begin, end, [&](std::uint32_t row) { visited.push_back(row); });
      ASSERT_EQ(visited, wanted) << begin << " to " << end;
    }
  }
}

TEST(FilterTest, LeavesWithoutCodesAreOpenByTheirRows) {
  Draw draw(3);
  const OpenedIndex index(ClusteredRows(draw, kRows, 10, 25), Options(false, false));
  const std::shared_ptr<const Snapshot>& snapshot = index.searcher().shared_snapshot();
  std::vector<std::uint8_t> allowed(kRows, 0);
  const std::span<const std::uint64_t> offsets = snapshot->arrays.leaf_offsets;
  ASSERT_GT(offsets[18], offsets[17]);
  allowed[offsets[18] - 1] = 1;
  const Filter filter(*snapshot, allowed);
  EXPECT_EQ(filter.open_count(), 1u);
  for (std::size_t l = 0; l < kLeaves; ++l) EXPECT_EQ(filter.open_leaves()[l], l == 17 ? 1 : 0);
}

TEST(FilterTest, VisitsGrowAsRowsThinOutAndStayWithinWhatIsOpen) {
  Draw draw(4);
  const Rows rows = ClusteredRows(draw, 20'000, 10, 25);
  for (const bool codes : {false, true}) {
    const OpenedIndex index(rows, Options(codes, false, 300));
    const std::shared_ptr<const Snapshot>& snapshot = index.searcher().shared_snapshot();
    std::size_t last = 10;
    for (const double share : {1.0, 0.5, 0.2, 0.1, 0.05}) {
      const Filter filter(*snapshot, SomeRows(draw, 20'000, share));
      const std::size_t visits = filter.Visits(10, 100);
      EXPECT_GE(visits, last) << share;
      EXPECT_LE(visits, filter.open_count());
      if (share == 1.0) {
        EXPECT_EQ(visits, 10u);
      }
      EXPECT_EQ(filter.Visits(100'000, 100), filter.open_count());
      last = visits;
    }
    EXPECT_GT(last, 15u);
    const Filter none(*snapshot, std::vector<std::uint8_t>(20'000, 0));
    EXPECT_EQ(none.Visits(10, 100), 0u);
    std::vector<std::uint8_t> one(20'000, 0);
    one[5] = 1;
    EXPECT_EQ(Filter(*snapshot, one).Visits(10, 100), 1u);
  }
}

TEST(FilterTest, FewRowsAreBetterListedAndManyAreNot) {
  Draw draw(5);
  const OpenedIndex index(ClusteredRows(draw, 20'000, 10, 25), Options(true, false, 100));
  const std::shared_ptr<const Snapshot>& snapshot = index.searcher().shared_snapshot();
  const Filter few(*snapshot, SomeRows(draw, 20'000, 0.005));
  EXPECT_TRUE(few.BetterListed(few.Visits(10, 100), 100));
  const Filter many(*snapshot, SomeRows(draw, 20'000, 0.2));
  ASSERT_TRUE(many.listed());
  EXPECT_FALSE(many.BetterListed(many.Visits(10, 100), 100));
  EXPECT_FALSE(Filter(*snapshot, std::vector<std::uint8_t>(20'000, 1)).BetterListed(10, 100));
  BuildOptions without_rows = Options(true, false, 100);
  without_rows.keep_rows = false;
  const OpenedIndex codes_alone(ClusteredRows(draw, 20'000, 10, 25), without_rows);
  std::vector<std::uint8_t> one(20'000, 0);
  one[5] = 1;
  EXPECT_FALSE(Filter(codes_alone.searcher().snapshot(), one).BetterListed(1, 100));
}

}  // namespace
}  // namespace leafscan
