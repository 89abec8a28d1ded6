// Searches with a filter: every path returns the best of what is allowed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "fixtures/opened_index.h"
#include "leafscan/core/score_key.h"
#include "leafscan/filter/filter.h"
#include "leafscan/simd/group_scan.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

constexpr std::size_t kCount = 1500;
constexpr std::size_t kDim = 18;
constexpr std::size_t kLeaves = 90;
constexpr std::size_t kBest = 9;

class FilteredSearchTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(FilteredSearchTest);

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

std::vector<std::uint8_t> SomeRows(Draw& draw, double share) {
  std::vector<std::uint8_t> allowed(kCount);
  for (std::uint8_t& row : allowed) row = draw.Unit() < share ? 1 : 0;
  return allowed;
}

// The best of the allowed rows, each scored by itself.
Found Expected(const OpenedIndex& index, const MatrixView<float>& queries, const std::vector<std::uint8_t>& allowed) {
  const IndexArrays& arrays = index.searcher().snapshot().arrays;
  const bool l2 = arrays.metric == Metric::kSquaredL2;
  Found wanted;
  for (std::size_t query = 0; query < queries.rows; ++query) {
    std::vector<std::uint64_t> keys;
    for (std::uint32_t row = 0; row < kCount; ++row) {
      if (allowed[row] == 0) continue;
      keys.push_back(ScoreKey(RowScore(arrays.metric, queries.row(query), index.built().rows.float32.data() + row * kDim, kDim), row));
    }
    std::sort(keys.rbegin(), keys.rend());
    for (std::size_t i = 0; i < kBest; ++i) {
      const float worst = std::numeric_limits<float>::infinity();
      wanted.ids.push_back(i < keys.size() ? arrays.ids[KeyRow(keys[i])] : -1);
      const float score = i < keys.size() ? KeyScore(keys[i]) : -worst;
      wanted.scores.push_back(l2 ? std::max(0.0f, -score) : score);
    }
  }
  return wanted;
}

TEST_P(FilteredSearchTest, EveryPlanGivesTheBestOfTheAllowed) {
  Draw draw(1);
  const Rows rows = ClusteredRows(draw, kCount, kDim, 30, 0.5);
  const Rows queries = NormalRows(draw, 21, kDim);
  for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
    for (const Plan& plan : kPlans) {
      const OpenedIndex index(rows, Options(plan, metric));
      for (const double share : {0.0, 0.001, 0.02, 0.2, 0.3, 0.6, 1.0}) {
        const std::vector<std::uint8_t> allowed = SomeRows(draw, share);
        const Filter filter(index.searcher().snapshot(), allowed);
        SearchOptions options;
        options.k = kBest;
        options.leaves = kLeaves;
        options.candidates = kCount;
        options.filter = &filter;
        const Found wanted = Expected(index, queries.view(), allowed);
        for (const int threads : {1, 3}) {
          options.threads = threads;
          ASSERT_EQ(index.Search(queries.view(), options), wanted)
              << "leaves " << plan.leaves << " width " << plan.width << " share " << share;
        }
        options.threads = 1;
        for (std::size_t query = 0; query < queries.count; query += 7) {
          const Found one = index.Search({queries.row(query), 1, kDim}, options);
          const auto from = static_cast<std::ptrdiff_t>(query * kBest);
          ASSERT_TRUE(std::equal(one.ids.begin(), one.ids.end(), wanted.ids.begin() + from));
        }
      }
    }
  }
}

TEST_P(FilteredSearchTest, FewLeavesGiveTheSameInBatchesAndOnAllInstructionSets) {
  Draw draw(2);
  const Rows rows = ClusteredRows(draw, kCount, kDim, 30, 0.5);
  const Rows queries = NormalRows(draw, 21, kDim);
  for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
    for (const Plan& plan : kPlans) {
      const OpenedIndex index(rows, Options(plan, metric));
      for (const double share : {0.03, 0.4}) {
        const std::vector<std::uint8_t> allowed = SomeRows(draw, share);
        const Filter filter(index.searcher().snapshot(), allowed);
        SearchOptions options;
        options.k = kBest;
        options.leaves = 5;
        options.candidates = 12;
        options.filter = &filter;
        const Found batch = index.Search(queries.view(), options);
        ASSERT_EQ(batch, OnBestInstructionSet([&] { return index.Search(queries.view(), options); }));
        for (const std::int64_t id : batch.ids) {
          if (id < 0) continue;
          const auto& ids = index.searcher().snapshot().arrays.ids;
          ASSERT_NE(allowed[static_cast<std::size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin())], 0);
        }
        options.threads = 2;
        ASSERT_EQ(index.Search(queries.view(), options), batch);
      }
    }
  }
}

