#include "leafscan/simd/group_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/group_scan.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A vector holds the codes of one, two or four blocks, each in its own 128 bits beside its own table.
#if HWY_HAVE_SCALABLE
using U8 = hn::CappedTag<std::uint8_t, 16>;
#else
using U8 = hn::CappedTag<std::uint8_t, 64>;
#endif
using U16 = hn::RepartitionToWide<U8>;
using S16 = hn::CappedTag<std::int16_t, 8>;  // eight points of the finished sums

constexpr std::size_t kAtOnce = 4;  // 4 * 63 < 256

// Adds the halves of a vector until 128 bits are left: the same points, other blocks.
template <class V>
HWY_INLINE hn::Vec<S16> SumOfBlocks(V sums) {
  const hn::DFromV<V> d;
  const S16 ds;
#if !HWY_HAVE_SCALABLE
  if constexpr (hn::MaxLanes(d) > 8) {
    const hn::Half<decltype(d)> dh;
    return SumOfBlocks(hn::Add(hn::LowerHalf(dh, sums), hn::UpperHalf(dh, sums)));
  } else {
    return hn::BitCast(ds, sums);
  }
#else
  (void)d;
  return hn::BitCast(ds, sums);
#endif
}

// The sums of 32 points; place j of the result is point 8 * j ... 8 * j + 7.
struct GroupSums {
  hn::Vec<S16> points0, points8, points16, points24;
};

// `both` holds the sums of even points plus 256 times those of odd ones, `odd` those of odd points.
template <class V>
HWY_INLINE void InOrder(V both, V odd, hn::Vec<S16>& low, hn::Vec<S16>& high) {
  const S16 d;
  const auto odds = SumOfBlocks(odd);
  const auto evens = SumOfBlocks(hn::Sub(both, hn::ShiftLeft<8>(odd)));
  low = hn::InterleaveLower(d, evens, odds);
  high = hn::InterleaveUpper(d, evens, odds);
}

HWY_INLINE GroupSums SumGroup(const std::uint8_t* HWY_RESTRICT codes, const std::uint8_t* HWY_RESTRICT table,
                              std::size_t bytes) {
  const U8 d;
  const U16 d16;
  const std::size_t step = hn::Lanes(d);
  const auto low_half = hn::Set(d, std::uint8_t{15});
  auto both_low = hn::Zero(d16), odd_low = hn::Zero(d16);
  auto both_high = hn::Zero(d16), odd_high = hn::Zero(d16);
  const auto widen = [&](auto low, auto high) HWY_ATTR {
    both_low = hn::Add(both_low, hn::BitCast(d16, low));
    odd_low = hn::Add(odd_low, hn::ShiftRight<8>(hn::BitCast(d16, low)));
    both_high = hn::Add(both_high, hn::BitCast(d16, high));
    odd_high = hn::Add(odd_high, hn::ShiftRight<8>(hn::BitCast(d16, high)));
  };
  const auto low_of = [&](std::size_t at) HWY_ATTR {
    return hn::TableLookupBytes(hn::LoadU(d, table + at), hn::And(hn::LoadU(d, codes + at), low_half));
  };
  const auto high_of = [&](std::size_t at) HWY_ATTR {
    const auto shifted = hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(d16, hn::LoadU(d, codes + at))));
    return hn::TableLookupBytes(hn::LoadU(d, table + at), hn::And(shifted, low_half));
  };
  std::size_t at = 0;
  for (; at + kAtOnce * step <= bytes; at += kAtOnce * step) {
    auto low = low_of(at);
    auto high = high_of(at);
    for (std::size_t i = 1; i < kAtOnce; ++i) {
      low = hn::Add(low, low_of(at + i * step));
      high = hn::Add(high, high_of(at + i * step));
    }
    widen(low, high);
  }
  if (at < bytes) {
    auto low = low_of(at);
    auto high = high_of(at);
    for (at += step; at < bytes; at += step) {
      low = hn::Add(low, low_of(at));
      high = hn::Add(high, high_of(at));
    }
    widen(low, high);
  }
  GroupSums sums;
  InOrder(both_low, odd_low, sums.points0, sums.points8);
  InOrder(both_high, odd_high, sums.points16, sums.points24);
  return sums;
}

