#include "leafscan/train/spill.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/train/assign.h"

namespace leafscan {
namespace {

// The cost that SOAR gives a second leaf, in float64.
double Cost(const float* x, const float* first, const float* other, std::size_t dim, double lambda) {
  double square = 0.0;
  double length = 0.0;
  double product = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double error = static_cast<double>(x[i]) - other[i];
    const double residual = static_cast<double>(x[i]) - first[i];
    square += error * error;
    length += residual * residual;
    product += error * residual;
  }
  return square + (length > 0.0 ? lambda * product * product / length : 0.0);
}

TEST(SpillTest, TakesTheSecondLeafThatSoarWants) {
  Draw draw(1);
  for (const std::size_t dim : {1, 3, 16, 33}) {
    for (const std::size_t count : {2, 3, 50}) {
      for (const float lambda : {0.0f, 1.5f}) {
        const Rows rows = NormalRows(draw, 600, dim);
        const Rows centroids = NormalRows(draw, count, dim);
        std::vector<std::uint32_t> first(rows.count);
        AssignNearest({rows.view(), false}, centroids.view(), 1, nullptr, first);
        std::vector<std::uint32_t> second(rows.count, 7777);
        AssignSpill({rows.view(), false}, centroids.view(), first, lambda, 1, nullptr, second);
        for (std::size_t row = 0; row < rows.count; ++row) {
          ASSERT_LT(second[row], count);
          ASSERT_NE(second[row], first[row]);
          const auto cost = [&](std::size_t c) {
            return Cost(rows.row(row), centroids.row(first[row]), centroids.row(c), dim, lambda);
          };
          for (std::size_t c = 0; c < count; ++c) {
            if (c == first[row]) continue;
            ASSERT_LE(cost(second[row]), cost(c) + 1e-4 * (1.0 + cost(c)));
          }
        }
        for (const int threads : {2, 3}) {
          std::vector<std::uint32_t> again(rows.count);
          AssignSpill({rows.view(), false}, centroids.view(), first, lambda, threads, nullptr, again);
          ASSERT_EQ(again, second);
        }
      }
    }
  }
}

TEST(SpillTest, ARowOnItsCentroidTakesTheNextNearest) {
  const Rows centroids{{0.0f, 0.0f, 5.0f, 0.0f, 0.0f, 3.0f}, 3, 2};
  const Rows rows{{0.0f, 0.0f, 5.0f, 0.0f}, 2, 2};
  const std::vector<std::uint32_t> first{0, 1};
  std::vector<std::uint32_t> second(2);
  AssignSpill({rows.view(), false}, centroids.view(), first, 2.0f, 1, nullptr, second);
  EXPECT_EQ(second, (std::vector<std::uint32_t>{2, 0}));
}

TEST(SpillTest, NormalizedRowsAreReadAsSuch) {
  Draw draw(2);
  const Rows rows = NormalRows(draw, 100, 8, 50.0);
  Rows unit = rows;
  for (std::size_t row = 0; row < 100; ++row) Normalize(rows.row(row), 8, unit.row(row));
  const Rows centroids = NormalRows(draw, 9, 8);
  std::vector<std::uint32_t> first(100);
  AssignNearest({unit.view(), false}, centroids.view(), 1, nullptr, first);
  std::vector<std::uint32_t> given(100);
  std::vector<std::uint32_t> wanted(100);
  AssignSpill({rows.view(), true}, centroids.view(), first, 1.0f, 1, nullptr, given);
  AssignSpill({unit.view(), false}, centroids.view(), first, 1.0f, 1, nullptr, wanted);
  EXPECT_EQ(given, wanted);
}

}  // namespace
}  // namespace leafscan
