// Searches of queries that have lists or masks of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "fixtures/opened_index.h"
#include "leafscan/core/score_key.h"
#include "leafscan/filter/filter.h"
#include "leafscan/search/batch_scan.h"
#include "leafscan/search/query_lists.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

constexpr std::size_t kCount = 6400;
constexpr std::size_t kDim = 18;
constexpr std::size_t kLeaves = 90;
constexpr std::size_t kQueries = 40;
constexpr std::size_t kBest = 9;

class SearchAmongTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(SearchAmongTest);

struct Plan {
  std::size_t leaves;
  std::size_t width;
  float soar_lambda;
};
// Exact rows; leaves of rows; codes; leaves of codes, once and twice.
constexpr Plan kPlans[] = {{0, 0, -1.0f}, {kLeaves, 0, -1.0f}, {0, 2, -1.0f}, {kLeaves, 2, -1.0f}, {kLeaves, 2, 1.0f}};

BuildOptions Options(const Plan& plan, Metric metric) {
  BuildOptions options;
  options.metric = metric;
  options.leaves = plan.leaves;
  options.width = plan.width;
  options.soar_lambda = plan.soar_lambda;
  return options;
}

// Rows of each query, padded with none and with a repeat.
struct Lists {
  std::vector<std::uint32_t> rows;
  std::size_t most = 0;

  Lists(Draw& draw, std::size_t named) : most(named + 2) {
    for (std::size_t query = 0; query < kQueries; ++query) {
      for (std::size_t i = 0; i < named; ++i) {
        rows.push_back(draw.Unit() < 0.1 ? RowSet::kNone : static_cast<std::uint32_t>(draw.Below(kCount)));
      }
      rows.push_back(RowSet::kNone);
      rows.push_back(named > 0 ? rows[query * most] : RowSet::kNone);
    }
  }
  MatrixView<std::uint32_t> view() const { return {rows.data(), kQueries, most}; }
  std::vector<std::uint8_t> Mask(std::size_t query) const {
    std::vector<std::uint8_t> mask(kCount, 0);
    for (std::size_t i = 0; i < most; ++i) {
      const std::uint32_t row = rows[query * most + i];
      if (row != RowSet::kNone) mask[row] = 1;
    }
    return mask;
  }
};

// What each query may return, by row.
std::vector<std::vector<std::uint8_t>> Allowed(const Lists* allow, const Lists* deny, const Filter* filter) {
  std::vector<std::vector<std::uint8_t>> allowed;
  for (std::size_t query = 0; query < kQueries; ++query) {
    std::vector<std::uint8_t> mine = allow != nullptr ? allow->Mask(query) : std::vector<std::uint8_t>(kCount, 1);
    const std::vector<std::uint8_t> denied = deny != nullptr ? deny->Mask(query) : std::vector<std::uint8_t>(kCount, 0);
    for (std::size_t row = 0; row < kCount; ++row) {
      if (denied[row] != 0 || (filter != nullptr && !filter->Allows(row))) mine[row] = 0;
    }
    allowed.push_back(std::move(mine));
  }
  return allowed;
}

// The best of the allowed rows, each scored by itself.
Found Expected(const OpenedIndex& index, const MatrixView<float>& queries,
               const std::vector<std::vector<std::uint8_t>>& allowed) {
  const IndexArrays& arrays = index.searcher().snapshot().arrays;
  const bool l2 = arrays.metric == Metric::kSquaredL2;
  const float worst = std::numeric_limits<float>::infinity();
  Found wanted;
  for (std::size_t query = 0; query < queries.rows; ++query) {
    std::vector<std::uint64_t> keys;
    for (std::uint32_t row = 0; row < kCount; ++row) {
      if (allowed[query][row] == 0) continue;
      keys.push_back(ScoreKey(
          RowScore(arrays.metric, queries.row(query), index.built().rows.float32.data() + row * kDim, kDim), row));
    }
    const auto best = keys.begin() + static_cast<std::ptrdiff_t>(std::min(kBest, keys.size()));
    std::partial_sort(keys.begin(), best, keys.end(), std::greater<>());
    for (std::size_t i = 0; i < kBest; ++i) {
      wanted.ids.push_back(i < keys.size() ? arrays.ids[KeyRow(keys[i])] : -1);
      const float score = i < keys.size() ? KeyScore(keys[i]) : -worst;
      wanted.scores.push_back(l2 ? std::max(0.0f, -score) : score);
    }
  }
  return wanted;
}

SearchOptions Everything() {
  SearchOptions options;
  options.k = kBest;
  options.leaves = kLeaves;
  options.candidates = kCount;
  return options;
}

