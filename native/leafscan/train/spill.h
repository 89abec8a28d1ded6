// Second leaves, by SOAR.
#pragma once

#include <cstdint>
#include <span>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/monitor.h"
#include "leafscan/core/row_source.h"

namespace leafscan {

// Writes the second leaf of each row of the source (simd/panel_spill.h) to second[row], given its first; there are at
// least two centroids. A row that lies on its centroid takes the next nearest.
void AssignSpill(const RowSource& source, const MatrixView<float>& centroids, std::span<const std::uint32_t> first,
                 float lambda, int threads, Monitor* monitor, std::span<std::uint32_t> second);

}  // namespace leafscan
