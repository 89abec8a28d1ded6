// The one order in which a row's score is added up, whatever the row is kept in. Per target: include it after
// hwy/highway.h in a file that Highway compiles once for each.
#if defined(LEAFSCAN_SIMD_ROW_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LEAFSCAN_SIMD_ROW_SUMS_INL_H_
#undef LEAFSCAN_SIMD_ROW_SUMS_INL_H_
#else
#define LEAFSCAN_SIMD_ROW_SUMS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "hwy/highway.h"
#include "leafscan/core/bfloat16.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/prefetch.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sixteen sums, whatever the width of a vector: sum j takes components j, j + 16, j + 32, ... of the row, then the
// sixteen are added in halves. Products are rounded before they are added. So all instruction sets agree to the bit.
constexpr std::size_t kSums = 16;
using F32 = hn::CappedTag<float, kSums>;

HWY_INLINE hn::Vec<F32> Components(F32 d, const float* HWY_RESTRICT at) { return hn::LoadU(d, at); }
HWY_INLINE hn::Vec<F32> Components(F32 d, const std::uint16_t* HWY_RESTRICT at) {
  const hn::RebindToUnsigned<F32> d32;
  const hn::Rebind<std::uint16_t, F32> d16;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, at))));
}
HWY_INLINE hn::Vec<F32> Components(F32 d, const std::int8_t* HWY_RESTRICT at) {
  const hn::RebindToSigned<F32> d32;
  const hn::Rebind<std::int8_t, F32> d8;
  return hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, at)));
}

HWY_INLINE float Component(float value) { return value; }
HWY_INLINE float Component(std::uint16_t bits) { return FromBFloat16(bits); }
HWY_INLINE float Component(std::int8_t value) { return static_cast<float>(value); }

// What a score adds up: Vector(d, i) gives the terms of components i, i + 1, ..., and Scalar(i) that of one. A score is
// larger for what is better, so that squares are taken off.
template <class T>
struct Products {
  static constexpr bool kTakenOff = false;
  const float* HWY_RESTRICT query;
  const T* HWY_RESTRICT row;

  HWY_INLINE hn::Vec<F32> Vector(F32 d, std::size_t i) const {
    return hn::Mul(hn::LoadU(d, query + i), Components(d, row + i));
  }
  HWY_INLINE float Scalar(std::size_t i) const { return query[i] * Component(row[i]); }
};

template <class T>
struct Squares {
  static constexpr bool kTakenOff = true;
  const float* HWY_RESTRICT query;
  const T* HWY_RESTRICT row;

  HWY_INLINE hn::Vec<F32> Vector(F32 d, std::size_t i) const {
    const auto difference = hn::Sub(hn::LoadU(d, query + i), Components(d, row + i));
    return hn::Mul(difference, difference);
  }
  HWY_INLINE float Scalar(std::size_t i) const {
    const float difference = query[i] - Component(row[i]);
    return difference * difference;
  }
};

// The sums [first, first + lanes) of a row of at least sixteen components.
template <class Terms>
HWY_INLINE hn::Vec<F32> SomeSums(const Terms& terms, std::size_t dim, std::size_t first) {
  const F32 d;
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  std::size_t i = first;
  const std::size_t whole = dim / kSums * kSums;
  for (; i + kSums < whole; i += 2 * kSums) {
    even = hn::Add(even, terms.Vector(d, i));
    odd = hn::Add(odd, terms.Vector(d, i + kSums));
  }
  if (i < whole) even = hn::Add(even, terms.Vector(d, i));
  if (whole < dim) {
    // The last sixteen components overlap what was counted: those terms become zero.
    const std::size_t counted = kSums - (dim - whole);
    const auto again = hn::FirstN(d, counted - std::min(counted, first));
    odd = hn::Add(odd, hn::IfThenZeroElse(again, terms.Vector(d, dim - kSums + first)));
  }
  return hn::Add(even, odd);
}

template <class Terms>
HWY_INLINE float SumOf(const Terms& terms, std::size_t dim) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN float sums[kSums];
  if (HWY_UNLIKELY(dim < kSums)) {
    for (std::size_t j = 0; j < kSums; ++j) sums[j] = 0.0f;
    for (std::size_t j = 0; j < dim; ++j) sums[j] += terms.Scalar(j);
  } else {
    for (std::size_t first = 0; first < kSums; first += lanes) {
      hn::Store(SomeSums(terms, dim, first), d, sums + first);
    }
  }
  const hn::CappedTag<float, 4> d4;
  const std::size_t quarter = hn::Lanes(d4);
  for (std::size_t j = 0; j < 8; j += quarter) {
    hn::Store(hn::Add(hn::Load(d4, sums + j), hn::Load(d4, sums + j + 8)), d4, sums + j);
  }
  for (std::size_t j = 0; j < 4; j += quarter) {
    hn::Store(hn::Add(hn::Load(d4, sums + j), hn::Load(d4, sums + j + 4)), d4, sums + j);
  }
  const float sum = (sums[0] + sums[2]) + (sums[1] + sums[3]);
  return Terms::kTakenOff ? 0.0f - sum : sum;
}

// Rows lie anywhere in memory: those that come next are on their way to the second-level cache, which takes far more lines
// at a time than the first. Measured (benchmarks/LOG.md): flat from here on at 100 and at 784 dimensions.
constexpr std::size_t kLinesAhead = 96;
constexpr std::size_t kLeastRowsAhead = 4;
constexpr std::size_t kMostRowsAhead = 24;
constexpr std::size_t kLineBytes = 64;

// Always inlined: see core/prefetch.h.
template <class T>
HWY_INLINE void FetchRow(const T* HWY_RESTRICT row, std::size_t dim) {
  for (std::size_t at = 0; at < dim; at += kLineBytes / sizeof(T)) PrefetchFar(row + at);
  PrefetchFar(row + dim - 1);
}

// out[i] is the sum of terms_of(row which[i]).
template <class T, class TermsOf>
HWY_INLINE void SumListed(const MatrixView<T>& rows, std::span<const std::uint32_t> which, const TermsOf& terms_of,
                          float* HWY_RESTRICT out) {
  constexpr std::size_t kPerLine = kLineBytes / sizeof(T);
  const std::size_t dim = rows.cols;
  const std::size_t lines = (dim + kPerLine - 1) / kPerLine + 1;
  const std::size_t ahead = std::clamp(kLinesAhead / lines, kLeastRowsAhead, kMostRowsAhead);
  for (std::size_t i = 0; i < std::min(ahead, which.size()); ++i) FetchRow(rows.row(which[i]), dim);
  for (std::size_t i = 0; i < which.size(); ++i) {
    if (i + ahead < which.size()) FetchRow(rows.row(which[i + ahead]), dim);
    out[i] = SumOf(terms_of(rows.row(which[i])), dim);
  }
}

// out[i] is the sum of terms_of(row begin + i).
template <class T, class TermsOf>
HWY_INLINE void SumRange(const MatrixView<T>& rows, std::size_t begin, std::size_t count, const TermsOf& terms_of,
                         float* HWY_RESTRICT out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = SumOf(terms_of(rows.row(begin + i)), rows.cols);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
