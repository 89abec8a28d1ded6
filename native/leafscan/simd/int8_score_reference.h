#pragma once

#include <cstddef>
#include <cstdint>

#include "leafscan/core/metric.h"
#include "leafscan/simd/int8_score.h"

namespace leafscan::reference {

// Int8Score in float64 and in the order of the dimensions, of a query made ready.
inline double Int8Score(const Int8Query& query, const std::int8_t* row, std::size_t dim) {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double q = query.query[i];
    if (query.metric == Metric::kDotProduct) {
      sum += q * row[i];
    } else {
      const double difference = q - static_cast<double>(query.scales[i]) * row[i];
      sum -= difference * difference;
    }
  }
  return sum;
}

}  // namespace leafscan::reference
