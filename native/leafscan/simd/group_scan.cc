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
using S16 = hn::RebindToSigned<U16>;

constexpr std::size_t kAtOnce = 4;  // 4 * 63 < 256

// Calls use(sums, first) with the sums of points `first`, first + 1, ... in order, until all 32 were given: a vector of 512
// bits holds them all, two of 256, four of 128. In each half (points 0 to 15 and 16 to 31), `both` holds the sums of even
// points plus 256 times those of odd ones, `odd` those of odd points, each spread over the blocks of a vector, which are
// added here: halves of two vectors side by side at a time, so that nothing is added twice.
template <class V, class Use>
HWY_INLINE void InOrder(V both_low, V odd_low, V both_high, V odd_high, const Use& use) {
  const U16 d;
  const S16 ds;
#if !HWY_HAVE_SCALABLE
  if constexpr (hn::MaxLanes(d) == 32) {
    const auto halves = [&](V low, V high) HWY_ATTR {
      const V sum = hn::Add(hn::ConcatLowerLower(d, high, low), hn::ConcatUpperUpper(d, high, low));
      return hn::Add(sum, hn::SwapAdjacentBlocks(sum));  // blocks: low, low, high, high
    };
    const V odd = halves(odd_low, odd_high);
    const V even = hn::Sub(halves(both_low, both_high), hn::ShiftLeft<8>(odd));
    const V points = hn::OddEvenBlocks(hn::InterleaveUpper(d, even, odd), hn::InterleaveLower(d, even, odd));
    use(hn::BitCast(ds, points), std::size_t{0});
    return;
  } else if constexpr (hn::MaxLanes(d) == 16) {
    const auto halves = [&](V low, V high) HWY_ATTR {
      return hn::Add(hn::ConcatLowerLower(d, high, low), hn::ConcatUpperUpper(d, high, low));  // blocks: low, high
    };
    const V odd = halves(odd_low, odd_high);
    const V even = hn::Sub(halves(both_low, both_high), hn::ShiftLeft<8>(odd));
    const V first = hn::InterleaveLower(d, even, odd);   // points 0 to 7 and 16 to 23
    const V second = hn::InterleaveUpper(d, even, odd);  // points 8 to 15 and 24 to 31
    use(hn::BitCast(ds, hn::ConcatLowerLower(d, second, first)), std::size_t{0});
    use(hn::BitCast(ds, hn::ConcatUpperUpper(d, second, first)), std::size_t{16});
    return;
  }
#endif
  const auto even_low = hn::Sub(both_low, hn::ShiftLeft<8>(odd_low));
  const auto even_high = hn::Sub(both_high, hn::ShiftLeft<8>(odd_high));
  use(hn::BitCast(ds, hn::InterleaveLower(d, even_low, odd_low)), std::size_t{0});
  use(hn::BitCast(ds, hn::InterleaveUpper(d, even_low, odd_low)), std::size_t{8});
  use(hn::BitCast(ds, hn::InterleaveLower(d, even_high, odd_high)), std::size_t{16});
  use(hn::BitCast(ds, hn::InterleaveUpper(d, even_high, odd_high)), std::size_t{24});
}

// Gives use(sums, first) the sums of a group's points (see InOrder).
template <class Use>
HWY_INLINE void SumGroup(const std::uint8_t* HWY_RESTRICT codes, const std::uint8_t* HWY_RESTRICT table,
                         std::size_t bytes, const Use& use) {
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
  InOrder(both_low, odd_low, both_high, odd_high, use);
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
  HWY_ALIGN std::int16_t scores[kGroupPoints];
  std::uint64_t* key = keys.data();
  const std::uint64_t* const full = key + keys.size();
  std::size_t group = 0;
  for (; group < run.groups && full - key >= static_cast<std::ptrdiff_t>(kGroupPoints); ++group) {
    if constexpr (kSparse) {
      if (run.live[group] == 0) continue;
    }
    std::uint32_t hits = 0;
    const auto look = [&](hn::Vec<S16> sums, std::size_t first) HWY_ATTR {
      if constexpr (kTerms) {
        const auto terms = hn::LoadU(d, run.terms + group * kGroupPoints + first);
        sums = hn::Max(floor, hn::SaturatedSub(sums, hn::MulFixedPoint15(terms, factor)));
      }
      const auto above = hn::Gt(sums, below);
      if (HWY_LIKELY(hn::AllFalse(d, above))) return;
      hn::Store(sums, d, scores + first);
      std::uint8_t bits[8] = {};  // at least as many bytes as StoreMaskBits writes
      hn::StoreMaskBits(d, above, bits);
      std::uint32_t word;
      std::memcpy(&word, bits, sizeof(word));
      hits |= word << first;
    };
    SumGroup(run.codes + group * bytes, table.entries, bytes, look);
    if (HWY_LIKELY(hits == 0)) continue;
    hits &= run.live[group];
    if constexpr (kSparse) {
      if (hits == 0) continue;
    }
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
