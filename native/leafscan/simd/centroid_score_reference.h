#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/matrix_view.h"

namespace leafscan::reference {

inline std::int64_t CentroidScore(const MatrixView<std::int16_t>& centroids, std::span<const std::int16_t> query,
                                  std::size_t centroid) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    sum += static_cast<std::int64_t>(query[i]) * centroids.row(centroid)[i];
  }
  return sum;
}

}  // namespace leafscan::reference