// A bit for each of the 32 points above the bound.
HWY_INLINE std::uint32_t Above(const GroupSums& sums, hn::Vec<S16> bound) {
  const S16 d;
  const auto above = [&](hn::Vec<S16> points) HWY_ATTR { return hn::VecFromMask(d, hn::Gt(points, bound)); };
  const auto m0 = above(sums.points0), m8 = above(sums.points8);
  const auto m16 = above(sums.points16), m24 = above(sums.points24);
  if (HWY_LIKELY(hn::AllFalse(d, hn::MaskFromVec(hn::Or(hn::Or(m0, m8), hn::Or(m16, m24)))))) return 0;
  std::uint8_t bits[4][8];
  hn::StoreMaskBits(d, hn::MaskFromVec(m0), bits[0]);
  hn::StoreMaskBits(d, hn::MaskFromVec(m8), bits[1]);
  hn::StoreMaskBits(d, hn::MaskFromVec(m16), bits[2]);
  hn::StoreMaskBits(d, hn::MaskFromVec(m24), bits[3]);
  return bits[0][0] | static_cast<std::uint32_t>(bits[1][0]) << 8 | static_cast<std::uint32_t>(bits[2][0]) << 16 |
         static_cast<std::uint32_t>(bits[3][0]) << 24;
}

template <bool kTerms, bool kSparse>
ScanProgress Scan(const GroupRun& run, const ScanTable& table, std::int32_t threshold, std::span<std::uint64_t> keys) {
  const S16 d;
  const std::size_t bytes = table.padded_blocks * kBlockBytes;
  const std::int64_t wanted = static_cast<std::int64_t>(threshold) - run.bias;
  ScanProgress done;
  if (wanted > 32767) {
    done.groups = run.groups;
    return done;
  }
  const auto below = hn::Set(d, static_cast<std::int16_t>(std::max<std::int64_t>(wanted - 1, -32768)));
  const auto floor = hn::Set(d, std::int16_t{-32767});
  const auto factor = hn::Set(d, table.term_factor);
  std::uint64_t* key = keys.data();
  const std::uint64_t* const full = key + keys.size();
  std::size_t group = 0;
  for (; group < run.groups && full - key >= static_cast<std::ptrdiff_t>(kGroupPoints); ++group) {
    if constexpr (kSparse) {
      if (run.live[group] == 0) continue;
    }
    GroupSums sums = SumGroup(run.codes + group * bytes, table.entries, bytes);
    if constexpr (kTerms) {
      const std::int16_t* terms = run.terms + group * kGroupPoints;
      const auto less = [&](hn::Vec<S16> points, const std::int16_t* of) HWY_ATTR {
        return hn::Max(floor, hn::SaturatedSub(points, hn::MulFixedPoint15(hn::LoadU(d, of), factor)));
      };
      sums.points0 = less(sums.points0, terms);
      sums.points8 = less(sums.points8, terms + 8);
      sums.points16 = less(sums.points16, terms + 16);
      sums.points24 = less(sums.points24, terms + 24);
    }
    std::uint32_t hits = Above(sums, below);
    if (HWY_LIKELY(hits == 0)) continue;
    hits &= run.live[group];
    if constexpr (kSparse) {
      if (hits == 0) continue;
    }
    HWY_ALIGN std::int16_t scores[kGroupPoints];
    hn::Store(sums.points0, d, scores);
    hn::Store(sums.points8, d, scores + 8);
    hn::Store(sums.points16, d, scores + 16);
    hn::Store(sums.points24, d, scores + 24);
    const std::size_t first = group * kGroupPoints;
    for (; hits != 0; hits &= hits - 1) {
      const auto j = static_cast<std::size_t>(std::countr_zero(hits));
      const std::uint32_t row =
          run.rows != nullptr ? run.rows[first + j] : run.first_row + static_cast<std::uint32_t>(first + j);
      *key++ = SurvivorKey(run.bias + scores[j], row);
    }
  }
  done.groups = group;
  done.kept = static_cast<std::size_t>(key - keys.data());
  return done;
}

ScanProgress ScanPlain(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                       std::span<std::uint64_t> keys) {
  return run.sparse ? Scan<false, true>(run, table, threshold, keys) : Scan<false, false>(run, table, threshold, keys);
}
ScanProgress ScanWithTerms(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                           std::span<std::uint64_t> keys) {
  return run.sparse ? Scan<true, true>(run, table, threshold, keys) : Scan<true, false>(run, table, threshold, keys);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(ScanPlain);
HWY_EXPORT(ScanWithTerms);

ScanProgress ScanGroups(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                        std::span<std::uint64_t> keys) {
  return run.terms == nullptr ? HWY_DYNAMIC_DISPATCH(ScanPlain)(run, table, threshold, keys)
                              : HWY_DYNAMIC_DISPATCH(ScanWithTerms)(run, table, threshold, keys);
}

}  // namespace leafscan
#endif
