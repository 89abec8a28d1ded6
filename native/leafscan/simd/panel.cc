#include "leafscan/simd/panel.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/panel.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, kPanelLanes>;

// Four components of four vectors at a time, turned in registers: an eighth of the moves of one number at a time.
void Pack(const float* HWY_RESTRICT vectors, std::size_t count, std::size_t dim, float* HWY_RESTRICT panel) {
  const hn::FixedTag<float, 4> d;
  const hn::RepartitionToWide<decltype(d)> wide;
  const auto low = [&](auto a, auto b) HWY_ATTR {
    return hn::BitCast(d, hn::InterleaveLower(wide, hn::BitCast(wide, a), hn::BitCast(wide, b)));
  };
  const auto high = [&](auto a, auto b) HWY_ATTR {
    return hn::BitCast(d, hn::InterleaveUpper(wide, hn::BitCast(wide, a), hn::BitCast(wide, b)));
  };
  const std::size_t turned = dim - dim % 4;
  for (std::size_t first = 0; first < kPanelLanes; first += 4) {
    const float* HWY_RESTRICT from = vectors + first * dim;
    std::size_t i = 0;
    if (first + 4 <= count) {
      for (; i < turned; i += 4) {
        const auto r0 = hn::LoadU(d, from + i);
        const auto r1 = hn::LoadU(d, from + dim + i);
        const auto r2 = hn::LoadU(d, from + 2 * dim + i);
        const auto r3 = hn::LoadU(d, from + 3 * dim + i);
        const auto a = hn::InterleaveLower(d, r0, r1);
        const auto b = hn::InterleaveLower(d, r2, r3);
        const auto e = hn::InterleaveUpper(d, r0, r1);
        const auto f = hn::InterleaveUpper(d, r2, r3);
        float* HWY_RESTRICT to = panel + i * kPanelLanes + first;
        hn::StoreU(low(a, b), d, to);
        hn::StoreU(high(a, b), d, to + kPanelLanes);
        hn::StoreU(low(e, f), d, to + 2 * kPanelLanes);
        hn::StoreU(high(e, f), d, to + 3 * kPanelLanes);
      }
    }
    for (; i < dim; ++i) {
      for (std::size_t lane = first; lane < first + 4; ++lane) {
        panel[i * kPanelLanes + lane] = lane < count ? vectors[lane * dim + i] : 0.0f;
      }
    }
  }
}

// Eight rows at a time: eight sums in flight hide the latency of a multiply-add on two units. Named sums rather than
// an array, since vectors of scalable instruction sets have no size.
constexpr std::size_t kRows = 8;

// Calls use(row_in_group, sums) for eight rows starting at `row`; past the last row the last one stands in.
template <class Use>
HWY_INLINE void EightRows(const float* HWY_RESTRICT panel, const MatrixView<float>& rows, std::size_t row,
                          std::size_t end, const Use& use) {
  const F32 d;
  const auto at = [&](std::size_t i) { return rows.row(std::min(row + i, end - 1)); };
  const float* HWY_RESTRICT r0 = at(0);
  const float* HWY_RESTRICT r1 = at(1);
  const float* HWY_RESTRICT r2 = at(2);
  const float* HWY_RESTRICT r3 = at(3);
  const float* HWY_RESTRICT r4 = at(4);
  const float* HWY_RESTRICT r5 = at(5);
  const float* HWY_RESTRICT r6 = at(6);
  const float* HWY_RESTRICT r7 = at(7);
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  auto s4 = hn::Zero(d), s5 = hn::Zero(d), s6 = hn::Zero(d), s7 = hn::Zero(d);
  for (std::size_t i = 0; i < rows.cols; ++i) {
    const auto vector = hn::LoadU(d, panel + i * kPanelLanes);
    s0 = hn::MulAdd(vector, hn::Set(d, r0[i]), s0);
    s1 = hn::MulAdd(vector, hn::Set(d, r1[i]), s1);
    s2 = hn::MulAdd(vector, hn::Set(d, r2[i]), s2);
    s3 = hn::MulAdd(vector, hn::Set(d, r3[i]), s3);
    s4 = hn::MulAdd(vector, hn::Set(d, r4[i]), s4);
    s5 = hn::MulAdd(vector, hn::Set(d, r5[i]), s5);
    s6 = hn::MulAdd(vector, hn::Set(d, r6[i]), s6);
    s7 = hn::MulAdd(vector, hn::Set(d, r7[i]), s7);
  }
  use(0, s0);
  use(1, s1);
  use(2, s2);
  use(3, s3);
  use(4, s4);
  use(5, s5);
  use(6, s6);
  use(7, s7);
}

