#include "leafscan/search/searcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "fixtures/opened_index.h"
#include "leafscan/core/numbers_in_range.h"
#include "leafscan/core/score_key.h"
#include "leafscan/simd/row_score_reference.h"

namespace leafscan {
namespace {

class SearcherTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(SearcherTest);

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Metric kMetrics[] = {Metric::kDotProduct, Metric::kSquaredL2};

BuildOptions Plan(Metric metric, std::size_t leaves, std::size_t width, bool spill = false, bool rows = true) {
  BuildOptions options;
  options.metric = metric;
  options.leaves = leaves;
  options.width = width;
  options.tree_iterations = 4;
  options.code_iterations = 3;
  options.anisotropic_threshold = metric == Metric::kDotProduct ? 0.3 : 0.0;
  options.soar_lambda = spill ? 1.5f : -1.0f;
  options.keep_rows = rows;
  return options;
}

SearchOptions Ask(std::size_t k, std::size_t leaves, std::size_t candidates, int threads = 1) {
  SearchOptions options;
  options.k = k;
  options.leaves = leaves;
  options.candidates = candidates;
  options.threads = threads;
  return options;
}

// The best k in float64 as a search gives them; ties to whichever comes first in the index.
Found Wanted(const Rows& rows, const OpenedIndex& index, Metric metric, const Rows& queries, std::size_t k) {
  Found wanted;
  for (std::size_t q = 0; q < queries.count; ++q) {
    std::vector<std::pair<double, std::uint32_t>> scored;
    for (const std::uint32_t row : index.built().order) {
      scored.emplace_back(reference::RowScore(metric, queries.row(q), rows.row(row), rows.dim), row);
    }
    std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < k; ++i) {
      const bool there = i < scored.size();
      const double worst = -static_cast<double>(kInfinity);
      const double score = there ? scored[i].first : worst;
      wanted.ids.push_back(there ? static_cast<std::int64_t>(scored[i].second) : -1);
      wanted.scores.push_back(static_cast<float>(metric == Metric::kSquaredL2 ? 0.0 - score : score));
    }
  }
  return wanted;
}

struct Shape {
  std::size_t leaves, width;
  bool spill, rows;
};
constexpr Shape kShapes[] = {{0, 0, false, true}, {20, 0, false, true},  {0, 2, false, true},  {20, 2, false, true},
                             {20, 3, true, true}, {0, 2, false, false}, {20, 2, false, false}, {20, 2, true, false}};

TEST_P(SearcherTest, AllLeavesAndCandidatesGiveTheExactAnswer) {
  Draw draw(1);
  for (const std::size_t count : {1, 2, 33, 700}) {
    for (const std::size_t dim : {1, 6, 17}) {
      const Rows rows = WholeRows(draw, count, dim, 5);  // exact sums, many ties
      const Rows queries = WholeRows(draw, 23, dim, 5);
      for (const Metric metric : kMetrics) {
        for (const Shape& shape : kShapes) {
          if (!shape.rows) continue;
          const std::size_t leaves = std::min(shape.leaves, count);
          const OpenedIndex index(rows, Plan(metric, leaves, shape.width, shape.spill));
          for (const std::size_t k : {std::size_t{1}, std::size_t{10}, count, count + 9}) {
            const Found found = index.Search(queries.view(), Ask(k, leaves + 5, count));
            ASSERT_EQ(found, Wanted(rows, index, metric, queries, k))
                << count << " rows of " << dim << ", " << leaves << " leaves, width " << shape.width << ", k " << k;
          }
        }
      }
    }
  }
}

TEST_P(SearcherTest, OneQueryABatchAndThreadsAgreeToTheBit) {
  Draw draw(2);
  for (const bool hard : {false, true}) {
    const Rows rows = hard ? HardRows(draw, 1500, 15) : ClusteredRows(draw, 1500, 15, 30, 0.5);
    const Rows queries = hard ? HardRows(draw, 100, 15) : ClusteredRows(draw, 100, 15, 30, 0.5);
    for (const Metric metric : kMetrics) {
      for (const Shape& shape : kShapes) {
        const OpenedIndex index(rows, Plan(metric, shape.leaves, shape.width, shape.spill, shape.rows));
        for (const SearchOptions& options : {Ask(10, 5, 60), Ask(1, 1, 1), Ask(40, 20, 300)}) {
          const Found batch = index.Search(queries.view(), options);
          for (const int threads : {2, 3}) {
            SearchOptions more = options;
            more.threads = threads;
            ASSERT_EQ(index.Search(queries.view(), more), batch);
          }
          for (std::size_t q = 0; q < queries.count; ++q) {
            const Found alone = index.Search({queries.row(q), 1, 15}, options);
            const auto at = static_cast<std::ptrdiff_t>(q * options.k);
            ASSERT_TRUE(std::equal(alone.ids.begin(), alone.ids.end(), batch.ids.begin() + at));
            ASSERT_TRUE(std::equal(alone.scores.begin(), alone.scores.end(), batch.scores.begin() + at));
          }
          for (const std::size_t asked : {2, 5, 17}) {
            const Found some = index.Search({queries.row(0), asked, 15}, options);
            ASSERT_TRUE(std::equal(some.ids.begin(), some.ids.end(), batch.ids.begin()));
          }
        }
      }
    }
  }
}

TEST_P(SearcherTest, RowsKeptInFewerBitsAgreeToTheBitToo) {
  Draw draw(13);
  const Rows rows = ClusteredRows(draw, 1200, 19, 30, 0.5);
  const Rows queries = ClusteredRows(draw, 40, 19, 30, 0.5);
  for (const Metric metric : kMetrics) {
    for (const RowType type : {RowType::kBFloat16, RowType::kInt8}) {
      for (const Shape& shape : kShapes) {
        if (!shape.rows) continue;
        BuildOptions plan = Plan(metric, shape.leaves, shape.width, shape.spill);
        plan.row_type = type;
        const OpenedIndex index(rows, plan);
        const SearchOptions options = Ask(10, 8, 80);
        const auto search = [&] { return index.Search(queries.view(), options); };
        const Found batch = search();
        ASSERT_EQ(batch, OnBestInstructionSet(search));
        ASSERT_EQ(index.Search(queries.view(), Ask(10, 8, 80, 3)), batch);
        for (std::size_t q = 0; q < queries.count; ++q) {
          const Found alone = index.Search({queries.row(q), 1, 19}, options);
          const auto at = static_cast<std::ptrdiff_t>(q * 10);
          ASSERT_TRUE(std::equal(alone.ids.begin(), alone.ids.end(), batch.ids.begin() + at));
          ASSERT_TRUE(std::equal(alone.scores.begin(), alone.scores.end(), batch.scores.begin() + at));
        }
      }
    }
  }
}

TEST_P(SearcherTest, CodesOfEightBitsAgreeToTheBitToo) {
  Draw draw(15);
  const Rows rows = ClusteredRows(draw, 1200, 19, 30, 0.5);
  const Rows queries = ClusteredRows(draw, 40, 19, 30, 0.5);
  for (const Metric metric : kMetrics) {
    for (const Shape& shape : kShapes) {
      if (shape.width == 0) continue;
      BuildOptions plan = Plan(metric, shape.leaves, shape.width, shape.spill, shape.rows);
      plan.words = kWideWords;
      const OpenedIndex index(rows, plan);
      for (const SearchOptions& options : {Ask(10, 8, 80), Ask(3, 20, 1200)}) {
        const auto search = [&] { return index.Search(queries.view(), options); };
        const Found batch = search();
        ASSERT_EQ(batch, OnBestInstructionSet(search));
        SearchOptions threads = options;
        threads.threads = 3;
        ASSERT_EQ(index.Search(queries.view(), threads), batch);
        for (std::size_t q = 0; q < queries.count; ++q) {
          const Found alone = index.Search({queries.row(q), 1, 19}, options);
          const auto at = static_cast<std::ptrdiff_t>(q * options.k);
          ASSERT_TRUE(std::equal(alone.ids.begin(), alone.ids.end(), batch.ids.begin() + at));
          ASSERT_TRUE(std::equal(alone.scores.begin(), alone.scores.end(), batch.scores.begin() + at));
        }
      }
      if (shape.rows) {
        const Found all = index.Search(queries.view(), Ask(10, 20, 1200));
        const Found wanted = Wanted(rows, index, metric, queries, 10);
        ASSERT_EQ(all.ids, wanted.ids);
      }
    }
  }
}

TEST_P(SearcherTest, FirstRowsChooseWhatTheFullRowsScore) {
  Draw draw(14);
  const Rows rows = ClusteredRows(draw, 900, 19, 12, 0.5);
  const Rows queries = ClusteredRows(draw, 20, 19, 12, 0.5);
  for (const Metric metric : kMetrics) {
    for (const RowType first : {RowType::kBFloat16, RowType::kInt8}) {
      BuildOptions plan = Plan(metric, 12, 2, true);
      plan.first_row_type = first;
      const OpenedIndex index(rows, plan);
      const RowStore& full = index.searcher().snapshot().arrays.rows;
      const RowStore& small = index.searcher().snapshot().arrays.first_rows;
      ASSERT_EQ(full.type(), RowType::kFloat32);
      ASSERT_EQ(small.type(), first);
      for (const std::size_t refined : {0, 1, 25, 2000}) {
        SearchOptions options = Ask(10, 12, 900);
        options.refined = refined;
        const auto search = [&] { return index.Search(queries.view(), options); };
        const Found found = search();
        ASSERT_EQ(found, OnBestInstructionSet(search));
        for (std::size_t q = 0; q < queries.count; ++q) {
          const auto keys = [&](const RowStore& store, const std::vector<std::uint32_t>& which, std::size_t most) {
            RowQuery query;
            query.Prepare(store, metric, queries.row(q));
            std::vector<std::uint64_t> sorted;
            for (const std::uint32_t row : which) sorted.push_back(ScoreKey(store.Score(query, row), row));
            std::sort(sorted.begin(), sorted.end(), std::greater<>());
            sorted.resize(std::min(most, sorted.size()));
            return sorted;
          };
          std::vector<std::uint32_t> all(rows.count);
          std::iota(all.begin(), all.end(), 0u);
          std::vector<std::uint32_t> chosen;
          const std::size_t wanted = refined == 0 ? 20 : std::max<std::size_t>(refined, 10);
          for (const std::uint64_t key : keys(small, all, wanted)) chosen.push_back(KeyRow(key));
          const std::vector<std::uint64_t> best = keys(full, chosen, 10);
          for (std::size_t i = 0; i < 10; ++i) {
            ASSERT_EQ(found.ids[q * 10 + i], static_cast<std::int64_t>(index.built().order[KeyRow(best[i])]));
            const float score = KeyScore(best[i]);
            ASSERT_EQ(found.scores[q * 10 + i], metric == Metric::kSquaredL2 ? std::max(0.0f, -score) : score);
          }
        }
      }
    }
  }
}

TEST_P(SearcherTest, IsEqualOnAllInstructionSets) {
  Draw draw(3);
  const Rows rows = ClusteredRows(draw, 1000, 20, 20, 0.5);
  const Rows queries = ClusteredRows(draw, 30, 20, 20, 0.5);
  for (const Metric metric : kMetrics) {
    for (const Shape& shape : kShapes) {
      const OpenedIndex index(rows, Plan(metric, shape.leaves, shape.width, shape.spill, shape.rows));
      const auto search = [&] { return index.Search(queries.view(), Ask(10, 6, 50)); };
      EXPECT_EQ(search(), OnBestInstructionSet(search));
    }
  }
}

TEST_P(SearcherTest, AnswersAreSortedUniqueAndPadded) {
  Draw draw(4);
  const Rows rows = HardRows(draw, 300, 9);
  const Rows queries = HardRows(draw, 20, 9);
  for (const Metric metric : kMetrics) {
    const bool l2 = metric == Metric::kSquaredL2;
    for (const Shape& shape : kShapes) {
      const OpenedIndex index(rows, Plan(metric, shape.leaves, shape.width, shape.spill, shape.rows));
      for (const std::size_t k : {1, 50, 300, 1000}) {
        const Found found = index.Search(queries.view(), Ask(k, 2, 10));
        for (std::size_t q = 0; q < queries.count; ++q) {
          const std::int64_t* ids = found.ids.data() + q * k;
          const float* scores = found.scores.data() + q * k;
          const std::size_t there = static_cast<std::size_t>(std::find(ids, ids + k, -1) - ids);
          ASSERT_LE(there, rows.count);
          ASSERT_EQ(std::set<std::int64_t>(ids, ids + there).size(), there);
          for (std::size_t i = 0; i < k; ++i) {
            ASSERT_EQ(ids[i] == -1, i >= there);
            if (i >= there) {
              ASSERT_EQ(scores[i], l2 ? kInfinity : -kInfinity);
              continue;
            }
            ASSERT_TRUE(std::isfinite(scores[i]));
            ASSERT_FALSE(l2 && std::signbit(scores[i]));
            if (i > 0) {
              ASSERT_TRUE(l2 ? scores[i] >= scores[i - 1] : scores[i] <= scores[i - 1]);
            }
            if (!shape.rows) continue;
            const float* row = rows.row(static_cast<std::size_t>(ids[i]));
            const double score = reference::RowScore(metric, queries.row(q), row, 9);
            double size = 0.0;
            for (std::size_t j = 0; j < 9; ++j) {
              const double x = row[j];
              const double y = queries.row(q)[j];
              size += l2 ? (x - y) * (x - y) : std::abs(x * y);
            }
            ASSERT_NEAR(scores[i], l2 ? -score : score, 2e-6 * size + 1e-35);
          }
        }
      }
    }
  }
}

TEST_P(SearcherTest, EmptyLeavesAndFewRowsDoNoHarm) {
  // Copies of two points in thirty leaves: most are empty.
  Rows rows{std::vector<float>(60 * 4), 60, 4};
  for (std::size_t row = 0; row < 60; ++row) {
    for (std::size_t i = 0; i < 4; ++i) rows.row(row)[i] = row % 2 == 0 ? 1.0f : -2.0f;
  }
  const Rows queries{{1.0f, 1.0f, 1.0f, 1.0f, -1.0f, -1.0f, -1.0f, -1.0f}, 2, 4};
  for (const Metric metric : kMetrics) {
    for (const Shape& shape : kShapes) {
      if (!shape.rows) continue;
      const std::size_t leaves = shape.leaves > 0 ? 30 : 0;
      const OpenedIndex index(rows, Plan(metric, leaves, shape.width, shape.spill));
      ASSERT_EQ(index.Search(queries.view(), Ask(70, 30, 60)), Wanted(rows, index, metric, queries, 70));
      index.Search(queries.view(), Ask(5, 1, 10));
    }
  }
}

TEST_P(SearcherTest, ClusteredPointsAreFound) {
  Draw draw(5);
  const Rows rows = ClusteredRows(draw, 4000, 24, 40, 0.3);
  const Rows queries = ClusteredRows(draw, 4000, 24, 40, 0.3);  // other centres: not too easy
  const Rows few{{queries.data.begin(), queries.data.begin() + 50 * 24}, 50, 24};
  for (const Metric metric : kMetrics) {
    for (const bool spill : {false, true}) {
      const OpenedIndex index(rows, Plan(metric, 40, 2, spill));
      const Found wanted = Wanted(rows, index, metric, few, 10);
      const Found found = index.Search(few.view(), Ask(10, 12, 200));
      std::size_t hits = 0;
      for (std::size_t q = 0; q < 50; ++q) {
        const auto at = static_cast<std::ptrdiff_t>(q * 10);
        for (std::ptrdiff_t i = at; i < at + 10; ++i) {
          const auto best = wanted.ids.begin() + at;
          hits += static_cast<std::size_t>(std::count(best, best + 10, found.ids[static_cast<std::size_t>(i)]));
        }
      }
      EXPECT_GT(hits, 500u * 85 / 100) << "spill " << spill;
    }
  }
}

TEST_P(SearcherTest, MoreLeavesAndCandidatesLoseNothing) {
  Draw draw(6);
  const Rows rows = NormalRows(draw, 2000, 10);
  const Rows queries = NormalRows(draw, 30, 10);
  for (const Metric metric : kMetrics) {
    const OpenedIndex index(rows, Plan(metric, 30, 2));
    const Found exact = Wanted(rows, index, metric, queries, 10);
    std::size_t last = 0;
    for (const std::size_t leaves : {1, 3, 10, 30}) {
      const Found found = index.Search(queries.view(), Ask(10, leaves, 2000));
      std::size_t hits = 0;
      for (std::size_t i = 0; i < found.ids.size(); ++i) {
        const auto begin = exact.ids.begin() + static_cast<std::ptrdiff_t>(i / 10 * 10);
        hits += static_cast<std::size_t>(std::count(begin, begin + 10, found.ids[i]));
      }
      EXPECT_GE(hits, last);
      last = hits;
    }
    EXPECT_EQ(last, 300u);
  }
}

TEST_P(SearcherTest, WithoutRowsAPointLiesNearlyOnItself) {
  Draw draw(7);
  for (const std::size_t dim : {2, 8, 33}) {
    const Rows rows = ClusteredRows(draw, 500, dim, 10, 0.3);
    double typical = 0.0;
    for (const float value : rows.data) typical += static_cast<double>(value) * value / 500.0;
    const OpenedIndex index(rows, Plan(Metric::kSquaredL2, 10, 2, false, false));
    const Found found = index.Search(rows.view(), Ask(500, 10, 1));
    double error = 0.0;
    for (std::size_t q = 0; q < rows.count; ++q) {
      const auto begin = found.ids.begin() + static_cast<std::ptrdiff_t>(q * 500);
      const auto self = std::find(begin, begin + 500, static_cast<std::int64_t>(q));
      ASSERT_NE(self, begin + 500);
      const double score = found.scores[static_cast<std::size_t>(self - found.ids.begin())];
      ASSERT_LT(score, 0.2 * typical) << dim;
      error += score / 500.0;
    }
    EXPECT_LT(error, 0.02 * typical) << dim;
  }
}

TEST_P(SearcherTest, RoutesAreTheLeavesThatAreVisited) {
  Draw draw(8);
  const Rows rows = NormalRows(draw, 900, 7);
  const Rows queries = NormalRows(draw, 40, 7);
  for (const Metric metric : kMetrics) {
    const OpenedIndex index(rows, Plan(metric, 15, 0));
    std::vector<std::int32_t> routes(40 * 4);
    index.searcher().Route(queries.view(), 4, 0, 1, routes);
    std::vector<std::int32_t> again(40 * 4);
    index.searcher().Route(queries.view(), 4, 0, 3, again);
    EXPECT_EQ(routes, again);
    const Found found = index.Search(queries.view(), Ask(900, 4, 1));
    for (std::size_t q = 0; q < 40; ++q) {
      std::set<std::int64_t> wanted;
      for (std::size_t i = 0; i < 4; ++i) {
        const auto leaf = static_cast<std::size_t>(routes[q * 4 + i]);
        for (std::size_t row = index.built().leaf_offsets[leaf]; row < index.built().leaf_offsets[leaf + 1]; ++row) {
          wanted.insert(index.built().order[row]);
        }
      }
      std::set<std::int64_t> visited(found.ids.begin() + static_cast<std::ptrdiff_t>(q * 900),
                                     found.ids.begin() + static_cast<std::ptrdiff_t>((q + 1) * 900));
      visited.erase(-1);
      ASSERT_EQ(visited, wanted);
    }
  }
}

TEST_P(SearcherTest, AProjectionChangesHowRowsAreFoundAndNotTheirScores) {
  Draw draw(12);
  const Rows rows = ClusteredRows(draw, 900, 20, 15, 0.3);
  const Rows queries = ClusteredRows(draw, 30, 20, 15, 0.3);
  const Rows projection = OrthonormalRows(draw, 7, 20);
  for (const Metric metric : kMetrics) {
    for (const Shape& shape : kShapes) {
      if (shape.leaves == 0 && shape.width == 0) continue;
      BuildOptions plan = Plan(metric, shape.leaves, shape.width, shape.spill, shape.rows);
      plan.projection = projection.view();
      const OpenedIndex index(rows, plan);
      const SearchOptions some = Ask(10, 5, 60);
      const auto search = [&] { return index.Search(queries.view(), some); };
      const Found batch = search();
      EXPECT_EQ(batch, OnBestInstructionSet(search));
      EXPECT_EQ(index.Search(queries.view(), Ask(10, 5, 60, 3)), batch);
      const Found alone = index.Search({queries.row(7), 1, 20}, some);
      EXPECT_TRUE(std::equal(alone.ids.begin(), alone.ids.end(), batch.ids.begin() + 70));
      if (!shape.rows) continue;
      const Found all = index.Search(queries.view(), Ask(10, 20, 900));
      const Found wanted = Wanted(rows, index, metric, queries, 10);
      EXPECT_EQ(all.ids, wanted.ids);
      for (std::size_t i = 0; i < all.scores.size(); ++i) EXPECT_NEAR(all.scores[i], wanted.scores[i], 1e-4);
    }
  }
}

TEST_P(SearcherTest, NormalizedRowsGiveCosines) {
  Draw draw(9);
  const Rows rows = HardRows(draw, 400, 12);
  Rows unit = rows;
  for (std::size_t row = 0; row < rows.count; ++row) Normalize(rows.row(row), 12, unit.row(row));
  Rows queries = NormalRows(draw, 10, 12);
  for (std::size_t q = 0; q < 10; ++q) Normalize(queries.row(q), 12, queries.row(q));
  const OpenedIndex index(rows, Plan(Metric::kDotProduct, 12, 2), true);
  const Found found = index.Search(queries.view(), Ask(400, 12, 400));
  for (std::size_t i = 0; i < found.ids.size(); ++i) {
    const double cosine = reference::RowScore(Metric::kDotProduct, queries.row(i / 400),
                                              unit.row(static_cast<std::size_t>(found.ids[i])), 12);
    ASSERT_NEAR(found.scores[i], cosine, 1e-6);
    ASSERT_LE(std::abs(found.scores[i]), 1.000001f);
  }
}

TEST_P(SearcherTest, ExtremeNumbersDoNoHarm) {
  Draw draw(10);
  for (const Metric metric : kMetrics) {
    for (const double scale : {1e-38, 1e-20, 1e18, 1e25, 1e38}) {
      Rows queries = NormalRows(draw, 200, 6);
      for (float& value : queries.data) value = std::clamp(static_cast<float>(value * scale), -3e38f, 3e38f);
      // A build refuses what is beyond; a search of the engine itself trusts its caller.
      Rows rows = queries;
      for (float& value : rows.data) value = std::clamp(value, -kMostAsGiven, kMostAsGiven);
      for (const Shape& shape : kShapes) {
        const std::size_t leaves = std::min<std::size_t>(shape.leaves, 8);
        const OpenedIndex index(rows, Plan(metric, leaves, shape.width, shape.spill, shape.rows));
        const Found found = index.Search({queries.row(0), 20, 6}, Ask(5, 8, 20));
        for (const std::int64_t id : found.ids) {
          ASSERT_GE(id, -1);
          ASSERT_LT(id, 200);
        }
        if (leaves == 0) continue;
        std::vector<std::int32_t> routes(20 * 8, -7);
        index.searcher().Route({queries.row(0), 20, 6}, 8, 0, 1, routes);
        for (const std::int32_t leaf : routes) {
          ASSERT_GE(leaf, 0) << "scale " << scale << ", metric " << static_cast<int>(metric);
          ASSERT_LT(leaf, 8);
        }
      }
    }
  }
}

class Stopper final : public Monitor {
 public:
  void Stage(std::string_view) override {}
  void Tick(std::size_t, std::size_t) override { throw std::runtime_error("stopped"); }
};

TEST(SearcherMonitorTest, MayStopAndTheNextSearchIsSound) {
  Draw draw(11);
  const Rows rows = NormalRows(draw, 500, 8);
  const OpenedIndex index(rows, Plan(Metric::kDotProduct, 10, 2));
  const Found wanted = index.Search(rows.view(), Ask(3, 4, 20));
  Stopper stopper;
  // One thread: of two the other may be through before the caller has a chunk to tell of.
  SearchOptions options = Ask(3, 4, 20);
  options.monitor = &stopper;
  EXPECT_THROW(index.Search(rows.view(), options), std::runtime_error);
  options.monitor = nullptr;
  EXPECT_EQ(index.Search(rows.view(), options), wanted);
}

}  // namespace
}  // namespace leafscan
