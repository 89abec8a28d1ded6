#include "leafscan/reorder/row_table.h"

#include <algorithm>

namespace leafscan {

void TableQuery::Prepare(const RowTable& rows, Metric metric, const float* query) {
  metric_ = metric;
  query_ = query;
  base_scales_ = rows.base().scales();
  fresh_scales_ = nullptr;
  base_.Prepare(rows.base(), metric, query);
}

const RowQuery& TableQuery::For(const RowStore& chunk) {
  if (chunk.scales() == base_scales_) return base_;
  if (chunk.scales() != fresh_scales_) {
    fresh_.Prepare(chunk, metric_, query_);
    fresh_scales_ = chunk.scales();
  }
  return fresh_;
}

void RowTable::Arrange(std::span<std::uint32_t> rows) const {
  if (chunks_.empty()) return;
  const auto fresh = std::partition(rows.begin(), rows.end(), [&](std::uint32_t row) { return row < base_.rows(); });
  std::sort(fresh, rows.end());
}

void RowTable::ScoreListed(TableQuery& query, std::span<const std::uint32_t> which, float* out) const {
  if (chunks_.empty()) {
    base_.ScoreListed(query.base_, which, out);
    return;
  }
  const auto chunk_of = [&](std::uint32_t row) { return (row - base_.rows()) / chunk_rows_; };
  std::size_t at = 0;
  while (at < which.size()) {
    std::size_t end = at + 1;
    if (which[at] < base_.rows()) {
      while (end < which.size() && which[end] < base_.rows()) ++end;
      base_.ScoreListed(query.base_, which.subspan(at, end - at), out + at);
    } else {
      const std::size_t chunk = chunk_of(which[at]);
      while (end < which.size() && which[end] >= base_.rows() && chunk_of(which[end]) == chunk) ++end;
      query.places_.clear();
      for (std::size_t i = at; i < end; ++i) {
        query.places_.push_back(static_cast<std::uint32_t>((which[i] - base_.rows()) % chunk_rows_));
      }
      chunks_[chunk].ScoreListed(query.For(chunks_[chunk]), query.places_, out + at);
    }
    at = end;
  }
}

void RowTable::Read(std::size_t row, float* to) const {
  const bool fresh = row >= base_.rows();
  const RowStore& store = fresh ? chunks_[(row - base_.rows()) / chunk_rows_] : base_;
  const float* floats = store.Floats(fresh ? (row - base_.rows()) % chunk_rows_ : row, 1, to);
  if (floats != to) std::copy_n(floats, cols(), to);
}

}  // namespace leafscan
