// The score of one row: the sums that every returned score comes from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"

namespace leafscan {

// <a, b>, or -|a - b|^2: larger is better for both metrics. The order of the sum depends on the dimension only, so a
// row scores the same to the bit in every batch, on every thread, at every place and with every instruction set.
float RowScore(Metric metric, const float* query, const float* row, std::size_t dim);

// out[i] = RowScore(query, rows.row(which[i])). Rows are fetched ahead: they lie anywhere in memory.
// Cost: a row of d floats is d/16 cache lines and one more; out of DRAM about 5 ns a line and core, so many rows ahead
// (row_sums-inl.h). native/benchmarks/rerank.cc measures it.
void ScoreRows(Metric metric, const float* query, const MatrixView<float>& rows, std::span<const std::uint32_t> which,
               float* out);

// out[i] = RowScore(query, rows.row(begin + i)), i < count.
// Cost: one pass over the rows; out of DRAM bound by its bandwidth (about 20 GB/s a core), not by arithmetic.
void ScoreRowRange(Metric metric, const float* query, const MatrixView<float>& rows, std::size_t begin,
                   std::size_t count, float* out);

}  // namespace leafscan
