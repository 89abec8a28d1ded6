#include "leafscan/simd/row_score.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/row_score_reference.h"

namespace leafscan {
namespace {

class RowScoreTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(RowScoreTest);

constexpr Metric kMetrics[] = {Metric::kDotProduct, Metric::kSquaredL2};

// What rounding may do to a sum: a few units in the last place of the sum of magnitudes.
double Tolerance(Metric metric, const float* query, const float* row, std::size_t dim) {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double difference = static_cast<double>(query[i]) - row[i];
    sum += metric == Metric::kDotProduct ? std::abs(static_cast<double>(query[i]) * row[i]) : difference * difference;
  }
  const double terms = static_cast<double>(dim);
  return (terms / 16 + 8) * std::numeric_limits<float>::epsilon() * sum + (terms + 1) * std::numeric_limits<float>::min();
}

TEST_P(RowScoreTest, IsNearTheReferenceAndEqualOnAllInstructionSets) {
  Draw draw(1);
  for (const std::size_t dim : kOddDimensions) {
    const Rows queries = HardRows(draw, 12, dim);
    const Rows rows = HardRows(draw, 25, dim);
    for (const Metric metric : kMetrics) {
      for (std::size_t q = 0; q < queries.count; ++q) {
        for (std::size_t r = 0; r < rows.count; ++r) {
          const auto score = [&] { return RowScore(metric, queries.row(q), rows.row(r), dim); };
          const double wanted = reference::RowScore(metric, queries.row(q), rows.row(r), dim);
          ASSERT_NEAR(score(), wanted, Tolerance(metric, queries.row(q), rows.row(r), dim)) << dim;
          ASSERT_EQ(score(), OnBestInstructionSet(score)) << dim;
        }
      }
    }
  }
}

TEST_P(RowScoreTest, EveryDimensionUpToTwoHundredCountsEachComponentOnce) {
  Draw draw(2);
  for (std::size_t dim = 1; dim <= 200; ++dim) {
    const std::vector<float> query = draw.Wholes(dim, 50);
    const std::vector<float> row = draw.Wholes(dim, 50);
    for (const Metric metric : kMetrics) {
      // Whole numbers add up exactly.
      ASSERT_EQ(RowScore(metric, query.data(), row.data(), dim),
                reference::RowScore(metric, query.data(), row.data(), dim))
          << dim;
    }
  }
}

TEST_P(RowScoreTest, ListsAndRangesScoreAsSingleRowsDo) {
  Draw draw(3);
  for (const std::size_t dim : kOddDimensions) {
    const Rows rows = HardRows(draw, 70, dim);
    const std::vector<float> query = draw.Normals(dim);
    const MatrixView<float> view = rows.view();
    for (const Metric metric : kMetrics) {
      for (const std::size_t listed : {0, 1, 2, 23, 140}) {
        std::vector<std::uint32_t> which(listed);
        for (std::uint32_t& row : which) row = static_cast<std::uint32_t>(draw.Below(rows.count));
        std::vector<float> scores(listed);
        ScoreRows(metric, query.data(), view, which, scores.data());
        for (std::size_t i = 0; i < listed; ++i) {
          ASSERT_EQ(scores[i], RowScore(metric, query.data(), view.row(which[i]), dim));
        }
      }
      for (const std::size_t begin : {std::size_t{0}, std::size_t{7}, rows.count - 1, rows.count}) {
        std::vector<float> scores(rows.count - begin);
        ScoreRowRange(metric, query.data(), view, begin, scores.size(), scores.data());
        for (std::size_t i = 0; i < scores.size(); ++i) {
          ASSERT_EQ(scores[i], RowScore(metric, query.data(), view.row(begin + i), dim));
        }
      }
    }
  }
}

TEST_P(RowScoreTest, DoesNotDependOnThePlaceInMemory) {
  Draw draw(4);
  for (const std::size_t dim : kOddDimensions) {
    const std::vector<float> query = draw.Normals(dim);
    const std::vector<float> row = draw.Normals(dim);
    for (std::size_t shift = 0; shift < 17; ++shift) {
      std::vector<float> moved(shift + dim, 9.0f);
      std::copy(row.begin(), row.end(), moved.begin() + static_cast<std::ptrdiff_t>(shift));
      for (const Metric metric : kMetrics) {
        ASSERT_EQ(RowScore(metric, query.data(), moved.data() + shift, dim),
                  RowScore(metric, query.data(), row.data(), dim));
        ASSERT_EQ(RowScore(metric, moved.data() + shift, query.data(), dim),
                  RowScore(metric, query.data(), row.data(), dim));  // nor on which is the query
      }
    }
  }
}

TEST_P(RowScoreTest, ARowLiesOnItself) {
  Draw draw(5);
  for (const std::size_t dim : kOddDimensions) {
    const Rows rows = HardRows(draw, 10, dim);
    for (std::size_t r = 0; r < rows.count; ++r) {
      ASSERT_EQ(RowScore(Metric::kSquaredL2, rows.row(r), rows.row(r), dim), 0.0f);
    }
  }
}

}  // namespace
}  // namespace leafscan
