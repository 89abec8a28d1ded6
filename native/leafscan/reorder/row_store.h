// The rows of an index as they are kept: float32, bfloat16, or int8 with one scale for each dimension. Views only; the
// arrays belong to somebody who outlives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"

namespace leafscan {

enum class RowType { kFloat32, kBFloat16, kInt8 };

class RowQuery;

class RowStore {
 public:
  RowStore() = default;  // no rows were kept
  RowStore(const float* data, std::size_t rows, std::size_t cols) : float32_{data, rows, cols}, rows_(rows), cols_(cols) {}
  // bfloat16, as its bits.
  RowStore(const std::uint16_t* data, std::size_t rows, std::size_t cols)
      : type_(RowType::kBFloat16), bfloat16_{data, rows, cols}, rows_(rows), cols_(cols) {}
  // Component i of a row stands for scales[i] times it.
  RowStore(const std::int8_t* data, const float* scales, std::size_t rows, std::size_t cols)
      : type_(RowType::kInt8), int8_{data, rows, cols}, scales_(scales), rows_(rows), cols_(cols) {}

  RowType type() const { return type_; }
  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  bool empty() const { return rows_ == 0; }
  const float* scales() const { return scales_; }  // int8 alone
  // A row as it is kept; of its type alone.
  const float* float32(std::size_t row) const { return float32_.row(row); }
  const std::uint16_t* bfloat16(std::size_t row) const { return bfloat16_.row(row); }
  const std::int8_t* int8(std::size_t row) const { return int8_.row(row); }

  // The score of a row: larger is better for both metrics. A row scores the same to the bit by each of the three, in
  // every batch, on every thread and with every instruction set. Cost: simd/row_score.h, bfloat16_score.h, int8_score.h.
  float Score(const RowQuery& query, std::size_t row) const;
  void ScoreListed(const RowQuery& query, std::span<const std::uint32_t> which, float* out) const;
  void ScoreRange(const RowQuery& query, std::size_t begin, std::size_t count, float* out) const;

  // Rows [begin, begin + count) as floats: where they are kept as floats in place, else in `room`, for count * cols.
  const float* Floats(std::size_t begin, std::size_t count, float* room) const;

 private:
  RowType type_ = RowType::kFloat32;
  MatrixView<float> float32_;
  MatrixView<std::uint16_t> bfloat16_;
  MatrixView<std::int8_t> int8_;
  const float* scales_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
};

// A query as a store's rows want it; made once, for any number of rows. The query must outlive it.
class RowQuery {
 public:
  void Prepare(const RowStore& rows, Metric metric, const float* query);

 private:
  friend class RowStore;

  Metric metric_ = Metric::kDotProduct;
  const float* query_ = nullptr;
  AlignedVector<float> scaled_;  // int8 and dot products alone
};

}  // namespace leafscan
