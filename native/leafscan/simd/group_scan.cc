#include "leafscan/simd/group_scan.h"

#include "leafscan/simd/wide_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/prefetch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/group_scan.cc"
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

// Adds the table's entries for the codes at `from` to the sums of points 0 to 15 and 16 to 31.
HWY_INLINE void LookUp(hn::Vec<U8> entries, const std::uint8_t* HWY_RESTRICT from, hn::Vec<U8>& low, hn::Vec<U8>& high) {
  const U8 d;
  const auto low_half = hn::Set(d, std::uint8_t{15});
  const auto both = hn::LoadU(d, from);
  const auto shifted = hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(U16(), both)));
  low = hn::Add(low, hn::TableLookupBytes(entries, hn::And(both, low_half)));
  high = hn::Add(high, hn::TableLookupBytes(entries, hn::And(shifted, low_half)));
}

// Adds bytes to sums of 16 bits: `both` gets even points plus 256 times odd ones, `odd` the odd ones.
HWY_INLINE void Widen(hn::Vec<U8> bytes, hn::Vec<U16>& both, hn::Vec<U16>& odd) {
  const auto pairs = hn::BitCast(U16(), bytes);
  both = hn::Add(both, pairs);
  odd = hn::Add(odd, hn::ShiftRight<8>(pairs));
}

// Gives use(sums, first) the sums of a group's points (see InOrder). `ahead` is fetched meanwhile, or null.
template <class Use>
HWY_INLINE void SumGroup(const std::uint8_t* HWY_RESTRICT codes, const std::uint8_t* HWY_RESTRICT table,
                         std::size_t bytes, const std::uint8_t* ahead, const Use& use) {
  const U8 d;
  const U16 d16;
  const std::size_t step = hn::Lanes(d);
  auto both_low = hn::Zero(d16), odd_low = hn::Zero(d16);
  auto both_high = hn::Zero(d16), odd_high = hn::Zero(d16);
  std::size_t at = 0;
  while (at < bytes) {
    auto low = hn::Zero(d), high = hn::Zero(d);
    const std::size_t end = std::min(bytes, at + kAtOnce * step);
    if (HWY_LIKELY(end - at == kAtOnce * step)) {
      for (std::size_t i = 0; i < kAtOnce; ++i) LookUp(hn::LoadU(d, table + at + i * step), codes + at + i * step, low, high);
    } else {
      for (std::size_t i = at; i < end; i += step) LookUp(hn::LoadU(d, table + i), codes + i, low, high);
    }
    if (ahead != nullptr) {
      for (std::size_t i = at; i < end; i += kCacheLine) PrefetchFar(ahead + i);
    }
    at = end;
    Widen(low, both_low, odd_low);
    Widen(high, both_high, odd_high);
  }
  InOrder(both_low, odd_low, both_high, odd_high, use);
}

#undef LEAFSCAN_SCANS_PAIRS  // this file is compiled once for each target
#if HWY_MAX_BYTES == 64 && !HWY_HAVE_SCALABLE
#define LEAFSCAN_SCANS_PAIRS 1

// The same of two groups that follow one another, which share what is read of the table and, in the end, the moves: there
// is a register for everything. use(sums, group) gets 32 points of group 0, then of group 1; not at all, where all(sums,
// sums) of the 64 in another order is false.
template <class All, class Use>
HWY_INLINE void SumPair(const std::uint8_t* HWY_RESTRICT codes, const std::uint8_t* HWY_RESTRICT table,
                        std::size_t bytes, const GroupAddress* ahead, const All& all, const Use& use) {
  const U8 d;
  const U16 d16;
  constexpr std::size_t kStep = 64;
  const std::uint8_t* HWY_RESTRICT next = codes + bytes;
  auto both_low = hn::Zero(d16), odd_low = both_low, both_high = both_low, odd_high = both_low;
  auto next_both_low = both_low, next_odd_low = both_low, next_both_high = both_low, next_odd_high = both_low;
  std::size_t at = 0;
  while (at < bytes) {
    auto low = hn::Zero(d), high = low, next_low = low, next_high = low;
    const auto look_up = [&](std::size_t i) HWY_ATTR {
      const auto entries = hn::LoadU(d, table + i);
      LookUp(entries, codes + i, low, high);
      LookUp(entries, next + i, next_low, next_high);
      if (ahead != nullptr) {
        PrefetchFar(ahead[0].codes + i);
        PrefetchFar(ahead[1].codes + i);
      }
    };
    const std::size_t end = std::min(bytes, at + kAtOnce * kStep);
    if (HWY_LIKELY(end - at == kAtOnce * kStep)) {
      for (std::size_t i = 0; i < kAtOnce; ++i) look_up(at + i * kStep);
    } else {
      for (std::size_t i = at; i < end; i += kStep) look_up(i);
    }
    at = end;
    Widen(low, both_low, odd_low);
    Widen(high, both_high, odd_high);
    Widen(next_low, next_both_low, next_odd_low);
    Widen(next_high, next_both_high, next_odd_high);
  }
  // Each vector's four blocks are added up in one block of the result: low, next low, high, next high.
  const auto blocks = [&](hn::Vec<U16> low, hn::Vec<U16> high, hn::Vec<U16> next_low, hn::Vec<U16> next_high) HWY_ATTR {
    const auto group = hn::Add(hn::ConcatLowerLower(d16, high, low), hn::ConcatUpperUpper(d16, high, low));
    const auto other =
        hn::Add(hn::ConcatLowerLower(d16, next_high, next_low), hn::ConcatUpperUpper(d16, next_high, next_low));
    return hn::Add(hn::OddEvenBlocks(hn::SwapAdjacentBlocks(other), group),
                   hn::OddEvenBlocks(other, hn::SwapAdjacentBlocks(group)));
  };
  const auto odd = blocks(odd_low, odd_high, next_odd_low, next_odd_high);
  const auto even = hn::Sub(blocks(both_low, both_high, next_both_low, next_both_high), hn::ShiftLeft<8>(odd));
  const S16 ds;
  const auto lower = hn::InterleaveLower(d16, even, odd);
  const auto upper = hn::InterleaveUpper(d16, even, odd);
  if (HWY_LIKELY(!all(hn::BitCast(ds, lower), hn::BitCast(ds, upper)))) return;
  use(hn::BitCast(ds, hn::OddEvenBlocks(hn::SwapAdjacentBlocks(upper), lower)), std::size_t{0});
  use(hn::BitCast(ds, hn::OddEvenBlocks(upper, hn::SwapAdjacentBlocks(lower))), std::size_t{1});
}
#endif

