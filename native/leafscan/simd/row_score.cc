#include "leafscan/simd/row_score.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/row_score.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "leafscan/simd/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {

float ScoreDot(const float* query, const float* row, std::size_t dim) { return SumOf(Products<float>{query, row}, dim); }
float ScoreL2(const float* query, const float* row, std::size_t dim) { return SumOf(Squares<float>{query, row}, dim); }
void ListedDot(const float* query, const MatrixView<float>& rows, std::span<const std::uint32_t> which, float* out) {
  SumListed(rows, which, [=](const float* row) HWY_ATTR { return Products<float>{query, row}; }, out);
}
void ListedL2(const float* query, const MatrixView<float>& rows, std::span<const std::uint32_t> which, float* out) {
  SumListed(rows, which, [=](const float* row) HWY_ATTR { return Squares<float>{query, row}; }, out);
}
void RangeDot(const float* query, const MatrixView<float>& rows, std::size_t begin, std::size_t count, float* out) {
  SumRange(rows, begin, count, [=](const float* row) HWY_ATTR { return Products<float>{query, row}; }, out);
}
void RangeL2(const float* query, const MatrixView<float>& rows, std::size_t begin, std::size_t count, float* out) {
  SumRange(rows, begin, count, [=](const float* row) HWY_ATTR { return Squares<float>{query, row}; }, out);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(ScoreDot);
HWY_EXPORT(ScoreL2);
HWY_EXPORT(ListedDot);
HWY_EXPORT(ListedL2);
HWY_EXPORT(RangeDot);
HWY_EXPORT(RangeL2);

float RowScore(Metric metric, const float* query, const float* row, std::size_t dim) {
  return metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(ScoreL2)(query, row, dim)
                                      : HWY_DYNAMIC_DISPATCH(ScoreDot)(query, row, dim);
}

void ScoreRows(Metric metric, const float* query, const MatrixView<float>& rows, std::span<const std::uint32_t> which,
               float* out) {
  metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(ListedL2)(query, rows, which, out)
                               : HWY_DYNAMIC_DISPATCH(ListedDot)(query, rows, which, out);
}

void ScoreRowRange(Metric metric, const float* query, const MatrixView<float>& rows, std::size_t begin,
                   std::size_t count, float* out) {
  metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(RangeL2)(query, rows, begin, count, out)
                               : HWY_DYNAMIC_DISPATCH(RangeDot)(query, rows, begin, count, out);
}

}  // namespace leafscan
#endif
