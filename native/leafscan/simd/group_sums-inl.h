// The sums of a group's table entries, and what becomes of them. Per target: include it after hwy/highway.h in a file that
// Highway compiles once for each.
#if defined(LEAFSCAN_SIMD_GROUP_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LEAFSCAN_SIMD_GROUP_SUMS_INL_H_
#undef LEAFSCAN_SIMD_GROUP_SUMS_INL_H_
#else
#define LEAFSCAN_SIMD_GROUP_SUMS_INL_H_
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/prefetch.h"
#include "leafscan/simd/group_scan.h"

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

// The codes at `from` of points 0 to 15 and 16 to 31.
HWY_INLINE void LoadCodes(const std::uint8_t* HWY_RESTRICT from, hn::Vec<U8>& low, hn::Vec<U8>& high) {
  const U8 d;
  const auto low_half = hn::Set(d, std::uint8_t{15});
  const auto both = hn::LoadU(d, from);
  low = hn::And(both, low_half);
  high = hn::And(hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(U16(), both))), low_half);
}

// Adds the table's entries for the codes at `from` to the sums of points 0 to 15 and 16 to 31.
HWY_INLINE void LookUp(hn::Vec<U8> entries, const std::uint8_t* HWY_RESTRICT from, hn::Vec<U8>& low, hn::Vec<U8>& high) {
  auto low_codes = entries, high_codes = entries;
  LoadCodes(from, low_codes, high_codes);
  low = hn::Add(low, hn::TableLookupBytes(entries, low_codes));
  high = hn::Add(high, hn::TableLookupBytes(entries, high_codes));
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

// Gives use(sums, which) the 32 sums of the first, then those of the second of two groups, or of two queries' sums of one,
// in the order of the points; neither where some(sums, sums) of all 64 is false: its vectors hold, in turns, eight sums of
// the first and eight of the second.
template <class Some, class Use>
HWY_INLINE void InOrderTwo(hn::Vec<U16> both_low, hn::Vec<U16> odd_low, hn::Vec<U16> both_high, hn::Vec<U16> odd_high,
                           hn::Vec<U16> both_low2, hn::Vec<U16> odd_low2, hn::Vec<U16> both_high2,
                           hn::Vec<U16> odd_high2, const Some& some, const Use& use) {
  const U16 d16;
  const S16 ds;
  // Each vector's four blocks are added up in one block of the result: low, second low, high, second high.
  const auto blocks = [&](hn::Vec<U16> low, hn::Vec<U16> high, hn::Vec<U16> low2, hn::Vec<U16> high2) HWY_ATTR {
    const auto first = hn::Add(hn::ConcatLowerLower(d16, high, low), hn::ConcatUpperUpper(d16, high, low));
    const auto second = hn::Add(hn::ConcatLowerLower(d16, high2, low2), hn::ConcatUpperUpper(d16, high2, low2));
    return hn::Add(hn::OddEvenBlocks(hn::SwapAdjacentBlocks(second), first),
                   hn::OddEvenBlocks(second, hn::SwapAdjacentBlocks(first)));
  };
  const auto odd = blocks(odd_low, odd_high, odd_low2, odd_high2);
  const auto even = hn::Sub(blocks(both_low, both_high, both_low2, both_high2), hn::ShiftLeft<8>(odd));
  const auto lower = hn::InterleaveLower(d16, even, odd);
  const auto upper = hn::InterleaveUpper(d16, even, odd);
  if (HWY_LIKELY(!some(hn::BitCast(ds, lower), hn::BitCast(ds, upper)))) return;
  use(hn::BitCast(ds, hn::OddEvenBlocks(hn::SwapAdjacentBlocks(upper), lower)), std::size_t{0});
  use(hn::BitCast(ds, hn::OddEvenBlocks(upper, hn::SwapAdjacentBlocks(lower))), std::size_t{1});
}

// The sums of two groups that follow one another, which share what is read of the table and, in the end, the moves: there
// is a register for everything.
template <class Some, class Use>
HWY_INLINE void SumPair(const std::uint8_t* HWY_RESTRICT codes, const std::uint8_t* HWY_RESTRICT table,
                        std::size_t bytes, const GroupAddress* ahead, const Some& some, const Use& use) {
  const U8 d;
  const U16 d16;
  constexpr std::size_t kStep = 64;
  const std::uint8_t* HWY_RESTRICT codes2 = codes + bytes;
  auto both_low = hn::Zero(d16), odd_low = both_low, both_high = both_low, odd_high = both_low;
  auto both_low2 = both_low, odd_low2 = both_low, both_high2 = both_low, odd_high2 = both_low;
  std::size_t at = 0;
  while (at < bytes) {
    auto low = hn::Zero(d), high = low, low2 = low, high2 = low;
    const auto look_up = [&](std::size_t i) HWY_ATTR {
      const auto entries = hn::LoadU(d, table + i);
      LookUp(entries, codes + i, low, high);
      LookUp(entries, codes2 + i, low2, high2);
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
    Widen(low2, both_low2, odd_low2);
    Widen(high2, both_high2, odd_high2);
  }
  InOrderTwo(both_low, odd_low, both_high, odd_high, both_low2, odd_low2, both_high2, odd_high2, some, use);
}
#endif

// The sums of one group for two queries, which share what is read of the codes and how they are taken apart: five operations
// a vector of codes and a query where one alone takes seven. use(sums, first, which) gets sums as from InOrder, of
// query 0 or 1; `some` as for InOrderTwo, where the target has it.
template <class Some, class Use>
HWY_INLINE void SumForTwo(const std::uint8_t* HWY_RESTRICT codes, const std::uint8_t* HWY_RESTRICT table,
                          const std::uint8_t* HWY_RESTRICT table2, std::size_t bytes, const Some& some,
                          const Use& use) {
  const U8 d;
  const U16 d16;
  const std::size_t step = hn::Lanes(d);
  auto both_low = hn::Zero(d16), odd_low = both_low, both_high = both_low, odd_high = both_low;
  auto both_low2 = both_low, odd_low2 = both_low, both_high2 = both_low, odd_high2 = both_low;
  std::size_t at = 0;
  while (at < bytes) {
    auto low = hn::Zero(d), high = low, low2 = low, high2 = low;
    const auto look_up = [&](std::size_t i) HWY_ATTR {
      auto low_codes = hn::Zero(d), high_codes = low_codes;
      LoadCodes(codes + i, low_codes, high_codes);
      const auto entries = hn::LoadU(d, table + i);
      low = hn::Add(low, hn::TableLookupBytes(entries, low_codes));
      high = hn::Add(high, hn::TableLookupBytes(entries, high_codes));
      const auto entries2 = hn::LoadU(d, table2 + i);
      low2 = hn::Add(low2, hn::TableLookupBytes(entries2, low_codes));
      high2 = hn::Add(high2, hn::TableLookupBytes(entries2, high_codes));
    };
    const std::size_t end = std::min(bytes, at + kAtOnce * step);
    if (HWY_LIKELY(end - at == kAtOnce * step)) {
      for (std::size_t i = 0; i < kAtOnce; ++i) look_up(at + i * step);
    } else {
      for (std::size_t i = at; i < end; i += step) look_up(i);
    }
    at = end;
    Widen(low, both_low, odd_low);
    Widen(high, both_high, odd_high);
    Widen(low2, both_low2, odd_low2);
    Widen(high2, both_high2, odd_high2);
  }
#if defined(LEAFSCAN_SCANS_PAIRS)
  InOrderTwo(both_low, odd_low, both_high, odd_high, both_low2, odd_low2, both_high2, odd_high2, some,
             [&](hn::Vec<S16> sums, std::size_t which) HWY_ATTR { use(sums, std::size_t{0}, which); });
#else
  (void)some;
  InOrder(both_low, odd_low, both_high, odd_high,
          [&](hn::Vec<S16> sums, std::size_t first) HWY_ATTR { use(sums, first, std::size_t{0}); });
  InOrder(both_low2, odd_low2, both_high2, odd_high2,
          [&](hn::Vec<S16> sums, std::size_t first) HWY_ATTR { use(sums, first, std::size_t{1}); });
#endif
}

// What sums become: terms come off, and those above a bound are kept.
template <bool kTerms>
HWY_INLINE hn::Vec<S16> Scores(hn::Vec<S16> sums, const std::int16_t* terms, std::int16_t term_factor) {
  if constexpr (kTerms) {
    const S16 d;
    const auto product = hn::MulFixedPoint15(hn::LoadU(d, terms), hn::Set(d, term_factor));
    return hn::Max(hn::Set(d, std::int16_t{-32767}), hn::SaturatedSub(sums, product));
  } else {
    (void)terms;
    (void)term_factor;
    return sums;
  }
}

// The bits of points first, first + 1, ... whose scores are above the bound, and these scores.
HWY_INLINE std::uint32_t Hits(hn::Vec<S16> scores, hn::Vec<S16> below, std::size_t first, std::int16_t* HWY_RESTRICT out) {
  const S16 d;
  const auto above = hn::Gt(scores, below);
  if (HWY_LIKELY(hn::AllFalse(d, above))) return 0;
  hn::Store(scores, d, out + first);
  std::uint8_t bits[8] = {};  // at least as many bytes as StoreMaskBits writes
  hn::StoreMaskBits(d, above, bits);
  std::uint32_t word;
  std::memcpy(&word, bits, sizeof(word));
  return word << first;
}

// Writes the keys of a group's hits, and returns where the next one goes.
HWY_INLINE std::uint64_t* KeepHits(std::uint32_t hits, const GroupRun& run, std::size_t group, std::int32_t bias,
                                   const std::int16_t* HWY_RESTRICT scores, std::uint64_t* key) {
  const std::size_t first = group * kGroupPoints;
  for (hits &= run.live[group]; hits != 0; hits &= hits - 1) {
    const auto j = static_cast<std::size_t>(std::countr_zero(hits));
    const std::uint32_t row =
        run.rows != nullptr ? run.rows[first + j] : run.first_row + static_cast<std::uint32_t>(first + j);
    *key++ = SurvivorKey(bias + scores[j], row);
  }
  return key;
}

// The largest score that is not kept, where a score is what is left after `bias`.
HWY_INLINE std::int16_t Below(std::int32_t threshold, std::int32_t bias) {
  const std::int64_t wanted = static_cast<std::int64_t>(threshold) - bias;
  return static_cast<std::int16_t>(std::clamp<std::int64_t>(wanted - 1, -32768, 32767));
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
