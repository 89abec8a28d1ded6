#include "leafscan/reorder/row_store.h"

#include "leafscan/simd/bfloat16_score.h"
#include "leafscan/simd/int8_score.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {

void RowQuery::Prepare(const RowStore& rows, Metric metric, const float* query) {
  metric_ = metric;
  query_ = query;
  if (rows.type() != RowType::kInt8 || metric != Metric::kDotProduct) return;
  scaled_.resize(rows.cols());
  for (std::size_t i = 0; i < rows.cols(); ++i) scaled_[i] = query[i] * rows.scales()[i];
  query_ = scaled_.data();
}

float RowStore::Score(const RowQuery& query, std::size_t row) const {
  switch (type_) {
    case RowType::kBFloat16:
      return BFloat16Score(query.metric_, query.query_, bfloat16_.row(row), cols_);
    case RowType::kInt8:
      return Int8Score({query.metric_, query.query_, scales_}, int8_.row(row), cols_);
    default:
      return RowScore(query.metric_, query.query_, float32_.row(row), cols_);
  }
}

void RowStore::ScoreListed(const RowQuery& query, std::span<const std::uint32_t> which, float* out) const {
  switch (type_) {
    case RowType::kBFloat16:
      ScoreBFloat16Rows(query.metric_, query.query_, bfloat16_, which, out);
      break;
    case RowType::kInt8:
      ScoreInt8Rows({query.metric_, query.query_, scales_}, int8_, which, out);
      break;
    default:
      ScoreRows(query.metric_, query.query_, float32_, which, out);
  }
}

void RowStore::ScoreRange(const RowQuery& query, std::size_t begin, std::size_t count, float* out) const {
  switch (type_) {
    case RowType::kBFloat16:
      ScoreBFloat16RowRange(query.metric_, query.query_, bfloat16_, begin, count, out);
      break;
    case RowType::kInt8:
      ScoreInt8RowRange({query.metric_, query.query_, scales_}, int8_, begin, count, out);
      break;
    default:
      ScoreRowRange(query.metric_, query.query_, float32_, begin, count, out);
  }
}

const float* RowStore::Floats(std::size_t begin, std::size_t count, float* room) const {
  switch (type_) {
    case RowType::kBFloat16:
      DecodeBFloat16(bfloat16_.row(begin), count * cols_, room);
      return room;
    case RowType::kInt8:
      for (std::size_t i = 0; i < count; ++i) DecodeInt8(int8_.row(begin + i), scales_, cols_, room + i * cols_);
      return room;
    default:
      return float32_.row(begin);
  }
}

}  // namespace leafscan
