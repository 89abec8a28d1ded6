// Inner products of one query with chosen centroids in 16-bit integers: what sets the order in which leaves are visited.
//
// Cost: a multiply-and-add-pairs for 16 (AVX2) or 32 (AVX-512) components and five operations to add up a vector; a centroid of
// 100 components is four cache lines, which come from the second- or third-level cache and are fetched ahead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/matrix_view.h"

namespace leafscan {

// A row's length is a multiple of this, filled up with zeros.
inline constexpr std::size_t kCentroidMultiple = 32;

// out[i] = <query, centroids.row(which[i])>. `query` has centroids.cols components. No sum may leave 32 bits.
void CentroidScores(const MatrixView<std::int16_t>& centroids, std::span<const std::int16_t> query,
                    std::span<const std::uint32_t> which, std::span<std::int32_t> out);

}  // namespace leafscan
