// The least-squares problem of one codeword under the anisotropic loss.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace leafscan {

// Minimises the sum over points of |r - v|^2 + w (<r - v, u> + p)^2 over v: sum(I + w u u^T) v = sum(r + w (<r, u> + p) u).
class NormalEquations {
 public:
  explicit NormalEquations(std::size_t width) : width_(width), matrix_(width * width, 0.0), right_(width, 0.0) {}

  // One point: components lie `stride` apart; `rest` is p, the error of all other blocks along the point.
  void Add(const float* residual, const float* direction, std::size_t stride, double weight, double rest) {
    double along = rest;
    for (std::size_t i = 0; i < width_; ++i) {
      along += static_cast<double>(residual[i * stride]) * direction[i * stride];
    }
    for (std::size_t i = 0; i < width_; ++i) {
      const double pull = weight * direction[i * stride];
      right_[i] += residual[i * stride] + pull * along;
      for (std::size_t j = 0; j < width_; ++j) matrix_[i * width_ + j] += pull * direction[j * stride];
    }
    count_ += 1.0;
  }

  void Add(const NormalEquations& other) {
    for (std::size_t i = 0; i < matrix_.size(); ++i) matrix_[i] += other.matrix_[i];
    for (std::size_t i = 0; i < right_.size(); ++i) right_[i] += other.right_[i];
    count_ += other.count_;
  }

  // Writes the minimum; without points `word` stays. The matrix is at least count * I, so Cholesky cannot fail.
  void Solve(float* word) const {
    if (count_ == 0.0) return;
    std::vector<double> lower(matrix_);
    std::vector<double> v(right_);
    for (std::size_t i = 0; i < width_; ++i) lower[i * width_ + i] += count_;
    for (std::size_t j = 0; j < width_; ++j) {
      for (std::size_t k = 0; k < j; ++k) {
        for (std::size_t i = j; i < width_; ++i) {
          lower[i * width_ + j] -= lower[i * width_ + k] * lower[j * width_ + k];
        }
      }
      const double diagonal = std::sqrt(lower[j * width_ + j]);
      for (std::size_t i = j; i < width_; ++i) lower[i * width_ + j] /= diagonal;
    }
    for (std::size_t i = 0; i < width_; ++i) {
      for (std::size_t k = 0; k < i; ++k) v[i] -= lower[i * width_ + k] * v[k];
      v[i] /= lower[i * width_ + i];
    }
    for (std::size_t i = width_; i-- > 0;) {
      for (std::size_t k = i + 1; k < width_; ++k) v[i] -= lower[k * width_ + i] * v[k];
      v[i] /= lower[i * width_ + i];
    }
    for (std::size_t i = 0; i < width_; ++i) word[i] = static_cast<float>(v[i]);
  }

 private:
  std::size_t width_;
  std::vector<double> matrix_;
  std::vector<double> right_;
  double count_ = 0.0;
};

}  // namespace leafscan
