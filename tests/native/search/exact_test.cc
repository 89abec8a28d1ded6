#include "leafscan/search/exact.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/core/score_key.h"
#include "leafscan/simd/row_score_reference.h"

namespace leafscan {
namespace {

class ExactSearchTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(ExactSearchTest);

using Keys = std::vector<std::vector<std::uint64_t>>;
constexpr Metric kMetrics[] = {Metric::kDotProduct, Metric::kSquaredL2};

Keys Search(const Rows& rows, Metric metric, const MatrixView<float>& queries, std::size_t k, int threads) {
  const ExactSearch exact(RowStore(rows.data.data(), rows.count, rows.dim), metric);
  Keys found(queries.rows);
  exact.Search(queries, k, threads, nullptr, [&](std::size_t query, std::span<const std::uint64_t> keys) {
    EXPECT_TRUE(found.at(query).empty());
    found[query].assign(keys.begin(), keys.end());
  });
  return found;
}

// The best k rows in float64, ties to the lower row.
std::vector<std::uint32_t> Wanted(const Rows& rows, Metric metric, const float* query, std::size_t k) {
  std::vector<double> scores(rows.count);
  for (std::size_t r = 0; r < rows.count; ++r) scores[r] = reference::RowScore(metric, query, rows.row(r), rows.dim);
  std::vector<std::uint32_t> order(rows.count);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
  order.resize(std::min(k, rows.count));
  return order;
}

std::vector<std::uint32_t> RowsOf(const std::vector<std::uint64_t>& keys) {
  std::vector<std::uint32_t> rows;
  for (const std::uint64_t key : keys) rows.push_back(KeyRow(key));
  return rows;
}

TEST_P(ExactSearchTest, WholeNumbersGiveExactlyTheBestOfFloat64) {
  Draw draw(1);
  for (const std::size_t count : {1, 2, 100, 129, 3000}) {
    for (const std::size_t dim : {1, 3, 16, 33}) {
      const Rows rows = WholeRows(draw, count, dim, 4);  // sums are exact, and ties are many
      for (const Metric metric : kMetrics) {
        for (const std::size_t asked : {1, 2, 5, 17, 100}) {
          if (asked == 100 && count == 3000 && dim > 3) continue;
          const Rows queries = WholeRows(draw, asked, dim, 4);
          const std::size_t k = 1 + draw.Below(300);
          const Keys found = Search(rows, metric, queries.view(), k, 1);
          for (std::size_t q = 0; q < asked; ++q) {
            ASSERT_EQ(RowsOf(found[q]), Wanted(rows, metric, queries.row(q), k))
                << count << " rows of " << dim << ", k " << k << ", query " << q << " of " << asked;
            for (const std::uint64_t key : found[q]) {
              ASSERT_EQ(KeyScore(key), reference::RowScore(metric, queries.row(q), rows.row(KeyRow(key)), dim));
            }
          }
          for (const int threads : {2, 3}) ASSERT_EQ(Search(rows, metric, queries.view(), k, threads), found);
        }
      }
    }
  }
}

TEST_P(ExactSearchTest, OneQueryABatchAndThreadsAgreeToTheBit) {
  Draw draw(2);
  for (const std::size_t dim : {1, 7, 17, 100}) {
    for (const bool hard : {false, true}) {
      const Rows rows = hard ? HardRows(draw, 1000, dim) : NormalRows(draw, 1000, dim);
      const Rows queries = hard ? HardRows(draw, 100, dim) : NormalRows(draw, 100, dim);
      for (const Metric metric : kMetrics) {
        for (const std::size_t k : {1, 10, 400, 1000, 1500}) {
          Keys alone;
          for (std::size_t q = 0; q < queries.count; ++q) {
            alone.push_back(Search(rows, metric, {queries.row(q), 1, dim}, k, 1).front());
            ASSERT_EQ(alone.back().size(), std::min<std::size_t>(k, 1000));
          }
          for (const std::size_t asked : {2, 3, 4, 5, 17, 100}) {
            const Keys wanted(alone.begin(), alone.begin() + static_cast<std::ptrdiff_t>(asked));
            ASSERT_EQ(Search(rows, metric, {queries.row(0), asked, dim}, k, 1), wanted) << dim << " k " << k;
          }
          ASSERT_EQ(Search(rows, metric, queries.view(), k, 3), alone);
        }
      }
    }
  }
}

TEST_P(ExactSearchTest, IsEqualOnAllInstructionSets) {
  Draw draw(3);
  const Rows rows = HardRows(draw, 700, 31);
  const Rows queries = HardRows(draw, 40, 31);
  for (const Metric metric : kMetrics) {
    const auto search = [&] { return Search(rows, metric, queries.view(), 25, 2); };
    EXPECT_EQ(search(), OnBestInstructionSet(search));
  }
}

TEST_P(ExactSearchTest, NearlyEqualRowsAreToldApartAsByTheirOwnScores) {
  // All rows lie within rounding of one another, far from the origin: the panel's sums cannot tell them apart.
  Draw draw(4);
  Rows rows = NormalRows(draw, 2000, 20, 1e-5);
  for (float& value : rows.data) value += 10.0f;
  Rows queries = NormalRows(draw, 20, 20, 1e-5);
  for (float& value : queries.data) value += 10.0f;
  for (const Metric metric : kMetrics) {
    const Keys batch = Search(rows, metric, queries.view(), 5, 2);
    for (std::size_t q = 0; q < queries.count; ++q) {
      ASSERT_EQ(batch[q], Search(rows, metric, {queries.row(q), 1, 20}, 5, 1).front());
    }
  }
}

TEST_P(ExactSearchTest, SplitsOfManyRowsAreMerged) {
  Draw draw(5);
  const Rows rows = WholeRows(draw, 20000, 3, 100);
  for (const Metric metric : kMetrics) {
    for (const std::size_t asked : {1, 5}) {
      const Rows queries = WholeRows(draw, asked, 3, 100);
      const Keys one = Search(rows, metric, queries.view(), 50, 1);
      EXPECT_EQ(RowsOf(one[0]), Wanted(rows, metric, queries.row(0), 50));
      for (const int threads : {2, 3, 8}) EXPECT_EQ(Search(rows, metric, queries.view(), 50, threads), one);
    }
  }
}

TEST_P(ExactSearchTest, ManyQueriesComeInTheirOrder) {
  Draw draw(6);
  const Rows rows = WholeRows(draw, 50, 2, 1000);
  const Rows queries = WholeRows(draw, 5000, 2, 1000);
  const Keys found = Search(rows, Metric::kSquaredL2, queries.view(), 1, 2);
  for (std::size_t q = 0; q < queries.count; ++q) {
    ASSERT_EQ(RowsOf(found[q]), Wanted(rows, Metric::kSquaredL2, queries.row(q), 1));
  }
}

TEST_P(ExactSearchTest, NoQueriesAreNoWork) {
  Draw draw(7);
  const Rows rows = NormalRows(draw, 10, 3);
  EXPECT_TRUE(Search(rows, Metric::kDotProduct, {nullptr, 0, 3}, 5, 2).empty());
}

class Stopper final : public Monitor {
 public:
  void Stage(std::string_view) override {}
  void Tick(std::size_t, std::size_t) override { throw std::runtime_error("stopped"); }
};

TEST(ExactSearchMonitorTest, MayStop) {
  Draw draw(8);
  const Rows rows = NormalRows(draw, 100, 3);
  const Rows queries = NormalRows(draw, 100, 3);
  const ExactSearch exact(RowStore(rows.data.data(), rows.count, rows.dim), Metric::kSquaredL2);
  Stopper stopper;
  EXPECT_THROW(
      exact.Search(queries.view(), 5, 1, &stopper, [](std::size_t, std::span<const std::uint64_t>) {}),
      std::runtime_error);
}

}  // namespace
}  // namespace leafscan
