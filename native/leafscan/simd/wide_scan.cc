#include "leafscan/simd/wide_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/wide_scan.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "leafscan/core/prefetch.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_HAVE_SCALABLE
using U8 = hn::CappedTag<std::uint8_t, 16>;
#else
using U8 = hn::CappedTag<std::uint8_t, kWideBlockBytes>;
#endif
using U16 = hn::RepartitionToWide<U8>;
using S16 = hn::RebindToSigned<U16>;

// table[code] of every code.
HWY_INLINE hn::Vec<U8> LookUp(const std::uint8_t* HWY_RESTRICT table, hn::Vec<U8> codes) {
  const U8 d;
  const auto low = hn::And(codes, hn::Set(d, std::uint8_t{15}));
  const auto bit4 = hn::TestBit(codes, hn::Set(d, std::uint8_t{16}));
  const auto bit5 = hn::TestBit(codes, hn::Set(d, std::uint8_t{32}));
  const auto bit6 = hn::TestBit(codes, hn::Set(d, std::uint8_t{64}));
  const auto bit7 = hn::TestBit(codes, hn::Set(d, std::uint8_t{128}));
  const auto sixteen = [&](std::size_t i) HWY_ATTR {
    return hn::TableLookupBytes(hn::LoadDup128(d, table + i * 16), low);
  };
  const auto of_two = [&](std::size_t i) HWY_ATTR { return hn::IfThenElse(bit4, sixteen(i + 1), sixteen(i)); };
  const auto of_four = [&](std::size_t i) HWY_ATTR { return hn::IfThenElse(bit5, of_two(i + 2), of_two(i)); };
  const auto of_eight = [&](std::size_t i) HWY_ATTR { return hn::IfThenElse(bit6, of_four(i + 4), of_four(i)); };
  return hn::IfThenElse(bit7, of_eight(8), of_eight(0));
}

// Gives use(sums, first) the sums of points first, first + 1, ... until all 32 were given; fetches `ahead`, a group, where
// it is not null.
template <class Use>
HWY_INLINE void SumGroup(const std::uint8_t* HWY_RESTRICT codes, const std::uint8_t* HWY_RESTRICT table,
                         std::size_t blocks, const std::uint8_t* ahead, const Use& use) {
  const U8 d;
  const U16 d16;
  const S16 ds;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t first = 0; first < kGroupPoints; first += lanes) {
    // Of pairs of points: both is the sum of the even one plus 256 times that of the odd one.
    auto both = hn::Zero(d16), odd = hn::Zero(d16);
    for (std::size_t block = 0; block < blocks; ++block) {
      const auto entries = hn::BitCast(d16, LookUp(table + block * kWideWords,
                                                   hn::LoadU(d, codes + block * kWideBlockBytes + first)));
      both = hn::Add(both, entries);
      odd = hn::Add(odd, hn::ShiftRight<8>(entries));
      if (ahead != nullptr && first == 0) PrefetchFar(ahead + block * kWideBlockBytes);
    }
    const auto even = hn::Sub(both, hn::ShiftLeft<8>(odd));
    const auto lower = hn::InterleaveLower(d16, even, odd);
    const auto upper = hn::InterleaveUpper(d16, even, odd);
#if !HWY_HAVE_SCALABLE
    if constexpr (hn::MaxLanes(d) == 32) {
      use(hn::BitCast(ds, hn::ConcatLowerLower(d16, upper, lower)), std::size_t{0});
      use(hn::BitCast(ds, hn::ConcatUpperUpper(d16, upper, lower)), std::size_t{16});
      continue;
    }
#endif
    use(hn::BitCast(ds, lower), first);
    use(hn::BitCast(ds, upper), first + lanes / 2);
  }
}

template <bool kTerms>
ScanProgress Scan(const GroupRun& run, const ScanTable& table, std::int32_t threshold, std::span<std::uint64_t> keys) {
  const S16 d;
  const std::size_t bytes = table.padded_blocks * kWideBlockBytes;
  // What no score can reach is not looked up.
  const std::int64_t wanted = static_cast<std::int64_t>(threshold) - run.bias;
  const bool none = wanted > 32767;
  const auto below = hn::Set(d, static_cast<std::int16_t>(std::clamp<std::int64_t>(wanted - 1, -32768, 32766)));
  const auto floor = hn::Set(d, std::int16_t{-32767});
  const auto factor = hn::Set(d, table.term_factor);
  HWY_ALIGN std::int16_t scores[kGroupPoints];
  std::uint64_t* key = keys.data();
  const std::uint64_t* const full = key + keys.size();
  ScanProgress done;
  for (; done.groups < run.groups && (none || full - key >= static_cast<std::ptrdiff_t>(kGroupPoints)); ++done.groups) {
    const std::size_t group = done.groups;
    if (run.sparse && run.live[group] == 0) continue;
    const std::uint8_t* ahead = nullptr;
    if (run.ahead != nullptr && !none) {
      ahead = run.ahead[done.read].codes;
      if constexpr (kTerms) PrefetchFar(run.ahead[done.read].terms);
    }
    ++done.read;
    if (none) continue;
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
    SumGroup(run.codes + group * bytes, table.entries, table.padded_blocks, ahead, look);
    hits &= run.live[group];
    const std::size_t first = group * kGroupPoints;
    for (; hits != 0; hits &= hits - 1) {
      const auto j = static_cast<std::size_t>(std::countr_zero(hits));
      const std::uint32_t row =
          run.rows != nullptr ? run.rows[first + j] : run.first_row + static_cast<std::uint32_t>(first + j);
      *key++ = SurvivorKey(run.bias + scores[j], row);
    }
  }
  done.kept = static_cast<std::size_t>(key - keys.data());
  return done;
}

ScanProgress ScanWidePlain(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                           std::span<std::uint64_t> keys) {
  return Scan<false>(run, table, threshold, keys);
}
ScanProgress ScanWideWithTerms(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                               std::span<std::uint64_t> keys) {
  return Scan<true>(run, table, threshold, keys);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(ScanWidePlain);
HWY_EXPORT(ScanWideWithTerms);

ScanProgress ScanWideGroups(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                            std::span<std::uint64_t> keys) {
  return run.terms == nullptr ? HWY_DYNAMIC_DISPATCH(ScanWidePlain)(run, table, threshold, keys)
                              : HWY_DYNAMIC_DISPATCH(ScanWideWithTerms)(run, table, threshold, keys);
}

}  // namespace leafscan
#endif
