#include "leafscan/simd/row_score.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/row_score.cc"
#include "hwy/foreach_target.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sixteen sums, whatever the width of a vector: sum j takes components j, j + 16, j + 32, ... of the row, then the
// sixteen are added in halves. Products are rounded before they are added. So all instruction sets agree to the bit.
constexpr std::size_t kSums = 16;
using F32 = hn::CappedTag<float, kSums>;

template <bool kL2, class V>
HWY_INLINE V Accumulate(V query, V row, V sum) {
  if constexpr (kL2) {
    const V difference = hn::Sub(query, row);
    return hn::Sub(sum, hn::Mul(difference, difference));
  } else {
    return hn::Add(sum, hn::Mul(query, row));
  }
}

// The sums [first, first + lanes) of a row of at least sixteen components.
template <bool kL2>
HWY_INLINE hn::Vec<F32> SomeSums(const float* HWY_RESTRICT query, const float* HWY_RESTRICT row, std::size_t dim,
                                 std::size_t first) {
  const F32 d;
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  std::size_t i = first;
  const std::size_t whole = dim / kSums * kSums;
  for (; i + kSums < whole; i += 2 * kSums) {
    even = Accumulate<kL2>(hn::LoadU(d, query + i), hn::LoadU(d, row + i), even);
    odd = Accumulate<kL2>(hn::LoadU(d, query + i + kSums), hn::LoadU(d, row + i + kSums), odd);
  }
  if (i < whole) even = Accumulate<kL2>(hn::LoadU(d, query + i), hn::LoadU(d, row + i), even);
  if (whole < dim) {
    // The last sixteen components overlap what was counted: those lanes become zero on both sides.
    const std::size_t counted = kSums - (dim - whole);
    const auto again = hn::FirstN(d, counted - std::min(counted, first));
    const std::size_t at = dim - kSums + first;
    odd = Accumulate<kL2>(hn::IfThenZeroElse(again, hn::LoadU(d, query + at)),
                          hn::IfThenZeroElse(again, hn::LoadU(d, row + at)), odd);
  }
  return hn::Add(even, odd);
}

template <bool kL2>
HWY_INLINE float Score(const float* HWY_RESTRICT query, const float* HWY_RESTRICT row, std::size_t dim) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN float sums[kSums];
  if (HWY_UNLIKELY(dim < kSums)) {
    for (std::size_t j = 0; j < kSums; ++j) sums[j] = 0.0f;
    for (std::size_t j = 0; j < dim; ++j) {
      if constexpr (kL2) {
        const float difference = query[j] - row[j];
        sums[j] -= difference * difference;
      } else {
        sums[j] += query[j] * row[j];
      }
    }
  } else {
    for (std::size_t first = 0; first < kSums; first += lanes) {
      hn::Store(SomeSums<kL2>(query, row, dim, first), d, sums + first);
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
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// Lines ahead of the row in hand: enough to cover DRAM's latency at 10 ns a line.
constexpr std::size_t kLinesAhead = 24;
constexpr std::size_t kFloatsPerLine = 16;

template <bool kL2>
void ScoreListed(const float* query, const MatrixView<float>& rows, std::span<const std::uint32_t> which, float* out) {
  const std::size_t dim = rows.cols;
  const std::size_t lines = (dim + kFloatsPerLine - 1) / kFloatsPerLine + 1;
  const std::size_t ahead = std::max<std::size_t>(1, kLinesAhead / lines);
  const auto fetch = [&](std::size_t i) {
    const float* row = rows.row(which[i]);
    for (std::size_t at = 0; at < dim; at += kFloatsPerLine) hwy::Prefetch(row + at);
    hwy::Prefetch(row + dim - 1);
  };
  for (std::size_t i = 0; i < std::min(ahead, which.size()); ++i) fetch(i);
  for (std::size_t i = 0; i < which.size(); ++i) {
    if (i + ahead < which.size()) fetch(i + ahead);
    out[i] = Score<kL2>(query, rows.row(which[i]), dim);
  }
}

template <bool kL2>
void ScoreRange(const float* query, const MatrixView<float>& rows, std::size_t begin, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = Score<kL2>(query, rows.row(begin + i), rows.cols);
}

float ScoreDot(const float* query, const float* row, std::size_t dim) { return Score<false>(query, row, dim); }
float ScoreL2(const float* query, const float* row, std::size_t dim) { return Score<true>(query, row, dim); }
void ListedDot(const float* query, const MatrixView<float>& rows, std::span<const std::uint32_t> which, float* out) {
  ScoreListed<false>(query, rows, which, out);
}
void ListedL2(const float* query, const MatrixView<float>& rows, std::span<const std::uint32_t> which, float* out) {
  ScoreListed<true>(query, rows, which, out);
}
void RangeDot(const float* query, const MatrixView<float>& rows, std::size_t begin, std::size_t count, float* out) {
  ScoreRange<false>(query, rows, begin, count, out);
}
void RangeL2(const float* query, const MatrixView<float>& rows, std::size_t begin, std::size_t count, float* out) {
  ScoreRange<true>(query, rows, begin, count, out);
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
