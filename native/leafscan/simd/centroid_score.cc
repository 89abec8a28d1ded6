#include "leafscan/simd/centroid_score.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/centroid_score.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "leafscan/core/prefetch.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using I16 = hn::CappedTag<std::int16_t, kCentroidMultiple>;
using I32 = hn::RepartitionToWide<I16>;

// Rows are fetched so far ahead.
constexpr std::size_t kAhead = 6;
constexpr std::size_t kLineComponents = 32;

// Always inlined: see core/prefetch.h.
HWY_INLINE void Fetch(const std::int16_t* row, std::size_t dim) {
  for (std::size_t at = 0; at < dim; at += kLineComponents) Prefetch(row + at);
}

void Centroids(const MatrixView<std::int16_t>& centroids, std::span<const std::int16_t> query,
               std::span<const std::uint32_t> which, std::span<std::int32_t> out) {
  const I16 d;
  const I32 d32;
  const std::size_t dim = query.size();
  for (std::size_t i = 0; i < std::min(kAhead, which.size()); ++i) Fetch(centroids.row(which[i]), dim);
  for (std::size_t i = 0; i < which.size(); ++i) {
    if (i + kAhead < which.size()) Fetch(centroids.row(which[i + kAhead]), dim);
    const std::int16_t* row = centroids.row(which[i]);
    auto sum = hn::Zero(d32), more = hn::Zero(d32);  // targets differ in what goes to which
    for (std::size_t at = 0; at < dim; at += hn::Lanes(d)) {
      sum = hn::ReorderWidenMulAccumulate(d32, hn::LoadU(d, row + at), hn::LoadU(d, query.data() + at), sum, more);
    }
    out[i] = hn::GetLane(hn::SumOfLanes(d32, hn::Add(sum, more)));
  }
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(Centroids);

void CentroidScores(const MatrixView<std::int16_t>& centroids, std::span<const std::int16_t> query,
                    std::span<const std::uint32_t> which, std::span<std::int32_t> out) {
  HWY_DYNAMIC_DISPATCH(Centroids)(centroids, query, which, out);
}

}  // namespace leafscan
#endif
