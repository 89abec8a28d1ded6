#pragma once

#include <cstddef>

#include "leafscan/core/metric.h"

namespace leafscan::reference {

// RowScore in float64 and in the order of the dimensions.
inline double RowScore(Metric metric, const float* query, const float* row, std::size_t dim) {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double q = query[i];
    const double x = row[i];
    sum += metric == Metric::kDotProduct ? q * x : -(q - x) * (q - x);
  }
  return sum;
}

}  // namespace leafscan::reference