// The same one query at a time.
Found OneByOne(const OpenedIndex& index, const MatrixView<float>& queries, const SearchOptions& options) {
  Found found;
  for (std::size_t query = 0; query < queries.rows; ++query) {
    QueryLists own = *options.lists;
    for (QueryRows* named : {&own.allow, &own.deny}) {
      if (named->lists) named->lists = {named->lists->row(query), 1, named->lists->cols};
      if (named->masks) named->masks = {named->masks->row(query), 1, named->masks->cols};
    }
    SearchOptions single = options;
    single.lists = &own;
    const Found one = index.Search({queries.row(query), 1, kDim}, single);
    found.ids.insert(found.ids.end(), one.ids.begin(), one.ids.end());
    found.scores.insert(found.scores.end(), one.scores.begin(), one.scores.end());
  }
  return found;
}

TEST_P(SearchAmongTest, EveryPlanGivesTheBestOfWhatIsLeft) {
  Draw draw(1);
  const Rows rows = ClusteredRows(draw, kCount, kDim, 30, 0.5);
  const Rows queries = NormalRows(draw, kQueries, kDim);
  for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
    for (const Plan& plan : kPlans) {
      const OpenedIndex index(rows, Options(plan, metric));
      std::vector<std::uint8_t> half(kCount);
      for (std::uint8_t& row : half) row = draw.Unit() < 0.5 ? 1 : 0;
      std::vector<std::uint8_t> few(kCount);
      for (std::uint8_t& row : few) row = draw.Unit() < 0.1 ? 1 : 0;
      const Filter halved(index.searcher().snapshot(), half);
      const Filter fewer(index.searcher().snapshot(), few);
      for (const Filter* filter : {static_cast<const Filter*>(nullptr), &halved, &fewer}) {
        for (const auto& [allowed, denied] :
             {std::pair<int, int>{-1, 0}, {-1, 60}, {-1, 4000}, {0, -1}, {3, -1}, {5000, -1}, {200, 90}, {2000, 4000}}) {
          std::optional<Lists> allow;
          std::optional<Lists> deny;
          QueryLists lists;
          if (allowed >= 0) lists.allow.lists = allow.emplace(draw, static_cast<std::size_t>(allowed)).view();
          if (denied >= 0) lists.deny.lists = deny.emplace(draw, static_cast<std::size_t>(denied)).view();
          SearchOptions options = Everything();
          options.filter = filter;
          options.lists = &lists;
          const Found wanted = Expected(index, queries.view(),
                                        Allowed(allow ? &*allow : nullptr, deny ? &*deny : nullptr, filter));
          options.threads = 3;
          ASSERT_EQ(index.Search(queries.view(), options), wanted)
              << "leaves " << plan.leaves << " width " << plan.width << " allowed " << allowed << " denied " << denied;
        }
      }
    }
  }
}

TEST_P(SearchAmongTest, MasksAreAsLists) {
  Draw draw(2);
  const Rows rows = ClusteredRows(draw, kCount, kDim, 30, 0.5);
  const Rows queries = NormalRows(draw, kQueries, kDim);
  // Places are not rows.
  std::vector<std::uint32_t> row_at(kCount);
  for (std::size_t place = 0; place < kCount; ++place) row_at[place] = static_cast<std::uint32_t>(kCount - 1 - place);
  for (const Plan& plan : kPlans) {
    const OpenedIndex index(rows, Options(plan, Metric::kDotProduct));
    for (const std::size_t named : {30u, 3000u}) {
      const Lists some(draw, named);
      std::vector<std::uint8_t> masks;
      for (std::size_t query = 0; query < kQueries; ++query) {
        const std::vector<std::uint8_t> mask = some.Mask(query);
        masks.insert(masks.end(), mask.rbegin(), mask.rend());
      }
      for (const bool allow : {false, true}) {
        QueryLists by_list;
        (allow ? by_list.allow : by_list.deny).lists = some.view();
        QueryLists by_mask;
        (allow ? by_mask.allow : by_mask.deny).masks = {masks.data(), kQueries, kCount};
        by_mask.rows = row_at;
        SearchOptions options = Everything();
        options.leaves = 7;
        options.candidates = 20;
        options.lists = &by_list;
        const Found wanted = index.Search(queries.view(), options);
        options.lists = &by_mask;
        ASSERT_EQ(index.Search(queries.view(), options), wanted) << "allow " << allow << " named " << named;
      }
    }
  }
}

