#pragma once

#include <cstddef>

#include "leafscan/core/matrix_view.h"
#include "leafscan/simd/panel.h"
#include "leafscan/simd/panel_spill.h"

namespace leafscan::reference {

// What one centroid costs one lane, in float64, without |x|^2, which all centroids share.
inline double SpillCost(const SpillPanel& panel, const MatrixView<float>& centroids, float lambda, std::size_t centroid,
                        std::size_t lane) {
  double square = 0.0;
  double product = 0.0;
  double along = 0.0;
  for (std::size_t i = 0; i < centroids.cols; ++i) {
    const double c = centroids.row(centroid)[i];
    square += c * c;
    product += c * panel.points[i * kPanelLanes + lane];
    along += c * panel.directions[i * kPanelLanes + lane];
  }
  const double error = panel.along[lane] - along;
  return square - 2.0 * product + lambda * error * error;
}

}  // namespace leafscan::reference
