// The caller's rows as somebody wants them: as they are, scaled to length 1 for cosine, or seen from their center; all
// of them, or some.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/prefetch.h"

namespace leafscan {

// |x|^2 in float64, so that neither 1e-30 nor 1e30 under- or overflows. Eight sums side by side, for one alone would wait
// for its last addition at every component; their order is the same everywhere.
inline double SquaredLength(const float* x, std::size_t dim) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += static_cast<double>(x[i + j]) * x[i + j];
  }
  for (std::size_t j = 0; i + j < dim; ++j) sums[j] += static_cast<double>(x[i + j]) * x[i + j];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

// Scales a vector to length 1; a zero vector stays zero.
inline void Normalize(const float* from, std::size_t dim, float* to) {
  const double square = SquaredLength(from, dim);
  const double scale = square > 0.0 ? 1.0 / std::sqrt(square) : 0.0;
  for (std::size_t i = 0; i < dim; ++i) to[i] = static_cast<float>(from[i] * scale);
}

struct RowSource {
  MatrixView<float> rows;
  bool normalize = false;
  const float* center = nullptr;  // taken off every row, unless null
  std::span<const std::uint32_t> chosen = {};  // which rows these are, at least one, or empty: all

  std::size_t size() const { return chosen.empty() ? rows.rows : chosen.size(); }
  std::size_t dim() const { return rows.cols; }

  // A hint that the row will be read soon. Always inlined: see core/prefetch.h.
  HWY_INLINE void Fetch(std::size_t index) const {
    constexpr std::size_t kLine = 64 / sizeof(float);
    const float* row = Row(index);
    for (std::size_t i = 0; i < rows.cols; i += kLine) Prefetch(row + i);
  }

  void Read(std::size_t index, float* to) const {
    const float* from = Row(index);
    if (normalize) {
      Normalize(from, rows.cols, to);
    } else {
      std::copy_n(from, rows.cols, to);
    }
    if (center == nullptr) return;
    for (std::size_t i = 0; i < rows.cols; ++i) to[i] -= center[i];
  }

  // As the caller has it.
  const float* Row(std::size_t index) const { return rows.row(chosen.empty() ? index : chosen[index]); }
};

}  // namespace leafscan
