#pragma once

#include <cstddef>

#include "leafscan/core/matrix_view.h"
#include "leafscan/simd/panel.h"

namespace leafscan::reference {

// The score of one row and one lane of a panel in float64.
inline double PanelScore(const float* panel, const MatrixView<float>& rows, const float* bias, std::size_t row,
                         std::size_t lane) {
  double sum = bias == nullptr ? 0.0 : static_cast<double>(bias[row]);
  for (std::size_t i = 0; i < rows.cols; ++i) {
    sum += static_cast<double>(rows.row(row)[i]) * static_cast<double>(panel[i * kPanelLanes + lane]);
  }
  return sum;
}

}  // namespace leafscan::reference
