#pragma once

#include <cstddef>
#include <cstdint>

#include "leafscan/core/bfloat16.h"
#include "leafscan/core/metric.h"

namespace leafscan::reference {

// BFloat16Score in float64 and in the order of the dimensions.
inline double BFloat16Score(Metric metric, const float* query, const std::uint16_t* row, std::size_t dim) {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double q = query[i];
    const double x = FromBFloat16(row[i]);
    sum += metric == Metric::kDotProduct ? q * x : -(q - x) * (q - x);
  }
  return sum;
}

}  // namespace leafscan::reference