std::size_t Filter(const float* HWY_RESTRICT panel, const MatrixView<float>& rows, const float* HWY_RESTRICT bias,
                   std::size_t begin, std::size_t count, const float* HWY_RESTRICT thresholds, PanelHit* hits) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t end = begin + count;
  PanelHit* hit = hits;
  HWY_ALIGN float scores[kPanelLanes];
  for (std::size_t row = begin; row < end; row += kRows) {
    for (std::size_t first = 0; first < kPanelLanes; first += lanes) {
      const auto threshold = hn::LoadU(d, thresholds + first);
      EightRows(panel + first, rows, row, end, [&](std::size_t i, auto sums) HWY_ATTR {
        if (row + i >= end) return;
        if (bias != nullptr) sums = hn::Add(sums, hn::Set(d, bias[row + i]));
        if (HWY_LIKELY(hn::AllFalse(d, hn::Ge(sums, threshold)))) return;
        hn::Store(sums, d, scores);
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          if (scores[lane] >= thresholds[first + lane]) {
            *hit++ = {scores[lane], static_cast<std::uint32_t>(row + i), static_cast<std::uint32_t>(first + lane)};
          }
        }
      });
    }
  }
  return static_cast<std::size_t>(hit - hits);
}

void Best(const float* HWY_RESTRICT panel, const MatrixView<float>& rows, const float* HWY_RESTRICT bias,
          std::uint32_t* HWY_RESTRICT best_row, float* HWY_RESTRICT best_score) {
  const F32 d;
  const hn::RebindToUnsigned<F32> du;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t first = 0; first < kPanelLanes; first += lanes) {
    auto best = hn::Set(d, -std::numeric_limits<float>::infinity());
    auto where = hn::Zero(du);
    for (std::size_t row = 0; row < rows.rows; row += kRows) {
      EightRows(panel + first, rows, row, rows.rows, [&](std::size_t i, auto sums) HWY_ATTR {
        const std::size_t at = std::min(row + i, rows.rows - 1);
        if (bias != nullptr) sums = hn::Add(sums, hn::Set(d, bias[at]));
        const auto better = hn::Gt(sums, best);
        best = hn::IfThenElse(better, sums, best);
        where = hn::IfThenElse(hn::RebindMask(du, better), hn::Set(du, static_cast<std::uint32_t>(at)), where);
      });
    }
    hn::StoreU(best, d, best_score + first);
    hn::StoreU(where, du, best_row + first);
  }
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(Pack);
HWY_EXPORT(Filter);
HWY_EXPORT(Best);

void PackPanel(const float* vectors, std::size_t count, std::size_t dim, float* panel) {
  HWY_DYNAMIC_DISPATCH(Pack)(vectors, count, dim, panel);
}

std::size_t PanelFilter(const float* panel, const MatrixView<float>& rows, const float* bias, std::size_t begin,
                        std::size_t count, const float* thresholds, PanelHit* hits) {
  return HWY_DYNAMIC_DISPATCH(Filter)(panel, rows, bias, begin, count, thresholds, hits);
}

void PanelBest(const float* panel, const MatrixView<float>& rows, const float* bias, std::uint32_t* best_row,
               float* best_score) {
  HWY_DYNAMIC_DISPATCH(Best)(panel, rows, bias, best_row, best_score);
}

}  // namespace leafscan
#endif
