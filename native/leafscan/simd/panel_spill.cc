#include "leafscan/simd/panel_spill.h"

#include <algorithm>
#include <limits>

#include "leafscan/simd/panel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/panel_spill.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, kPanelLanes>;
using U32 = hn::RebindToUnsigned<F32>;

constexpr std::size_t kCentroids = 4;  // eight sums in flight

void Spill(const SpillPanel& panel, const MatrixView<float>& centroids, const float* HWY_RESTRICT squares, float lambda,
           std::uint32_t* HWY_RESTRICT best) {
  const F32 d;
  const U32 du;
  const std::size_t lanes = hn::Lanes(d);
  const auto weight = hn::Set(d, lambda);
  const auto two = hn::Set(d, 2.0f);
  for (std::size_t first = 0; first < kPanelLanes; first += lanes) {
    const auto taken = hn::LoadU(du, panel.first + first);
    const auto own = hn::LoadU(d, panel.along + first);
    auto least = hn::Set(d, std::numeric_limits<float>::infinity());
    auto where = hn::Zero(du);
    const auto look = [&](std::size_t c, auto product, auto along) HWY_ATTR {
      const auto index = hn::Set(du, static_cast<std::uint32_t>(c));
      const auto error = hn::Sub(own, along);
      const auto plain = hn::NegMulAdd(two, product, hn::Set(d, squares[c]));
      const auto cost = hn::MulAdd(hn::Mul(error, error), weight, plain);
      const auto better =
          hn::AndNot(hn::RebindMask(d, hn::Eq(index, taken)), hn::Lt(cost, least));
      least = hn::IfThenElse(better, cost, least);
      where = hn::IfThenElse(hn::RebindMask(du, better), index, where);
    };
    for (std::size_t c = 0; c < centroids.rows; c += kCentroids) {
      const auto at = [&](std::size_t i) { return centroids.row(std::min(c + i, centroids.rows - 1)); };
      const float* HWY_RESTRICT c0 = at(0);
      const float* HWY_RESTRICT c1 = at(1);
      const float* HWY_RESTRICT c2 = at(2);
      const float* HWY_RESTRICT c3 = at(3);
      auto p0 = hn::Zero(d), p1 = hn::Zero(d), p2 = hn::Zero(d), p3 = hn::Zero(d);
      auto a0 = hn::Zero(d), a1 = hn::Zero(d), a2 = hn::Zero(d), a3 = hn::Zero(d);
      for (std::size_t i = 0; i < centroids.cols; ++i) {
        const auto x = hn::LoadU(d, panel.points + i * kPanelLanes + first);
        const auto u = hn::LoadU(d, panel.directions + i * kPanelLanes + first);
        const auto v0 = hn::Set(d, c0[i]), v1 = hn::Set(d, c1[i]), v2 = hn::Set(d, c2[i]), v3 = hn::Set(d, c3[i]);
        p0 = hn::MulAdd(x, v0, p0);
        a0 = hn::MulAdd(u, v0, a0);
        p1 = hn::MulAdd(x, v1, p1);
        a1 = hn::MulAdd(u, v1, a1);
        p2 = hn::MulAdd(x, v2, p2);
        a2 = hn::MulAdd(u, v2, a2);
        p3 = hn::MulAdd(x, v3, p3);
        a3 = hn::MulAdd(u, v3, a3);
      }
      look(c, p0, a0);
      if (c + 1 < centroids.rows) look(c + 1, p1, a1);
      if (c + 2 < centroids.rows) look(c + 2, p2, a2);
      if (c + 3 < centroids.rows) look(c + 3, p3, a3);
    }
    hn::StoreU(where, du, best + first);
  }
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(Spill);

void PanelSpill(const SpillPanel& panel, const MatrixView<float>& centroids, const float* squares, float lambda,
                std::uint32_t* best) {
  HWY_DYNAMIC_DISPATCH(Spill)(panel, centroids, squares, lambda, best);
}

}  // namespace leafscan
#endif
