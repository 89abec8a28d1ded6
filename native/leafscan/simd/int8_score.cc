#include "leafscan/simd/int8_score.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/int8_score.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "leafscan/simd/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {

using Level = std::int8_t;

struct ScaledSquares {
  static constexpr bool kTakenOff = true;
  const float* HWY_RESTRICT query;
  const float* HWY_RESTRICT scales;
  const Level* HWY_RESTRICT row;

  HWY_INLINE hn::Vec<F32> Vector(F32 d, std::size_t i) const {
    const auto component = hn::Mul(hn::LoadU(d, scales + i), Components(d, row + i));
    const auto difference = hn::Sub(hn::LoadU(d, query + i), component);
    return hn::Mul(difference, difference);
  }
  HWY_INLINE float Scalar(std::size_t i) const {
    const float component = scales[i] * Component(row[i]);
    const float difference = query[i] - component;
    return difference * difference;
  }
};

float Int8Dot(const Int8Query& query, const Level* row, std::size_t dim) {
  return SumOf(Products<Level>{query.query, row}, dim);
}
float Int8L2(const Int8Query& query, const Level* row, std::size_t dim) {
  return SumOf(ScaledSquares{query.query, query.scales, row}, dim);
}
void Int8ListedDot(const Int8Query& query, const MatrixView<Level>& rows, std::span<const std::uint32_t> which,
                   float* out) {
  SumListed(rows, which, [=](const Level* row) HWY_ATTR { return Products<Level>{query.query, row}; }, out);
}
void Int8ListedL2(const Int8Query& query, const MatrixView<Level>& rows, std::span<const std::uint32_t> which,
                  float* out) {
  SumListed(rows, which, [=](const Level* row) HWY_ATTR { return ScaledSquares{query.query, query.scales, row}; }, out);
}
void Int8RangeDot(const Int8Query& query, const MatrixView<Level>& rows, std::size_t begin, std::size_t count,
                  float* out) {
  SumRange(rows, begin, count, [=](const Level* row) HWY_ATTR { return Products<Level>{query.query, row}; }, out);
}
void Int8RangeL2(const Int8Query& query, const MatrixView<Level>& rows, std::size_t begin, std::size_t count,
                 float* out) {
  SumRange(rows, begin, count, [=](const Level* row) HWY_ATTR { return ScaledSquares{query.query, query.scales, row}; },
           out);
}

void Int8Floats(const Level* HWY_RESTRICT row, const float* HWY_RESTRICT scales, std::size_t dim,
                float* HWY_RESTRICT out) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= dim; i += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, scales + i), Components(d, row + i)), d, out + i);
  }
  for (; i < dim; ++i) out[i] = scales[i] * Component(row[i]);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(Int8Dot);
HWY_EXPORT(Int8L2);
HWY_EXPORT(Int8ListedDot);
HWY_EXPORT(Int8ListedL2);
HWY_EXPORT(Int8RangeDot);
HWY_EXPORT(Int8RangeL2);
HWY_EXPORT(Int8Floats);

float Int8Score(const Int8Query& query, const std::int8_t* row, std::size_t dim) {
  return query.metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(Int8L2)(query, row, dim)
                                            : HWY_DYNAMIC_DISPATCH(Int8Dot)(query, row, dim);
}

void ScoreInt8Rows(const Int8Query& query, const MatrixView<std::int8_t>& rows, std::span<const std::uint32_t> which,
                   float* out) {
  query.metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(Int8ListedL2)(query, rows, which, out)
                                     : HWY_DYNAMIC_DISPATCH(Int8ListedDot)(query, rows, which, out);
}

void ScoreInt8RowRange(const Int8Query& query, const MatrixView<std::int8_t>& rows, std::size_t begin,
                       std::size_t count, float* out) {
  query.metric == Metric::kSquaredL2 ? HWY_DYNAMIC_DISPATCH(Int8RangeL2)(query, rows, begin, count, out)
                                     : HWY_DYNAMIC_DISPATCH(Int8RangeDot)(query, rows, begin, count, out);
}

void DecodeInt8(const std::int8_t* row, const float* scales, std::size_t dim, float* out) {
  HWY_DYNAMIC_DISPATCH(Int8Floats)(row, scales, dim, out);
}

}  // namespace leafscan
#endif