template <bool kTerms, bool kSparse>
ScanProgress Scan(const GroupRun& run, const ScanTable& table, std::int32_t threshold, std::span<std::uint64_t> keys) {
  const S16 d;
  const std::size_t bytes = table.padded_blocks * kBlockBytes;
  const std::int64_t wanted = static_cast<std::int64_t>(threshold) - run.bias;
  ScanProgress done;
  if (wanted > 32767) {
    done.groups = run.groups;
    if constexpr (kSparse) {
      for (std::size_t group = 0; group < run.groups; ++group) done.read += run.live[group] != 0 ? 1 : 0;
    } else {
      done.read = run.groups;
    }
    return done;
  }
  const auto below = hn::Set(d, static_cast<std::int16_t>(std::max<std::int64_t>(wanted - 1, -32768)));
  const auto floor = hn::Set(d, std::int16_t{-32767});
  const auto factor = hn::Set(d, table.term_factor);
  HWY_ALIGN std::int16_t scores[kGroupPoints];
  std::uint64_t* key = keys.data();
  const std::uint64_t* const full = key + keys.size();
  const GroupAddress* ahead = run.ahead;
  std::size_t group = 0;
  std::size_t read = 0;
  std::uint32_t hits = 0;
  // Points first, first + 1, ... of a group.
  const auto look = [&](std::size_t of, hn::Vec<S16> sums, std::size_t first) HWY_ATTR {
    if constexpr (kTerms) {
      const auto terms = hn::LoadU(d, run.terms + of * kGroupPoints + first);
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
  const auto keep = [&](std::size_t of) HWY_ATTR {
    hits &= run.live[of];
    const std::size_t first = of * kGroupPoints;
    for (; hits != 0; hits &= hits - 1) {
      const auto j = static_cast<std::size_t>(std::countr_zero(hits));
      const std::uint32_t row =
          run.rows != nullptr ? run.rows[first + j] : run.first_row + static_cast<std::uint32_t>(first + j);
      *key++ = SurvivorKey(run.bias + scores[j], row);
    }
  };
  const auto room = [&](std::size_t groups) HWY_ATTR {
    return full - key >= static_cast<std::ptrdiff_t>(groups * kGroupPoints);
  };
#if defined(LEAFSCAN_SCANS_PAIRS)
  if constexpr (!kSparse) {
    for (; group + 2 <= run.groups && room(2); group += 2) {
      if constexpr (kTerms) {
        if (ahead != nullptr) {
          PrefetchFar(ahead[group].terms);
          PrefetchFar(ahead[group + 1].terms);
        }
      }
      const auto some = [&](hn::Vec<S16> a, hn::Vec<S16> b) HWY_ATTR {
        return kTerms || !hn::AllFalse(d, hn::Or(hn::Gt(a, below), hn::Gt(b, below)));
      };
      SumPair(run.codes + group * bytes, table.entries, bytes, ahead == nullptr ? nullptr : ahead + group, some,
              [&](hn::Vec<S16> sums, std::size_t which) HWY_ATTR {
                look(group + which, sums, 0);
                if (hits != 0) keep(group + which);
              });
    }
    read = group;
  }
#endif
  for (; group < run.groups && room(1); ++group) {
    if constexpr (kSparse) {
      if (run.live[group] == 0) continue;
    }
    const std::uint8_t* next = nullptr;
    if (ahead != nullptr) {
      next = ahead[read].codes;
      if constexpr (kTerms) PrefetchFar(ahead[read].terms);
    }
    ++read;
    SumGroup(run.codes + group * bytes, table.entries, bytes, next,
             [&](hn::Vec<S16> sums, std::size_t first) HWY_ATTR { look(group, sums, first); });
    if (HWY_UNLIKELY(hits != 0)) keep(group);
  }
  done.groups = group;
  done.read = read;
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
  if (table.words == kWideWords) return ScanWideGroups(run, table, threshold, keys);
  return run.terms == nullptr ? HWY_DYNAMIC_DISPATCH(ScanPlain)(run, table, threshold, keys)
                              : HWY_DYNAMIC_DISPATCH(ScanWithTerms)(run, table, threshold, keys);
}

}  // namespace leafscan
#endif
