// The score of a row that is kept in bfloat16 (its 16 bits; core/bfloat16.h), and such rows as floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"

namespace leafscan {

// To the bit what simd/row_score.h gives for the row as floats.
float BFloat16Score(Metric metric, const float* query, const std::uint16_t* row, std::size_t dim);

// out[i] = BFloat16Score(query, rows.row(which[i])). Rows are fetched ahead: they lie anywhere in memory.
// Cost: a row of d components is d/32 cache lines and one more, out of DRAM about 5 ns a line and core; a vector of
// components takes a load that widens, a shift, a product and a sum, so that DRAM bounds it.
void ScoreBFloat16Rows(Metric metric, const float* query, const MatrixView<std::uint16_t>& rows,
                       std::span<const std::uint32_t> which, float* out);

// out[i] = BFloat16Score(query, rows.row(begin + i)), i < count.
// Cost: one pass over the rows, half the bytes of float32; out of DRAM bound by its bandwidth.
void ScoreBFloat16RowRange(Metric metric, const float* query, const MatrixView<std::uint16_t>& rows, std::size_t begin,
                           std::size_t count, float* out);

// Writes `count` components as floats.
// Cost: a load that widens, a shift and a store for each vector of components.
void DecodeBFloat16(const std::uint16_t* components, std::size_t count, float* out);

}  // namespace leafscan
