// Many rows against sixteen vectors at once: the matrix product under exact search and under k-means.
// A panel is sixteen vectors side by side: panel[i * 16 + lane] is component i of vector `lane`.
// Cost: one multiply-add a lane, component and row; rows are read once from the nearest cache for every panel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "leafscan/core/matrix_view.h"

namespace leafscan {

inline constexpr std::size_t kPanelLanes = 16;

// Lays count <= 16 vectors of `dim` floats, `vectors` holding them row-major, into a panel of dim * 16 floats.
// Missing vectors become zeros.
void PackPanel(const float* vectors, std::size_t count, std::size_t dim, float* panel);

struct PanelHit {
  float score;
  std::uint32_t row;
  std::uint32_t lane;
};

// Scores rows [begin, begin + count) as <row, vector> + bias[row] (no bias where it is null), and writes every hit of
// at least thresholds[lane] to `hits`, which has room for 16 * count. Returns the number of hits.
// Scores are sums in no promised order: they are for choosing what to score with RowScore.
std::size_t PanelFilter(const float* panel, const MatrixView<float>& rows, const float* bias, std::size_t begin,
                        std::size_t count, const float* thresholds, PanelHit* hits);

// The best row for every lane, by <row, vector> + bias[row]; the lowest row among equals.
void PanelBest(const float* panel, const MatrixView<float>& rows, const float* bias, std::uint32_t* best_row,
               float* best_score);

}  // namespace leafscan
