#include "leafscan/search/query_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/hash/layout.h"

namespace leafscan {
namespace {

class QueryTableTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(QueryTableTest);

struct Books {
  std::vector<float> words;  // (block, code, component)
  std::size_t dim = 0;
  std::size_t width = 0;
  float term_scale = 0.0f;

  std::size_t blocks() const { return CeilDiv(dim, width); }
  std::shared_ptr<const Snapshot> Open(Metric metric) const {
    IndexArrays arrays;
    arrays.metric = metric;
    arrays.dim = dim;
    arrays.codebooks = words;
    arrays.blocks = blocks();
    arrays.width = width;
    arrays.term_scale = term_scale;
    return OpenSnapshot(arrays);
  }
  // <q, r~> in float64.
  double Product(const std::vector<float>& query, const std::vector<std::uint8_t>& codes) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < dim; ++i) {
      sum += static_cast<double>(query[i]) * words[(i / width * kCodeWords + codes[i / width]) * width + i % width];
    }
    return sum;
  }
};

Books MakeBooks(Draw& draw, std::size_t dim, std::size_t width, double scale) {
  return {draw.Normals(CeilDiv(dim, width) * kCodeWords * width, scale), dim, width, 0.0f};
}

std::int32_t TableSum(const ScanTable& table, const std::vector<std::uint8_t>& codes) {
  std::int32_t sum = 0;
  for (std::size_t block = 0; block < codes.size(); ++block) sum += table.entries[block * kCodeWords + codes[block]];
  return sum;
}

struct Shape {
  std::size_t dim, width;
};
constexpr Shape kShapes[] = {{1, 1}, {1, 2}, {3, 2}, {7, 1}, {16, 2}, {33, 2}, {100, 2}, {100, 3}, {784, 2}, {1600, 1}};

TEST_P(QueryTableTest, IntegerScoresOfDotProductsAreRightToTheRounding) {
  Draw draw(1);
  for (const Shape& shape : kShapes) {
    for (const double scale : {1e-6, 1.0, 1e6}) {
      const Books books = MakeBooks(draw, shape.dim, shape.width, scale);
      const std::vector<float> query = draw.Normals(shape.dim);
      QueryTable table;
      table.Build(*books.Open(Metric::kDotProduct), query);
      EXPECT_EQ(table.view().padded_blocks, PaddedBlocks(books.blocks()));
      EXPECT_EQ(table.view().term_factor, 0);
      const double unit = static_cast<double>(table.Score(1)) - table.Score(0);
      const auto best_center = static_cast<float>(scale * draw.Normal());
      table.SetOrigin(best_center);
      for (int point = 0; point < 50; ++point) {
        const auto codes = draw.Integers<std::uint8_t>(books.blocks(), 0, 15);
        const auto center = static_cast<float>(best_center - scale * draw.Unit());
        const std::int32_t score = table.Bias(center) + TableSum(table.view(), codes);
        const double exact = center + books.Product(query, codes);
        const double bound = (static_cast<double>(books.blocks()) / 2 + 0.5) * unit * 1.01 +
                             1e-5 * scale * static_cast<double>(books.blocks() * books.width);
        ASSERT_NEAR(table.Score(score), exact, bound) << shape.dim << " x " << shape.width;
      }
    }
  }
}

TEST_P(QueryTableTest, IntegerScoresOfSquaredDistancesCountTheTerm) {
  Draw draw(2);
  for (const Shape& shape : kShapes) {
    for (const double scale : {1e-6, 1.0, 1e6}) {
      for (const double term_size : {1e-3, 1.0, 1e3}) {
        Books books = MakeBooks(draw, shape.dim, shape.width, scale);
        books.term_scale = static_cast<float>(term_size * scale / 32767.0);
        const std::vector<float> query = draw.Normals(shape.dim);
        QueryTable table;
        table.Build(*books.Open(Metric::kSquaredL2), query);
        const double unit = static_cast<double>(table.Score(1)) - table.Score(0);
        ASSERT_GE(unit * 1.001, books.term_scale);
        const ScanTable view = table.view();
        const auto best_center = static_cast<float>(-scale);
        table.SetOrigin(best_center);
        for (int point = 0; point < 50; ++point) {
          const auto codes = draw.Integers<std::uint8_t>(books.blocks(), 0, 15);
          const auto center = static_cast<float>(best_center - scale * draw.Unit());
          const std::int64_t some = point == 0 ? 32767 : point == 1 ? -32767 : draw.Between(-32767, 32767);
          const auto term = static_cast<std::int16_t>(some);
          const std::int32_t rest = TableSum(view, codes) - ((term * view.term_factor + (1 << 14)) >> 15);
          if (std::abs(rest) > 32767) continue;  // clamped by the scan
          const std::int32_t score = table.Bias(center) + rest;
          const double exact = center + 2.0 * books.Product(query, codes) - static_cast<double>(term) * books.term_scale;
          const double bound = (static_cast<double>(books.blocks()) / 2 + 2.0) * unit * 1.01 +
                               1e-5 * scale * static_cast<double>(books.blocks() * books.width);
          ASSERT_NEAR(table.Score(score), exact, bound) << shape.dim << " x " << shape.width << " term " << term;
        }
      }
    }
  }
}

TEST_P(QueryTableTest, TheLargestSumFitsFifteenBitsAtAnyNumberOfBlocks) {
  Draw draw(3);
  for (const std::size_t dim : {1, 100, 520, 521, 1040, 3000, 32767}) {
    Books books = MakeBooks(draw, dim, 1, 1.0);
    for (std::size_t i = 0; i < books.words.size(); ++i) books.words[i] = static_cast<float>(i % kCodeWords);
    QueryTable table;
    table.Build(*books.Open(Metric::kDotProduct), std::vector<float>(dim, 1.0f));
    const ScanTable view = table.view();
    std::int64_t most = 0;
    for (std::size_t block = 0; block < view.padded_blocks; ++block) {
      const std::uint8_t* entries = view.entries + block * kCodeWords;
      ASSERT_LE(*std::max_element(entries, entries + kCodeWords), kMaxTableEntry);
      most += *std::max_element(entries, entries + kCodeWords);
    }
    EXPECT_LE(most, 32767) << dim;
    for (std::size_t i = dim * kCodeWords; i < view.padded_blocks * kCodeWords; ++i) ASSERT_EQ(view.entries[i], 0);
  }
}

TEST_P(QueryTableTest, BiasesFarFromTheOriginStayWithinBounds) {
  Draw draw(4);
  const Books books = MakeBooks(draw, 10, 2, 1e-3);
  QueryTable table;
  table.Build(*books.Open(Metric::kDotProduct), draw.Normals(10));
  table.SetOrigin(0.0f);
  EXPECT_EQ(table.Bias(0.0f), 0);
  EXPECT_EQ(table.Bias(1e30f), 1 << 29);
  EXPECT_EQ(table.Bias(-1e30f), -(1 << 29));
}

TEST_P(QueryTableTest, AZeroQueryScoresAllCodesAlike) {
  Draw draw(5);
  const Books books = MakeBooks(draw, 10, 2, 1.0);
  QueryTable table;
  table.Build(*books.Open(Metric::kDotProduct), std::vector<float>(10, 0.0f));
  for (std::size_t i = 0; i < table.view().padded_blocks * kCodeWords; ++i) EXPECT_EQ(table.view().entries[i], 0);
  EXPECT_EQ(table.Score(0), 0.0f);
}

}  // namespace
}  // namespace leafscan
