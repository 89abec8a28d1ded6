#include "leafscan/core/row_source.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

double Length(const std::vector<float>& vector) {
  double square = 0.0;
  for (const float value : vector) square += static_cast<double>(value) * value;
  return std::sqrt(square);
}

TEST(NormalizeTest, LengthsBecomeOneAtAnyScale) {
  Draw draw(1);
  for (const std::size_t dim : kOddDimensions) {
    for (const double scale : {1e-30, 1e-6, 1.0, 1e6, 1e30}) {
      const std::vector<float> vector = draw.Normals(dim, scale);
      std::vector<float> unit(dim);
      Normalize(vector.data(), dim, unit.data());
      EXPECT_NEAR(Length(unit), 1.0, 1e-6) << scale;
      for (std::size_t i = 0; i < dim; ++i) {
        EXPECT_NEAR(unit[i], vector[i] / Length(vector), 1e-6);
      }
    }
  }
}

TEST(NormalizeTest, AZeroVectorStaysZeroAndTheLeastNumbersCount) {
  std::vector<float> vector(5, 0.0f);
  Normalize(vector.data(), 5, vector.data());
  EXPECT_EQ(vector, std::vector<float>(5, 0.0f));
  vector[3] = -std::numeric_limits<float>::denorm_min();
  Normalize(vector.data(), 5, vector.data());  // in place
  EXPECT_EQ(vector, (std::vector<float>{0.0f, 0.0f, 0.0f, -1.0f, 0.0f}));
  std::vector<float> largest(2, std::numeric_limits<float>::max());
  Normalize(largest.data(), 2, largest.data());
  EXPECT_NEAR(largest[0], std::sqrt(0.5), 1e-6);
}

TEST(RowSourceTest, ReadsRowsAsTheyAreOrNormalized) {
  Draw draw(2);
  const Rows rows = NormalRows(draw, 7, 5, 3.0);
  for (const bool normalize : {false, true}) {
    const RowSource source{rows.view(), normalize};
    EXPECT_EQ(source.size(), 7u);
    EXPECT_EQ(source.dim(), 5u);
    for (std::size_t row = 0; row < 7; ++row) {
      std::vector<float> read(5);
      std::vector<float> wanted(rows.row(row), rows.row(row) + 5);
      source.Read(row, read.data());
      if (normalize) Normalize(rows.row(row), 5, wanted.data());
      EXPECT_EQ(read, wanted);
    }
  }
}

TEST(RowSourceTest, SomeRowsAreReadLikeAll) {
  Draw draw(3);
  const Rows rows = NormalRows(draw, 9, 20);
  const std::vector<std::uint32_t> chosen{8, 0, 3, 3};
  const std::vector<float> center(20, 0.5f);
  for (const bool normalize : {false, true}) {
    const RowSource all{rows.view(), normalize, center.data()};
    RowSource some = all;
    some.chosen = chosen;
    ASSERT_EQ(some.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
      some.Fetch(i);
      std::vector<float> read(20);
      std::vector<float> wanted(20);
      some.Read(i, read.data());
      all.Read(chosen[i], wanted.data());
      EXPECT_EQ(read, wanted);
      EXPECT_EQ(some.Row(i), rows.row(chosen[i]));
    }
  }
}

TEST(RowSourceTest, SquaredLengthsAtAnyScale) {
  Draw draw(4);
  for (const std::size_t dim : kOddDimensions) {
    for (const double scale : {1e-30, 1.0, 1e30}) {
      const std::vector<float> vector = draw.Normals(dim, scale);
      const double length = Length(vector);
      EXPECT_NEAR(SquaredLength(vector.data(), dim), length * length, 1e-12 * length * length);
    }
  }
}

}  // namespace
}  // namespace leafscan
