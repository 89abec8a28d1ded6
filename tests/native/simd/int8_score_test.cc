#include "leafscan/simd/int8_score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/int8_score_reference.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

class Int8ScoreTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(Int8ScoreTest);

constexpr Metric kMetrics[] = {Metric::kDotProduct, Metric::kSquaredL2};
constexpr std::size_t kCount = 70;

// Rows of any bytes, and scales from 1e-6 to 1e6, one of them 0.
struct Stored {
  Stored(Draw& draw, std::size_t dim) : data(draw.Integers<std::int8_t>(kCount * dim, -128, 127)), scales(dim), dim(dim) {
    for (float& scale : scales) scale = static_cast<float>(std::pow(10.0, 12.0 * draw.Unit() - 6.0));
    if (dim > 2) scales[draw.Below(dim)] = 0.0f;
  }
  MatrixView<std::int8_t> view() const { return {data.data(), kCount, dim}; }

  std::vector<std::int8_t> data;
  std::vector<float> scales;
  std::size_t dim;
};

// What rounding may do to a sum: a few units in the last place of the sum of magnitudes.
double Tolerance(const Int8Query& query, const std::int8_t* row, std::size_t dim) {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double q = query.query[i];
    const double x = query.metric == Metric::kDotProduct ? row[i] : static_cast<double>(query.scales[i]) * row[i];
    sum += query.metric == Metric::kDotProduct ? std::abs(q * x) : (std::abs(q) + std::abs(x)) * (std::abs(q) + std::abs(x));
  }
  return (static_cast<double>(dim) / 16 + 8) * std::numeric_limits<float>::epsilon() * sum;
}

TEST_P(Int8ScoreTest, IsNearTheReferenceAndEqualOnAllInstructionSets) {
  Draw draw(1);
  for (const std::size_t dim : kOddDimensions) {
    const Stored rows(draw, dim);
    const Rows queries = HardRows(draw, 8, dim);
    for (const Metric metric : kMetrics) {
      for (std::size_t q = 0; q < queries.count; ++q) {
        const Int8Query query{metric, queries.row(q), rows.scales.data()};
        for (std::size_t r = 0; r < kCount; ++r) {
          const std::int8_t* row = rows.view().row(r);
          const auto score = [&] { return Int8Score(query, row, dim); };
          ASSERT_NEAR(score(), reference::Int8Score(query, row, dim), Tolerance(query, row, dim)) << dim;
          ASSERT_EQ(score(), OnBestInstructionSet(score)) << dim;
        }
      }
    }
  }
}

TEST_P(Int8ScoreTest, EveryDimensionUpToTwoHundredCountsEachComponentOnce) {
  Draw draw(2);
  for (std::size_t dim = 1; dim <= 200; ++dim) {
    const std::vector<float> query = draw.Wholes(dim, 50);
    const std::vector<float> scales = draw.Wholes(dim, 3);
    const auto row = draw.Integers<std::int8_t>(dim, -20, 20);
    for (const Metric metric : kMetrics) {
      // Whole numbers add up exactly.
      const Int8Query ready{metric, query.data(), scales.data()};
      ASSERT_EQ(Int8Score(ready, row.data(), dim), reference::Int8Score(ready, row.data(), dim)) << dim;
    }
  }
}

TEST_P(Int8ScoreTest, DistancesAreThoseOfTheRowAsFloats) {
  Draw draw(3);
  for (const std::size_t dim : kOddDimensions) {
    const Stored rows(draw, dim);
    const std::vector<float> other = draw.Normals(dim);
    for (std::size_t r = 0; r < kCount; ++r) {
      const std::int8_t* row = rows.view().row(r);
      std::vector<float> floats(dim + 1, 7.0f);
      DecodeInt8(row, rows.scales.data(), dim, floats.data());
      ASSERT_EQ(floats.back(), 7.0f);
      for (std::size_t i = 0; i < dim; ++i) ASSERT_EQ(floats[i], rows.scales[i] * static_cast<float>(row[i]));
      const Int8Query query{Metric::kSquaredL2, other.data(), rows.scales.data()};
      ASSERT_EQ(Int8Score(query, row, dim), RowScore(Metric::kSquaredL2, other.data(), floats.data(), dim));
      const Int8Query itself{Metric::kSquaredL2, floats.data(), rows.scales.data()};
      ASSERT_EQ(Int8Score(itself, row, dim), 0.0f);
    }
  }
}

TEST_P(Int8ScoreTest, ListsAndRangesScoreAsSingleRowsDo) {
  Draw draw(4);
  for (const std::size_t dim : kOddDimensions) {
    const Stored rows(draw, dim);
    const std::vector<float> asked = draw.Normals(dim);
    for (const Metric metric : kMetrics) {
      const Int8Query query{metric, asked.data(), rows.scales.data()};
      for (const std::size_t listed : {0, 1, 2, 23, 140}) {
        std::vector<std::uint32_t> which(listed);
        for (std::uint32_t& row : which) row = static_cast<std::uint32_t>(draw.Below(kCount));
        std::vector<float> scores(listed);
        ScoreInt8Rows(query, rows.view(), which, scores.data());
        for (std::size_t i = 0; i < listed; ++i) {
          ASSERT_EQ(scores[i], Int8Score(query, rows.view().row(which[i]), dim));
        }
      }
      for (const std::size_t begin : {std::size_t{0}, std::size_t{7}, kCount - 1, kCount}) {
        std::vector<float> scores(kCount - begin);
        ScoreInt8RowRange(query, rows.view(), begin, scores.size(), scores.data());
        for (std::size_t i = 0; i < scores.size(); ++i) {
          ASSERT_EQ(scores[i], Int8Score(query, rows.view().row(begin + i), dim));
        }
      }
    }
  }
}

}  // namespace
}  // namespace leafscan
