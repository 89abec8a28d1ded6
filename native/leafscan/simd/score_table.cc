#include "leafscan/simd/score_table.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/score_table.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, 16>;
using I32 = hn::RebindToSigned<F32>;

template <std::size_t kWords>
HWY_INLINE TableScale Build(std::span<const float> words, std::size_t width, std::span<const float> query, int levels,
                            float least_unit, std::span<float> scratch, std::uint8_t* HWY_RESTRICT entries) {
  const F32 d;
  const I32 di;
  const hn::Rebind<std::uint8_t, I32> d8;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t blocks = query.size() / width;
  float widest = 0.0f;
  double offset = 0.0;
  for (std::size_t block = 0; block < blocks; ++block) {
    const float* HWY_RESTRICT q = query.data() + block * width;
    const float* HWY_RESTRICT word = words.data() + block * width * kWords;
    float* HWY_RESTRICT out = scratch.data() + block * kWords;
    auto least = hn::Set(d, std::numeric_limits<float>::infinity());
    auto most = hn::Set(d, -std::numeric_limits<float>::infinity());
    for (std::size_t first = 0; first < kWords; first += lanes) {
      auto sum = hn::Zero(d);
      for (std::size_t i = 0; i < width; ++i) {
        sum = hn::Add(sum, hn::Mul(hn::Set(d, q[i]), hn::LoadU(d, word + i * kWords + first)));
      }
      least = hn::Min(least, sum);
      most = hn::Max(most, sum);
      hn::StoreU(sum, d, out + first);
    }
    const auto floor = hn::MinOfLanes(d, least);
    const float low = hn::GetLane(floor);
    widest = std::max(widest, hn::GetLane(hn::MaxOfLanes(d, most)) - low);
    offset += low;
    for (std::size_t first = 0; first < kWords; first += lanes) {
      hn::StoreU(hn::Sub(hn::LoadU(d, out + first), floor), d, out + first);
    }
  }
  TableScale scale;
  scale.offset = offset;
  scale.unit = std::max(widest / static_cast<float>(levels), least_unit);
  if (!(scale.unit >= std::numeric_limits<float>::min())) scale.unit = 1.0f;  // a query of zeros, or next to it
  const auto inverse = hn::Set(d, 1.0f / scale.unit);
  const auto half = hn::Set(d, 0.5f);
  const auto top = hn::Set(di, levels);
  for (std::size_t at = 0; at < blocks * kWords; at += lanes) {
    const auto value = hn::LoadU(d, scratch.data() + at);
    const auto step = hn::ConvertTo(di, hn::Add(hn::Mul(value, inverse), half));
    hn::StoreU(hn::DemoteTo(d8, hn::Min(step, top)), d8, entries + at);
  }
  return scale;
}

TableScale BuildAny(const TableWords& words, std::span<const float> query, int levels, float least_unit,
                    std::span<float> scratch, std::uint8_t* HWY_RESTRICT entries) {
  return words.count == 16 ? Build<16>(words.words, words.width, query, levels, least_unit, scratch, entries)
                           : Build<256>(words.words, words.width, query, levels, least_unit, scratch, entries);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(BuildAny);

TableScale BuildTable(const TableWords& words, std::span<const float> query, int levels, float least_unit,
                      std::span<float> scratch, std::uint8_t* entries) {
  return HWY_DYNAMIC_DISPATCH(BuildAny)(words, query, levels, least_unit, scratch, entries);
}

}  // namespace leafscan
#endif
