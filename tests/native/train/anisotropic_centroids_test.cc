#include "leafscan/train/anisotropic_centroids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/train/normal_equations.h"

namespace leafscan {
namespace {

// Rows in three leaves: one of many, one of few, one of none.
struct Leaves {
  explicit Leaves(const Rows& rows) : rows(rows), order(rows.count) {
    std::iota(order.begin(), order.end(), 0u);
    std::reverse(order.begin(), order.end());
    offsets = {0, rows.count - 3, rows.count, rows.count};
    means.assign(3 * rows.dim, 0.25f);
    for (std::size_t l = 0; l < 2; ++l) {
      for (std::size_t i = 0; i < rows.dim; ++i) {
        double sum = 0.0;
        for (std::size_t r = offsets[l]; r < offsets[l + 1]; ++r) sum += rows.row(order[r])[i];
        means[l * rows.dim + i] = static_cast<float>(sum / static_cast<double>(offsets[l + 1] - offsets[l]));
      }
    }
  }

  std::vector<float> Refit(double eta, bool normalize = false, int threads = 1) const {
    std::vector<float> centroids(means);
    RefitCentroids({rows.view(), normalize}, offsets, order, eta, threads, nullptr, centroids);
    return centroids;
  }

  const Rows& rows;
  std::vector<std::uint32_t> order;
  std::vector<std::uint64_t> offsets;
  std::vector<float> means;
};

double Loss(const Leaves& leaves, std::size_t l, double eta, const float* c) {
  const std::size_t dim = leaves.rows.dim;
  double loss = 0.0;
  for (std::size_t r = leaves.offsets[l]; r < leaves.offsets[l + 1]; ++r) {
    const float* x = leaves.rows.row(leaves.order[r]);
    double length = 0.0;
    for (std::size_t i = 0; i < dim; ++i) length += static_cast<double>(x[i]) * x[i];
    length = std::sqrt(length);
    if (length == 0.0) continue;
    double square = 0.0;
    double along = 0.0;
    for (std::size_t i = 0; i < dim; ++i) {
      const double error = static_cast<double>(x[i]) - c[i];
      square += error * error;
      along += error * x[i] / length;
    }
    loss += std::pow(length, eta - 1.0) * (square + (eta - 1.0) * along * along);
  }
  return loss;
}

TEST(AnisotropicCentroidsTest, NothingNearIsBetter) {
  Draw draw(1);
  for (const std::size_t dim : {1, 2, 7, 33}) {
    const Rows rows = NormalRows(draw, 90, dim);
    const Leaves leaves(rows);
    for (const double eta : {1.5, 4.0, 9.0}) {
      const std::vector<float> refit = leaves.Refit(eta);
      for (std::size_t l = 0; l < 2; ++l) {
        const double least = Loss(leaves, l, eta, refit.data() + l * dim);
        EXPECT_LE(least, Loss(leaves, l, eta, leaves.means.data() + l * dim));
        for (std::size_t i = 0; i < dim; ++i) {
          for (const float step : {-0.01f, 0.01f}) {
            std::vector<float> other(refit.begin() + l * dim, refit.begin() + (l + 1) * dim);
            other[i] += step;
            EXPECT_GT(Loss(leaves, l, eta, other.data()), least) << dim << " " << eta;
          }
        }
      }
    }
  }
}

TEST(AnisotropicCentroidsTest, UnitRowsSolveTheNormalEquations) {
  Draw draw(2);
  for (const std::size_t dim : {3, 40}) {
    const Rows rows = NormalRows(draw, 200, dim);
    const Leaves leaves(rows);
    const std::vector<float> refit = leaves.Refit(5.0, true);
    for (std::size_t l = 0; l < 2; ++l) {
      NormalEquations equations(dim);
      std::vector<float> unit(dim);
      for (std::size_t r = leaves.offsets[l]; r < leaves.offsets[l + 1]; ++r) {
        Normalize(rows.row(leaves.order[r]), dim, unit.data());
        equations.Add(unit.data(), unit.data(), 1, 4.0, 0.0);
      }
      std::vector<float> exact(dim);
      equations.Solve(exact.data());
      for (std::size_t i = 0; i < dim; ++i) EXPECT_NEAR(refit[l * dim + i], exact[i], 1e-6);
    }
  }
}

TEST(AnisotropicCentroidsTest, EtaOneAndEmptyLeavesKeepTheMean) {
  Draw draw(3);
  const Rows rows = NormalRows(draw, 50, 6);
  const Leaves leaves(rows);
  const std::vector<float> same = leaves.Refit(1.0);
  for (std::size_t i = 0; i < same.size(); ++i) EXPECT_NEAR(same[i], leaves.means[i], 1e-6);
  const std::vector<float> refit = leaves.Refit(4.0);
  for (std::size_t i = 2 * 6; i < 3 * 6; ++i) EXPECT_EQ(refit[i], 0.25f);
}

TEST(AnisotropicCentroidsTest, ZeroAndHardRowsStayFinite) {
  Draw draw(4);
  const Rows zeros{std::vector<float>(40, 0.0f), 10, 4};
  const Leaves none(zeros);
  EXPECT_EQ(none.Refit(4.0), none.means);
  EXPECT_EQ(none.Refit(4.0, true), none.means);
  for (const float scale : {1e-30f, 1e15f}) {
    Rows rows = NormalRows(draw, 60, 5);
    for (float& value : rows.data) value *= scale;
    rows.data[0] = rows.data[1] = rows.data[2] = rows.data[3] = rows.data[4] = 0.0f;
    for (const float value : Leaves(rows).Refit(4.0)) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(AnisotropicCentroidsTest, ThreadsChangeNothing) {
  Draw draw(5);
  const Rows rows = NormalRows(draw, 500, 17);
  const Leaves leaves(rows);
  EXPECT_EQ(leaves.Refit(4.0, false, 3), leaves.Refit(4.0));
}

}  // namespace
}  // namespace leafscan
