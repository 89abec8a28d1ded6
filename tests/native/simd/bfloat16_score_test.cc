#include "leafscan/simd/bfloat16_score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/core/bfloat16.h"
#include "leafscan/simd/bfloat16_score_reference.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

class BFloat16ScoreTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(BFloat16ScoreTest);

constexpr Metric kMetrics[] = {Metric::kDotProduct, Metric::kSquaredL2};

std::vector<std::uint16_t> Halves(const std::vector<float>& values) {
  std::vector<std::uint16_t> halves;
  for (const float value : values) halves.push_back(ToBFloat16(value));
  return halves;
}

TEST_P(BFloat16ScoreTest, IsTheScoreOfTheRowAsFloatsAndEqualOnAllInstructionSets) {
  Draw draw(1);
  for (const std::size_t dim : kOddDimensions) {
    const Rows queries = HardRows(draw, 8, dim);
    const std::vector<std::uint16_t> rows = Halves(HardRows(draw, 25, dim).data);
    for (const Metric metric : kMetrics) {
      for (std::size_t q = 0; q < queries.count; ++q) {
        for (std::size_t r = 0; r < 25; ++r) {
          const std::uint16_t* row = rows.data() + r * dim;
          std::vector<float> floats(dim);
          for (std::size_t i = 0; i < dim; ++i) floats[i] = FromBFloat16(row[i]);
          const auto score = [&] { return BFloat16Score(metric, queries.row(q), row, dim); };
          ASSERT_EQ(score(), RowScore(metric, queries.row(q), floats.data(), dim)) << dim;
          ASSERT_EQ(score(), OnBestInstructionSet(score)) << dim;
        }
      }
    }
  }
}

TEST_P(BFloat16ScoreTest, EveryDimensionUpToTwoHundredCountsEachComponentOnce) {
  Draw draw(2);
  for (std::size_t dim = 1; dim <= 200; ++dim) {
    const std::vector<float> query = draw.Wholes(dim, 50);
    const std::vector<std::uint16_t> row = Halves(draw.Wholes(dim, 50));
    for (const Metric metric : kMetrics) {
      // Whole numbers add up exactly.
      ASSERT_EQ(BFloat16Score(metric, query.data(), row.data(), dim),
                reference::BFloat16Score(metric, query.data(), row.data(), dim))
          << dim;
    }
  }
}

TEST_P(BFloat16ScoreTest, ListsAndRangesScoreAsSingleRowsDo) {
  Draw draw(3);
  constexpr std::size_t kCount = 70;
  for (const std::size_t dim : kOddDimensions) {
    const std::vector<std::uint16_t> data = Halves(HardRows(draw, kCount, dim).data);
    const MatrixView<std::uint16_t> rows{data.data(), kCount, dim};
    const std::vector<float> query = draw.Normals(dim);
    for (const Metric metric : kMetrics) {
      for (const std::size_t listed : {0, 1, 2, 23, 140}) {
        std::vector<std::uint32_t> which(listed);
        for (std::uint32_t& row : which) row = static_cast<std::uint32_t>(draw.Below(kCount));
        std::vector<float> scores(listed);
        ScoreBFloat16Rows(metric, query.data(), rows, which, scores.data());
        for (std::size_t i = 0; i < listed; ++i) {
          ASSERT_EQ(scores[i], BFloat16Score(metric, query.data(), rows.row(which[i]), dim));
        }
      }
      for (const std::size_t begin : {std::size_t{0}, std::size_t{7}, kCount - 1, kCount}) {
        std::vector<float> scores(kCount - begin);
        ScoreBFloat16RowRange(metric, query.data(), rows, begin, scores.size(), scores.data());
        for (std::size_t i = 0; i < scores.size(); ++i) {
          ASSERT_EQ(scores[i], BFloat16Score(metric, query.data(), rows.row(begin + i), dim));
        }
      }
    }
  }
}

TEST_P(BFloat16ScoreTest, DecodesEveryBitPattern) {
  std::vector<std::uint16_t> bits(65'537);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  std::vector<float> floats(bits.size() + 1, 7.0f);
  DecodeBFloat16(bits.data(), bits.size(), floats.data());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(floats[i]), static_cast<std::uint32_t>(bits[i]) << 16);
  }
  EXPECT_EQ(floats.back(), 7.0f);  // and not one more
}

}  // namespace
}  // namespace leafscan