TEST_P(FilteredSearchTest, CodesAloneScoreARowAlikeWhateverIsAllowed) {
  Draw draw(3);
  BuildOptions build = Options({kLeaves, 2, 1.0f}, Metric::kDotProduct);
  build.keep_rows = false;
  const OpenedIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.5), build);
  const Rows queries = NormalRows(draw, 5, kDim);
  SearchOptions options;
  options.k = kCount;
  options.leaves = kLeaves;
  const Found every = index.Search(queries.view(), options);
  for (const double share : {0.001, 0.05, 0.5}) {
    const std::vector<std::uint8_t> allowed = SomeRows(draw, share);
    const Filter filter(index.searcher().snapshot(), allowed);
    const auto& ids = index.searcher().snapshot().arrays.ids;
    std::vector<std::uint8_t> by_id(kCount);
    for (std::size_t row = 0; row < kCount; ++row) by_id[static_cast<std::size_t>(ids[row])] = allowed[row];
    options.filter = &filter;
    const Found some = index.Search(queries.view(), options);
    options.filter = nullptr;
    for (std::size_t query = 0; query < queries.count; ++query) {
      std::size_t at = query * kCount;
      for (std::size_t i = query * kCount; i < (query + 1) * kCount; ++i) {
        if (by_id[static_cast<std::size_t>(every.ids[i])] == 0) continue;
        ASSERT_EQ(some.ids[at], every.ids[i]);
        ASSERT_EQ(some.scores[at], every.scores[i]);
        ++at;
      }
      for (; at < (query + 1) * kCount; ++at) ASSERT_EQ(some.ids[at], -1);
    }
  }
}

TEST_P(FilteredSearchTest, RoutingAmongOpenLeavesTakesTheBestOfThem) {
  Draw draw(4);
  for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
    const Rows centroids = NormalRows(draw, 1000, 12);
    const Router router(metric, {centroids.view(), {}, {}}, {});
    Router::Scratch scratch;
    for (const double share : {0.02, 0.5, 1.0}) {
      std::vector<std::uint8_t> open(1000);
      for (std::uint8_t& leaf : open) leaf = draw.Unit() < share ? 1 : 0;
      open[draw.Below(1000)] = 1;
      const std::vector<float> query = draw.Normals(12);
      const auto routed = router.Route(query, 1000, scratch);
      std::vector<std::uint64_t> wanted(routed.begin(), routed.end());
      const std::uint64_t top = wanted.front();
      std::erase_if(wanted, [&](std::uint64_t key) { return open[KeyRow(key)] == 0; });
      const std::size_t counts[] = {1, 63, 64, 65, 200, wanted.size()};
      for (std::size_t count : counts) {
        count = std::min(count, wanted.size());
        const auto among = router.RouteAmong(open, query, count, scratch);
        ASSERT_EQ(scratch.top, top);
        ASSERT_EQ(among.size(), count);
        const std::size_t ordered = std::min(count, Router::kInOrder);
        ASSERT_TRUE(std::equal(among.begin(), among.begin() + static_cast<std::ptrdiff_t>(ordered), wanted.begin()));
        std::vector<std::uint64_t> sorted(among.begin(), among.end());
        std::sort(sorted.rbegin(), sorted.rend());
        ASSERT_TRUE(std::equal(sorted.begin(), sorted.end(), wanted.begin())) << count;
      }
    }
  }
}

TEST_P(FilteredSearchTest, ASparseScanKeepsTheKeysOfAPlainOneAndReadsNoCodesInVain) {
  Draw draw(5);
  constexpr std::size_t kGroups = 50;
  constexpr std::size_t kBlocks = 12;
  for (const bool terms : {false, true}) {
    const std::vector<std::uint8_t> codes = draw.Integers<std::uint8_t>(kGroups * kBlocks * kBlockBytes, 0, 255);
    const std::vector<std::uint8_t> entries = draw.Integers<std::uint8_t>(kBlocks * kCodeWords, 0, kMaxTableEntry);
    const std::vector<std::int16_t> steps = draw.Integers<std::int16_t>(kGroups * kGroupPoints, -9000, 9000);
    std::vector<std::uint32_t> words(kGroups);
    for (std::uint32_t& word : words) {
      if (draw.Below(3) == 0) word = static_cast<std::uint32_t>(draw.Bits() & draw.Bits());
    }
    GroupRun run;
    run.codes = codes.data();
    if (terms) run.terms = steps.data();
    run.live = words.data();
    run.groups = kGroups;
    run.bias = 100;
    const ScanTable table{entries.data(), kBlocks, 900};
    for (const std::int32_t threshold : {-100'000, 400, 500, 600}) {
      const auto scan = [&](bool sparse) {
        run.sparse = sparse;
        std::vector<std::uint64_t> keys(kGroups * kGroupPoints);
        const ScanProgress done = ScanGroups(run, table, threshold, keys);
        EXPECT_EQ(done.groups, kGroups);
        keys.resize(done.kept);
        return keys;
      };
      ASSERT_EQ(scan(true), scan(false));
    }
    // Only the first group's codes are there, for a sanitizer to watch.
    std::vector<std::uint32_t> first(kGroups, 0);
    first[0] = ~0u;
    const std::vector<std::uint8_t> one(codes.begin(), codes.begin() + kBlocks * kBlockBytes);
    std::vector<std::uint64_t> keys(kGroups * kGroupPoints);
    run.live = first.data();
    run.sparse = true;
    run.codes = one.data();
    EXPECT_EQ(ScanGroups(run, table, -100'000, keys).kept, kGroupPoints);
  }
}

}  // namespace
}  // namespace leafscan
