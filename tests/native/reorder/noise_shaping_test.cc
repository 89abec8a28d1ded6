#include "leafscan/reorder/noise_shaping.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/train/codebooks.h"

namespace leafscan {
namespace {

// A row between a grid's values, and what the shaper minimises.
struct Case {
  Case(Draw& draw, std::size_t dim, float step, double norm)
      : row(draw.Normals(dim, norm / std::sqrt(static_cast<double>(dim)))), nearest(dim), second(dim) {
    for (std::size_t i = 0; i < dim; ++i) {
      nearest[i] = std::round(row[i] / step) * step;
      second[i] = nearest[i] + (row[i] > nearest[i] ? step : -step);
    }
  }

  double Loss(double threshold, std::span<const std::uint8_t> taken) const {
    double square = 0.0;
    for (const float x : row) square += static_cast<double>(x) * x;
    const double norm = std::sqrt(square);
    double error = 0.0;
    double along = 0.0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const double e = static_cast<double>(row[i]) - (taken[i] != 0 ? second[i] : nearest[i]);
      error += e * e;
      along += e * row[i] / norm;
    }
    return error + (AnisotropicWeight(threshold, norm, row.size()) - 1.0) * along * along;
  }

  std::vector<float> row, nearest, second;
};

TEST(NoiseShapingTest, EndsWhereNoSingleChangeLowersTheLoss) {
  Draw draw(1);
  bool any = false;
  for (const std::size_t dim : {2, 3, 17, 100}) {
    NoiseShaper shaper(0.4, dim);
    for (int i = 0; i < 50; ++i) {
      const Case tried(draw, dim, 0.05f, 1.0);
      const auto chosen = shaper.Choose(tried.row, tried.nearest, tried.second);
      std::vector<std::uint8_t> taken(chosen.begin(), chosen.end());
      const double loss = tried.Loss(0.4, taken);
      ASSERT_LE(loss, tried.Loss(0.4, std::vector<std::uint8_t>(dim, 0)));
      for (std::size_t j = 0; j < dim; ++j) {
        any = any || taken[j] != 0;
        taken[j] ^= 1;
        ASSERT_GE(tried.Loss(0.4, taken), loss * (1.0 - 1e-9));
        taken[j] ^= 1;
      }
    }
  }
  EXPECT_TRUE(any);
}

TEST(NoiseShapingTest, IsTheBestOfAllRoundingsOfAFewComponentsMostOfTheTime) {
  Draw draw(2);
  constexpr std::size_t kDim = 8;
  NoiseShaper shaper(0.5, kDim);
  int best = 0;
  for (int i = 0; i < 100; ++i) {
    const Case tried(draw, kDim, 0.1f, 1.0);
    const double loss = tried.Loss(0.5, shaper.Choose(tried.row, tried.nearest, tried.second));
    double least = loss;
    for (unsigned all = 0; all < 1u << kDim; ++all) {
      std::vector<std::uint8_t> taken(kDim);
      for (std::size_t j = 0; j < kDim; ++j) taken[j] = all >> j & 1u;
      least = std::min(least, tried.Loss(0.5, taken));
    }
    best += loss <= least * (1.0 + 1e-9);
  }
  EXPECT_GE(best, 60);
}

TEST(NoiseShapingTest, DoesTheSameAtEveryScale) {
  for (const double scale : {0x1p-20, 0x1p20}) {
    Draw draw(3);
    Draw same(3);
    NoiseShaper shaper(0.3, 40);
    NoiseShaper scaled(0.3 * scale, 40);
    for (int i = 0; i < 20; ++i) {
      const Case one(draw, 40, 0.05f, 1.0);
      Case other(same, 40, 0.05f, 1.0);
      for (std::vector<float>* values : {&other.row, &other.nearest, &other.second}) {
        for (float& value : *values) value *= static_cast<float>(scale);
      }
      const auto wanted = shaper.Choose(one.row, one.nearest, one.second);
      const auto found = scaled.Choose(other.row, other.nearest, other.second);
      ASSERT_TRUE(std::equal(wanted.begin(), wanted.end(), found.begin()));
    }
  }
}

TEST(NoiseShapingTest, LeavesZeroRowsAndPlainRoundingAlone) {
  Draw draw(4);
  const Case any(draw, 20, 0.3f, 1.0);
  const std::vector<float> zero(20, 0.0f);
  NoiseShaper plain(0.0, 20);
  NoiseShaper shaper(0.2, 20);
  for (const std::uint8_t taken : plain.Choose(any.row, any.nearest, any.second)) EXPECT_EQ(taken, 0);
  for (const std::uint8_t taken : shaper.Choose(zero, zero, any.second)) EXPECT_EQ(taken, 0);
}

}  // namespace
}  // namespace leafscan
