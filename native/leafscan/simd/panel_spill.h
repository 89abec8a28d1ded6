// The second leaf of sixteen points at once, as SOAR chooses it (Sun, Simcha, Dopson, Guo and Kumar, "SOAR: Improved
// Indexing for Approximate Nearest Neighbor Search", NeurIPS 2023): the centroid c that minimises
//   |x - c|^2 + lambda <x - c, u>^2,
// u being the direction of the point's residual to its first leaf. An error along u is what a query that misses the first
// leaf suffers from, so the second leaf is asked to be right just there.
//
// Cost: two multiply-adds a lane, component and centroid: twice that of assigning the first leaf.
#pragma once

#include <cstddef>
#include <cstdint>

#include "leafscan/core/matrix_view.h"

namespace leafscan {

struct SpillPanel {
  const float* points = nullptr;      // a panel (simd/panel.h)
  const float* directions = nullptr;  // a panel of the unit vectors u
  const float* along = nullptr;       // <x, u> of each lane
  const std::uint32_t* first = nullptr;  // the first leaf of each lane, which is not taken again
};

// Writes the best centroid of each lane, the lowest among equals; `squares` holds |c|^2. There are at least two centroids.
void PanelSpill(const SpillPanel& panel, const MatrixView<float>& centroids, const float* squares, float lambda,
                std::uint32_t* best);

}  // namespace leafscan
