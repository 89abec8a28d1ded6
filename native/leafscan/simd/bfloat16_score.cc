#include "leafscan/simd/bfloat16_score.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/bfloat16_score.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "leafscan/simd/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {

using Bits = std::uint16_t;

float BFloat16Dot(const float* query, const Bits* row, std::size_t dim) { return SumOf(Products<Bits>{query, row}, dim); }
float BFloat16L2(const float* query, const Bits* row, std::size_t dim) { return SumOf(Squares<Bits>{query, row}, dim); }
void BFloat16ListedDot(const float* query, const MatrixView<Bits>& rows, std::span<const std::uint32_t> which,
                       float* out) {
  SumListed(rows, which, [=](const Bits* row) HWY_ATTR { return Products<Bits>{query, row}; }, out);
}
void BFloat16ListedL2(const float* query, const MatrixView<Bits>& rows, std::span<const std::uint32_t> which,
                      float* out) {
  SumListed(rows, which, [=](const Bits* row) HWY_ATTR { return Squares<Bits>{query, row}; }, out);
}
void BFloat16RangeDot(const float* query, const MatrixView<Bits>& rows, std::size_t begin, std::size_t count,
                      float* out) {
  SumRange(rows, begin, count, [=](const Bits* row) HWY_ATTR { return Products<Bits>{query, row}; }, out);
}
void BFloat16RangeL2(const float* query, const MatrixView<Bits>& rows, std::size_t begin, std::size_t count,
                     float* out) {
  SumRange(rows, begin, count, [=](const Bits* row) HWY_ATTR { return Squares<Bits>{query, row}; }, out);
}

void BFloat16Floats(const Bits* HWY_RESTRICT components, std::size_t count, float* HWY_RESTRICT out) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(Components(d, components + i), d, out + i);
  for (; i < count; ++i) out[i] = Component(components[i]);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(BFloat16Dot);
HWY_EXPORT(BFloat16L2);
HWY_EXPORT(BFloat16ListedDot);
HWY_EXPORT(BFloat16ListedL2);
HWY_EXPORT(BFloat16RangeDot);
HWY_EXPORT(BFloat16RangeL2);
HWY_EXPORT(BFloat16Floats);

float BFloat16Score(Metric metric, const float* query, const std::uint16_t* row, std::size_t dim) {
  return metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(BFloat16L2)(query, row, dim)
                                      : HWY_DYNAMIC_DISPATCH(BFloat16Dot)(query, row, dim);
}

void ScoreBFloat16Rows(Metric metric, const float* query, const MatrixView<std::uint16_t>& rows,
                       std::span<const std::uint32_t> which, float* out) {
  metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(BFloat16ListedL2)(query, rows, which, out)
                               : HWY_DYNAMIC_DISPATCH(BFloat16ListedDot)(query, rows, which, out);
}

void ScoreBFloat16RowRange(Metric metric, const float* query, const MatrixView<std::uint16_t>& rows, std::size_t begin,
                           std::size_t count, float* out) {
  metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(BFloat16RangeL2)(query, rows, begin, count, out)
                               : HWY_DYNAMIC_DISPATCH(BFloat16RangeDot)(query, rows, begin, count, out);
}

void DecodeBFloat16(const std::uint16_t* components, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(BFloat16Floats)(components, count, out);
}

}  // namespace leafscan
#endif
