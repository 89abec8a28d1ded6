// The caller's rows as somebody wants them: as they are, scaled to length 1 for cosine, or seen from their center.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "leafscan/core/matrix_view.h"

namespace leafscan {

// Scales a vector to length 1; a zero vector stays zero. Lengths are taken in float64, so that neither 1e-30 nor 1e30
// under- or overflows.
inline void Normalize(const float* from, std::size_t dim, float* to) {
  double square = 0.0;
  for (std::size_t i = 0; i < dim; ++i) square += static_cast<double>(from[i]) * from[i];
  const double scale = square > 0.0 ? 1.0 / std::sqrt(square) : 0.0;
  for (std::size_t i = 0; i < dim; ++i) to[i] = static_cast<float>(from[i] * scale);
}

struct RowSource {
  MatrixView<float> rows;
  bool normalize = false;
  const float* center = nullptr;  // taken off every row, unless null

  std::size_t size() const { return rows.rows; }
  std::size_t dim() const { return rows.cols; }

  void Read(std::size_t index, float* to) const {
    const float* from = rows.row(index);
    if (normalize) {
      Normalize(from, rows.cols, to);
    } else {
      std::copy_n(from, rows.cols, to);
    }
    if (center == nullptr) return;
    for (std::size_t i = 0; i < rows.cols; ++i) to[i] -= center[i];
  }
};

}  // namespace leafscan
