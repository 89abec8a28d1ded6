// The score of a row that is kept in int8: component i stands for scales[i] * row[i], rounded to a float.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"

namespace leafscan {

// A query, made ready once for all rows. For dot products the scales go into the query, and a row costs no product more
// than a row of floats. For squared_l2 they cannot: the square needs the query's own component, and |q|^2 - 2 <q, x> +
// |x|^2 would lose all digits where it matters, near zero. So the row is scaled as it is read.
struct Int8Query {
  Metric metric = Metric::kDotProduct;
  const float* query = nullptr;   // dot products: query[i] * scales[i], rounded
  const float* scales = nullptr;  // read for squared_l2 alone
};

// <query, row>, or -|query - row|^2, in the order of simd/row_score.h, so it is the same to the bit everywhere. A query
// that is the row as floats has the squared distance 0.
float Int8Score(const Int8Query& query, const std::int8_t* row, std::size_t dim);

// out[i] = Int8Score(query, rows.row(which[i])). Rows are fetched ahead: they lie anywhere in memory.
// Cost: a row of d components is d/64 cache lines and one more, out of DRAM about 5 ns a line and core. A vector
// of components takes a load that widens, a conversion, a product and a sum (squared_l2: three more operations): for 100
// dimensions and AVX2 13 vectors of those, about 9 (squared_l2: 13) ns out of the cache, less than the two or three lines.
void ScoreInt8Rows(const Int8Query& query, const MatrixView<std::int8_t>& rows, std::span<const std::uint32_t> which,
                   float* out);

// out[i] = Int8Score(query, rows.row(begin + i)), i < count.
// Cost: one pass over the rows, a quarter of the bytes of float32; bound by arithmetic.
void ScoreInt8RowRange(const Int8Query& query, const MatrixView<std::int8_t>& rows, std::size_t begin,
                       std::size_t count, float* out);

// Writes one row as floats.
// Cost: a load that widens, a conversion, a product and a store for each vector of components.
void DecodeInt8(const std::int8_t* row, const float* scales, std::size_t dim, float* out);

}  // namespace leafscan