TEST_P(SearchAmongTest, FewDeniedAreAsACompiledFilterInTheSameLeaves) {
  Draw draw(3);
  const Rows rows = ClusteredRows(draw, kCount, kDim, 30, 0.5);
  const Rows queries = NormalRows(draw, kQueries, kDim);
  for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
    for (const Plan& plan : kPlans) {
      for (const bool keep_rows : {true, false}) {
        BuildOptions build = Options(plan, metric);
        build.keep_rows = keep_rows || plan.width == 0;
        const OpenedIndex index(rows, build);
        // So that some of the best are denied: what a search finds without.
        SearchOptions options = Everything();
        options.leaves = 12;
        options.candidates = 30;
        const Found without = index.Search(queries.view(), options);
        const auto& ids = index.searcher().snapshot().arrays.ids;
        std::vector<std::uint32_t> row_of(kCount);
        for (std::uint32_t row = 0; row < kCount; ++row) row_of[static_cast<std::size_t>(ids[row])] = row;
        Lists denied(draw, 40);
        for (std::size_t query = 0; query < kQueries; ++query) {
          for (std::size_t i = 0; i < kBest; i += 2) {
            denied.rows[query * denied.most + i] = row_of[static_cast<std::size_t>(without.ids[query * kBest + i])];
          }
        }
        QueryLists lists;
        lists.deny.lists = denied.view();
        options.lists = &lists;
        const Found batch = index.Search(queries.view(), options);
        ASSERT_NE(batch, without);
        for (std::size_t query = 0; query < kQueries; ++query) {
          std::vector<std::uint8_t> allowed = denied.Mask(query);
          for (std::uint8_t& row : allowed) row = row == 0 ? 1 : 0;
          const Filter filter(index.searcher().snapshot(), allowed);
          ASSERT_TRUE(plan.leaves == 0 || filter.Visits(12, 30) == 12);
          SearchOptions filtered = options;
          filtered.lists = nullptr;
          filtered.filter = &filter;
          const Found one = index.Search({queries.row(query), 1, kDim}, filtered);
          const auto from = static_cast<std::ptrdiff_t>(query * kBest);
          ASSERT_TRUE(std::equal(one.ids.begin(), one.ids.end(), batch.ids.begin() + from));
          ASSERT_TRUE(std::equal(one.scores.begin(), one.scores.end(), batch.scores.begin() + from));
        }
      }
    }
  }
}

TEST_P(SearchAmongTest, OneQueryABatchAndAnyThreadsAgree) {
  Draw draw(4);
  const Rows rows = ClusteredRows(draw, kCount, kDim, 30, 0.5);
  const Rows queries = NormalRows(draw, kQueries, kDim);
  for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
    for (const Plan& plan : kPlans) {
      const OpenedIndex index(rows, Options(plan, metric));
      for (const std::size_t named : {0u, 50u, 98u, 700u}) {
        const Lists some(draw, named);
        for (const bool allow : {false, true}) {
          QueryLists lists;
          (allow ? lists.allow : lists.deny).lists = some.view();
          SearchOptions options = Everything();
          options.leaves = 5;
          options.candidates = 12;
          options.lists = &lists;
          const Found batch = index.Search(queries.view(), options);
          ASSERT_EQ(batch, OnBestInstructionSet([&] { return index.Search(queries.view(), options); }));
          for (const int threads : {2, 3}) {
            options.threads = threads;
            ASSERT_EQ(index.Search(queries.view(), options), batch) << "allow " << allow << " named " << named;
          }
          options.threads = 1;
          ASSERT_EQ(OneByOne(index, queries.view(), options), batch) << "allow " << allow << " named " << named;
        }
      }
    }
  }
}

TEST_P(SearchAmongTest, WhereAllThatWasVisitedIsDeniedOtherLeavesAreSearched) {
  constexpr std::size_t kMany = 160;
  constexpr std::size_t kDenied = 98;
  Draw draw(5);
  const OpenedIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.5), Options({400, 2, -1.0f}, Metric::kSquaredL2));
  const Rows queries = NormalRows(draw, kMany, kDim);
  SearchOptions options = Everything();
  options.leaves = 5;
  // All that five leaves have, as far as that is few.
  options.k = kDenied;
  options.candidates = kDenied;
  ASSERT_GT(BatchScan::QueriesAtOnce(index.searcher().snapshot(), kMany, 5, kDenied, 1), 0u);
  const Found without = index.Search(queries.view(), options);
  const auto& ids = index.searcher().snapshot().arrays.ids;
  std::vector<std::uint32_t> row_of(kCount);
  for (std::uint32_t row = 0; row < kCount; ++row) row_of[static_cast<std::size_t>(ids[row])] = row;
  std::vector<std::uint32_t> denied;
  for (const std::int64_t id : without.ids) denied.push_back(id < 0 ? RowSet::kNone : row_of[static_cast<std::size_t>(id)]);
  QueryLists lists;
  lists.deny.lists = MatrixView<std::uint32_t>{denied.data(), kMany, kDenied};
  options.lists = &lists;
  options.k = kBest;
  const Found batch = index.Search(queries.view(), options);
  ASSERT_EQ(OneByOne(index, queries.view(), options), batch);
  std::size_t searched_on = 0;
  for (std::size_t query = 0; query < kMany; ++query) {
    const auto its = without.ids.begin() + static_cast<std::ptrdiff_t>(query * kDenied);
    for (std::size_t i = 0; i < kBest; ++i) {
      const std::int64_t id = batch.ids[query * kBest + i];
      EXPECT_TRUE(id < 0 || std::find(its, its + kDenied, id) == its + kDenied);
    }
    if (its[kDenied - 1] >= 0) continue;  // the leaves may have more
    ++searched_on;
    EXPECT_GE(batch.ids[query * kBest + kBest - 1], 0) << query;
  }
  EXPECT_GT(searched_on, 0u);
}

}  // namespace
}  // namespace leafscan
