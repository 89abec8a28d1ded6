// What a traced search tells: the same answers, times where stages were, and how much was gone through.
#include "leafscan/search/search_trace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/living_index.h"
#include "fixtures/opened_index.h"
#include "leafscan/filter/filter.h"
#include "leafscan/search/batch_scan.h"
#include "leafscan/search/query_lists.h"

namespace leafscan {
namespace {

constexpr std::size_t kCount = 3000;
constexpr std::size_t kDim = 18;
constexpr std::size_t kLeaves = 60;

struct Traced {
  Found found;
  SearchTrace trace;

  std::uint64_t spent(Stage stage) const { return trace.nanoseconds[static_cast<std::size_t>(stage)]; }
};

BuildOptions Plan(std::size_t leaves, std::size_t width, float soar_lambda = -1.0f) {
  BuildOptions options;
  options.leaves = leaves;
  options.width = width;
  options.soar_lambda = soar_lambda;
  return options;
}

SearchOptions Ask(std::size_t leaves, std::size_t candidates, int threads = 1) {
  SearchOptions options;
  options.leaves = leaves;
  options.candidates = candidates;
  options.threads = threads;
  return options;
}

template <class Index>
Traced Trace(const Index& index, const MatrixView<float>& queries, SearchOptions options) {
  SharedTrace trace;
  options.trace = &trace;
  Found found = index.Search(queries, options);
  return {std::move(found), trace.sum()};
}

// Points of the leaves that each query visits, in each listing.
std::uint64_t PointsOf(const OpenedIndex& index, const MatrixView<float>& queries, std::size_t leaves) {
  std::vector<std::int32_t> visited(queries.rows * leaves);
  index.searcher().Route(queries, leaves, 0, 1, visited);
  const Sections& built = index.built();
  std::uint64_t points = 0;
  for (const std::int32_t leaf : visited) {
    points += built.leaf_offsets[static_cast<std::size_t>(leaf) + 1] - built.leaf_offsets[static_cast<std::size_t>(leaf)];
    if (built.spill_offsets.empty()) continue;
    points += built.spill_offsets[static_cast<std::size_t>(leaf) + 1] - built.spill_offsets[static_cast<std::size_t>(leaf)];
  }
  return points;
}

class SearchTraceTest : public ::testing::Test {
 protected:
  Draw draw_{3};
  Rows rows_ = ClusteredRows(draw_, kCount, kDim, 30, 0.5);
  Rows queries_ = NormalRows(draw_, 70, kDim);
};

TEST_F(SearchTraceTest, CountsWhatEachPlanGoesThrough) {
  for (const float soar : {-1.0f, 1.0f}) {
    const OpenedIndex index(rows_, Plan(kLeaves, 2, soar));
    for (const std::size_t count : {std::size_t{1}, std::size_t{5}, std::size_t{70}}) {
      const MatrixView<float> some{queries_.row(0), count, kDim};
      for (const int threads : {1, 3}) {
        const SearchOptions options = Ask(6, 50, threads);
        const Traced traced = Trace(index, some, options);
        EXPECT_EQ(traced.found, index.Search(some, options));
        EXPECT_EQ(traced.trace.leaves, 6 * count);
        EXPECT_EQ(traced.trace.points, PointsOf(index, some, 6)) << count << " queries, soar " << soar;
        EXPECT_EQ(traced.trace.survivors, 50 * count);
        EXPECT_EQ(traced.trace.rows, 50 * count);
        EXPECT_EQ(traced.trace.first_rows, 0u);
        EXPECT_EQ(traced.trace.listed, 0u);
        for (const Stage stage : {Stage::kRoute, Stage::kTables, Stage::kScan, Stage::kSelect, Stage::kRows, Stage::kMerge}) {
          EXPECT_GT(traced.spent(stage), 0u) << static_cast<std::size_t>(stage);
        }
        EXPECT_EQ(traced.spent(Stage::kFirstRows), 0u);
      }
    }
  }
}

TEST_F(SearchTraceTest, BatchesThatGoLeafByLeafAreTraced) {
  const OpenedIndex index(rows_, Plan(kLeaves, 2));
  ASSERT_GT(BatchScan::QueriesAtOnce(index.searcher().snapshot(), 70, 6, 50, 1), 0u);
}

TEST_F(SearchTraceTest, ExactPlansScoreEveryRow) {
  const OpenedIndex index(rows_, Plan(0, 0));
  for (const std::size_t count : {std::size_t{1}, std::size_t{40}}) {
    const MatrixView<float> some{queries_.row(0), count, kDim};
    const Traced traced = Trace(index, some, Ask(1, 1, 2));
    EXPECT_EQ(traced.found, index.Search(some, Ask(1, 1, 2)));
    EXPECT_EQ(traced.trace.rows, count * kCount);
    EXPECT_EQ(traced.trace.points + traced.trace.leaves + traced.trace.survivors, 0u);
    EXPECT_GT(traced.spent(Stage::kRows), 0u);
    EXPECT_GT(traced.spent(Stage::kMerge), 0u);
    EXPECT_EQ(traced.spent(Stage::kScan), 0u);
  }
}

TEST_F(SearchTraceTest, CodesWithoutLeavesAndLeavesWithoutCodes) {
  const OpenedIndex codes(rows_, Plan(0, 2));
  Traced traced = Trace(codes, queries_.view(), Ask(1, 50));
  EXPECT_EQ(traced.trace.leaves, 0u);
  EXPECT_EQ(traced.trace.points, 70 * kCount);
  EXPECT_EQ(traced.trace.rows, 70u * 50);

  const OpenedIndex leaves(rows_, Plan(kLeaves, 0));
  traced = Trace(leaves, queries_.view(), Ask(6, 1));
  EXPECT_EQ(traced.trace.leaves, 70u * 6);
  EXPECT_EQ(traced.trace.points, 0u);
  EXPECT_EQ(traced.trace.rows, PointsOf(leaves, queries_.view(), 6));
}

TEST_F(SearchTraceTest, RowsThatAreDroppedAreNotScored) {
  BuildOptions plan = Plan(kLeaves, 2);
  plan.keep_rows = false;
  const OpenedIndex index(rows_, plan);
  const Traced traced = Trace(index, queries_.view(), Ask(6, 50));
  EXPECT_EQ(traced.trace.rows, 0u);
  EXPECT_EQ(traced.trace.survivors, 70u * 10);  // k of each
  EXPECT_EQ(traced.spent(Stage::kRows), 0u);
  EXPECT_GT(traced.spent(Stage::kMerge), 0u);
}

TEST_F(SearchTraceTest, TwoStagesAreTold) {
  BuildOptions plan = Plan(kLeaves, 2);
  plan.first_row_type = RowType::kInt8;
  const OpenedIndex index(rows_, plan);
  SearchOptions options = Ask(6, 50);
  options.refined = 15;
  const Traced traced = Trace(index, queries_.view(), options);
  EXPECT_EQ(traced.trace.first_rows, 70u * 50);
  EXPECT_EQ(traced.trace.rows, 70u * 15);
  EXPECT_GT(traced.spent(Stage::kFirstRows), 0u);
  EXPECT_GT(traced.spent(Stage::kRows), 0u);
}

TEST_F(SearchTraceTest, FiltersCountWhatTheyAllow) {
  const OpenedIndex index(rows_, Plan(kLeaves, 2));
  std::vector<std::uint8_t> allowed(kCount, 0);
  for (std::size_t row = 0; row < kCount; row += 2) allowed[row] = 1;
  const Filter half(index.searcher().snapshot(), allowed);
  SearchOptions options = Ask(kLeaves, 50);
  options.filter = &half;
  Traced traced = Trace(index, queries_.view(), options);
  EXPECT_EQ(traced.trace.points, 70 * kCount / 2);
  EXPECT_EQ(traced.trace.listed, 0u);

  std::fill(allowed.begin(), allowed.end(), std::uint8_t{0});
  allowed[7] = allowed[70] = allowed[700] = 1;
  const Filter few(index.searcher().snapshot(), allowed);
  options.filter = &few;
  traced = Trace(index, queries_.view(), options);
  EXPECT_EQ(traced.trace.listed, 70u);
  EXPECT_EQ(traced.trace.rows, 70u * 3);
  EXPECT_EQ(traced.trace.points, 0u);
}

TEST_F(SearchTraceTest, ListsOfTheirOwnTakeTimeToCompile) {
  const OpenedIndex index(rows_, Plan(kLeaves, 2));
  std::vector<std::uint32_t> denied(70 * 2);
  for (std::size_t i = 0; i < denied.size(); ++i) denied[i] = static_cast<std::uint32_t>(i);
  QueryLists lists;
  lists.deny.lists = MatrixView<std::uint32_t>{denied.data(), 70, 2};
  SearchOptions options = Ask(6, 50);
  options.lists = &lists;
  const Traced traced = Trace(index, queries_.view(), options);
  EXPECT_EQ(traced.found, index.Search(queries_.view(), options));
  EXPECT_GT(traced.spent(Stage::kFilter), 0u);
  EXPECT_EQ(traced.trace.rows, 70u * 50);
}

TEST_F(SearchTraceTest, SearchesThatDeniedRowsLeaveShortAreCountedTwice) {
  const OpenedIndex index(rows_, Plan(300, 2));
  // Denies all of the leaf that the first query visits.
  std::vector<std::int32_t> leaf(1);
  index.searcher().Route({queries_.row(0), 1, kDim}, 1, 0, 1, leaf);
  const auto at = static_cast<std::size_t>(leaf[0]);
  std::vector<std::uint32_t> denied;
  for (std::size_t row = index.built().leaf_offsets[at]; row < index.built().leaf_offsets[at + 1]; ++row) {
    denied.push_back(static_cast<std::uint32_t>(row));
  }
  QueryLists lists;
  lists.deny.lists = MatrixView<std::uint32_t>{denied.data(), 1, denied.size()};
  SearchOptions options = Ask(1, 50);
  options.lists = &lists;
  ASSERT_TRUE(lists.OnlyFewDenied(kCount));
  const Traced traced = Trace(index, {queries_.row(0), 1, kDim}, options);
  EXPECT_EQ(traced.trace.repeated, 1u);
  EXPECT_GE(traced.trace.leaves, 2u);
}

TEST_F(SearchTraceTest, UpdatedRowsAreCounted) {
  LivingIndex index(rows_, Plan(0, 0));
  const Rows fresh = NormalRows(draw_, 20, kDim);
  std::vector<std::int64_t> ids(20);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(kCount + i);
  index.Update(ids, fresh, {1, 2, 3});
  const Traced traced = Trace(index, queries_.view(), Ask(1, 1));
  EXPECT_EQ(traced.trace.rows, 70 * (kCount + 20 - 3));
}

TEST(TracePartTest, AddsWhenItEndsAndLeavesNothingBehind) {
  SharedTrace whole;
  SearchTrace* place = nullptr;
  {
    const TracePart part(&whole, place);
    ASSERT_NE(place, nullptr);
    place->rows = 3;
    EXPECT_EQ(whole.sum().rows, 0u);
  }
  EXPECT_EQ(place, nullptr);
  EXPECT_EQ(whole.sum().rows, 3u);
  {
    const TracePart part(nullptr, place);
    EXPECT_EQ(place, nullptr);
    StageClock clock(place);
    clock.End(Stage::kScan);
  }
  EXPECT_EQ(whole.sum().rows, 3u);
}

}  // namespace
}  // namespace leafscan
