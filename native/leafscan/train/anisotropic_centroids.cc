#include "leafscan/train/anisotropic_centroids.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "leafscan/core/thread_pool.h"

namespace leafscan {
namespace {

constexpr int kMaxSteps = 300;
// Of the squared residual of the system, relative to its right side.
constexpr double kPrecision = 1e-15;

// Eight sums side by side, in the same order everywhere (core/row_source.h).
template <class A, class B>
double Product(const A* a, const B* b, std::size_t dim) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
  }
  for (std::size_t j = 0; i + j < dim; ++j) sums[j] += static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

class Leaf {
 public:
  Leaf(const RowSource& source, std::span<const std::uint32_t> members, double eta)
      : source_(source), members_(members), dim_(source.dim()), pulls_(members.size()), right_(dim_, 0.0) {
    std::vector<double> lengths(members.size());
    double longest = 0.0;
    for (std::size_t m = 0; m < members.size(); ++m) {
      lengths[m] = std::sqrt(SquaredLength(Row(m), dim_));
      longest = std::max(longest, lengths[m]);
    }
    for (std::size_t m = 0; m < members.size(); ++m) {
      if (lengths[m] == 0.0) continue;
      const double weight = source.normalize ? 1.0 : std::pow(lengths[m] / longest, eta - 1.0);
      const double share = eta * weight / (source.normalize ? lengths[m] : 1.0);
      for (std::size_t i = 0; i < dim_; ++i) right_[i] += share * Row(m)[i];
      pulls_[m] = (eta - 1.0) * weight / (lengths[m] * lengths[m]);
      weights_ += weight;
    }
  }

  // Conjugate gradients from `centroid` (Hestenes and Stiefel, 1952).
  void Solve(float* centroid) const {
    if (weights_ == 0.0) return;
    std::vector<double> solution(centroid, centroid + dim_);
    std::vector<double> product(dim_);
    std::vector<double> residual(dim_);
    Multiply(solution, product);
    for (std::size_t i = 0; i < dim_; ++i) residual[i] = right_[i] - product[i];
    std::vector<double> direction(residual);
    double square = Product(residual.data(), residual.data(), dim_);
    const double enough = kPrecision * Product(right_.data(), right_.data(), dim_);
    for (int step = 0; step < kMaxSteps && square > enough; ++step) {
      Multiply(direction, product);
      const double length = square / Product(direction.data(), product.data(), dim_);
      for (std::size_t i = 0; i < dim_; ++i) {
        solution[i] += length * direction[i];
        residual[i] -= length * product[i];
      }
      const double next = Product(residual.data(), residual.data(), dim_);
      for (std::size_t i = 0; i < dim_; ++i) direction[i] = residual[i] + next / square * direction[i];
      square = next;
    }
    for (std::size_t i = 0; i < dim_; ++i) centroid[i] = static_cast<float>(solution[i]);
  }

 private:
  const float* Row(std::size_t member) const { return source_.rows.row(members_[member]); }

  void Multiply(const std::vector<double>& vector, std::vector<double>& to) const {
    for (std::size_t i = 0; i < dim_; ++i) to[i] = weights_ * vector[i];
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (m + 1 < members_.size()) source_.Fetch(members_[m + 1]);
      const float* row = Row(m);
      const double pull = pulls_[m] * Product(row, vector.data(), dim_);
      for (std::size_t i = 0; i < dim_; ++i) to[i] += pull * row[i];
    }
  }

  const RowSource& source_;
  std::span<const std::uint32_t> members_;
  std::size_t dim_;
  std::vector<double> pulls_;  // (eta - 1) w / |x|^2
  std::vector<double> right_;
  double weights_ = 0.0;
};

}  // namespace

void RefitCentroids(const RowSource& source, std::span<const std::uint64_t> offsets,
                    std::span<const std::uint32_t> order, double eta, int threads, Monitor* monitor,
                    std::span<float> centroids) {
  ParallelFor(
      offsets.size() - 1, threads,
      [&](std::size_t l) {
        const Leaf leaf(source, order.subspan(offsets[l], offsets[l + 1] - offsets[l]), eta);
        leaf.Solve(centroids.data() + l * source.dim());
      },
      monitor);
}

}  // namespace leafscan
