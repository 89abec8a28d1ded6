// All rows of a version of an index: those that it was built with, and fresh ones behind them in chunks of equal size.
// Views only; the arrays belong to somebody who outlives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "leafscan/core/metric.h"
#include "leafscan/reorder/row_store.h"

namespace leafscan {

class TableQuery;

class RowTable {
 public:
  RowTable() = default;  // no rows were kept
  // Row r is row r of the base, or of what follows it: chunk (r - base.rows()) / chunk_rows has it.
  explicit RowTable(const RowStore& base, std::vector<RowStore> chunks = {}, std::size_t chunk_rows = 1)
      : base_(base), chunks_(std::move(chunks)), chunk_rows_(chunk_rows) {}

  bool empty() const { return base_.empty(); }
  std::size_t cols() const { return base_.cols(); }
  const RowStore& base() const { return base_; }
  std::span<const RowStore> chunks() const { return chunks_; }

  // Brings rows into an order in which they are scored quickly: the base's first, fresh ones by chunk.
  void Arrange(std::span<std::uint32_t> rows) const;
  // A row scores as RowStore has it, in whatever order.
  void ScoreListed(TableQuery& query, std::span<const std::uint32_t> which, float* out) const;

  // Row `row` as floats, into `to`.
  void Read(std::size_t row, float* to) const;

 private:
  RowStore base_;
  std::vector<RowStore> chunks_;
  std::size_t chunk_rows_ = 1;
};

// A query as a table's rows want it; made once, for any number of rows. The query must outlive it.
class TableQuery {
 public:
  void Prepare(const RowTable& rows, Metric metric, const float* query);

  const RowQuery& base() const { return base_; }
  // For a chunk, whose scales may be its own; valid until the next call.
  const RowQuery& For(const RowStore& chunk);

 private:
  friend class RowTable;

  RowQuery base_;
  RowQuery fresh_;
  const float* base_scales_ = nullptr;
  const float* fresh_scales_ = nullptr;
  Metric metric_ = Metric::kDotProduct;
  const float* query_ = nullptr;
  std::vector<std::uint32_t> places_;
};

}  // namespace leafscan
