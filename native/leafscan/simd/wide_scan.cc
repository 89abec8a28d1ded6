#include "leafscan/simd/wide_scan.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/wide_scan.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "leafscan/simd/group_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {

// A block's codes, or half of them.
#if HWY_HAVE_SCALABLE
using Wide8 = hn::CappedTag<std::uint8_t, 16>;
#else
using Wide8 = hn::CappedTag<std::uint8_t, kWideBlockBytes>;
#endif
using Wide16 = hn::RepartitionToWide<Wide8>;

// table[code] of every code.
HWY_INLINE hn::Vec<Wide8> LookUpWide(const std::uint8_t* HWY_RESTRICT table, hn::Vec<Wide8> codes) {
  const Wide8 d;
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

// Sums in vectors as all scans have them. In each 128 bits `lower` has eight points from `first` on and `upper` the next
// eight; where there are 256, the upper half begins at point 16.
template <class V, class Use>
HWY_INLINE void GiveWide(V lower, V upper, std::size_t first, const Use& use) {
  constexpr hn::DFromV<V> d;
  const S16 ds;
#if !HWY_HAVE_SCALABLE
  if constexpr (hn::MaxLanes(d) == 16) {
    const V start = hn::ConcatLowerLower(d, upper, lower);
    const V end = hn::ConcatUpperUpper(d, upper, lower);
    if constexpr (hn::MaxLanes(S16()) == kGroupPoints) {
      use(hn::BitCast(ds, hn::Combine(hn::Twice<decltype(d)>(), end, start)), std::size_t{0});
    } else {
      use(hn::BitCast(ds, start), std::size_t{0});
      use(hn::BitCast(ds, end), std::size_t{16});
    }
    return;
  }
#endif
  if constexpr (hn::MaxLanes(d) < 16) {
    use(hn::BitCast(ds, lower), first);
    use(hn::BitCast(ds, upper), first + 8);
  }
}

// Gives use(sums, first) the sums of points first, first + 1, ... until all 32 were given; fetches `ahead`, a group, where
// it is not null.
template <class Use>
HWY_INLINE void SumWideGroup(const std::uint8_t* HWY_RESTRICT codes, const std::uint8_t* HWY_RESTRICT table,
                             std::size_t blocks, const std::uint8_t* ahead, const Use& use) {
  const Wide8 d;
  const Wide16 d16;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t first = 0; first < kGroupPoints; first += lanes) {
    // Of pairs of points: both is the sum of the even one plus 256 times that of the odd one.
    auto both = hn::Zero(d16), odd = hn::Zero(d16);
    for (std::size_t block = 0; block < blocks; ++block) {
      const auto entries = hn::BitCast(
          d16, LookUpWide(table + block * kWideWords, hn::LoadU(d, codes + block * kWideBlockBytes + first)));
      both = hn::Add(both, entries);
      odd = hn::Add(odd, hn::ShiftRight<8>(entries));
      if (ahead != nullptr && first == 0) PrefetchFar(ahead + block * kWideBlockBytes);
    }
    const auto even = hn::Sub(both, hn::ShiftLeft<8>(odd));
    GiveWide(hn::InterleaveLower(d16, even, odd), hn::InterleaveUpper(d16, even, odd), first, use);
  }
}

template <bool kTerms>
ScanProgress ScanWide(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                      std::span<std::uint64_t> keys) {
  const S16 d;
  const std::size_t bytes = table.padded_blocks * kWideBlockBytes;
  const auto below = hn::Set(d, Below(threshold, run.bias));
  HWY_ALIGN std::int16_t scores[kGroupPoints];
  std::uint64_t* key = keys.data();
  const std::uint64_t* const full = key + keys.size();
  ScanProgress done;
  for (; done.groups < run.groups && full - key >= static_cast<std::ptrdiff_t>(kGroupPoints); ++done.groups) {
    if (run.sparse && run.live[done.groups] == 0) continue;
    const std::uint8_t* next = nullptr;
    if (run.ahead != nullptr) {
      next = run.ahead[done.read].codes;
      if constexpr (kTerms) PrefetchFar(run.ahead[done.read].terms);
    }
    ++done.read;
    std::uint32_t hits = 0;
    const auto look = [&](hn::Vec<S16> sums, std::size_t first) HWY_ATTR {
      const std::int16_t* terms = kTerms ? run.terms + done.groups * kGroupPoints + first : nullptr;
      hits |= Hits(Scores<kTerms>(sums, terms, table.term_factor), below, first, scores);
    };
    SumWideGroup(run.codes + done.groups * bytes, table.entries, table.padded_blocks, next, look);
    if (hits != 0) key = KeepHits(hits, run, done.groups, run.bias, scores, key);
  }
  done.kept = static_cast<std::size_t>(key - keys.data());
  return done;
}

ScanProgress ScanWidePlain(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                           std::span<std::uint64_t> keys) {
  return ScanWide<false>(run, table, threshold, keys);
}
ScanProgress ScanWideWithTerms(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                               std::span<std::uint64_t> keys) {
  return ScanWide<true>(run, table, threshold, keys);
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

PairProgress ScanWideGroupsForTwo(const GroupRun& run, const PairQuery& first, const PairQuery& second) {
  // Lookups are all the work, and two queries share none of it: the second takes up what the first has scanned.
  const PairQuery* const queries[2] = {&first, &second};
  PairProgress done;
  done.groups = run.groups;
  for (std::size_t which = 0; which < 2; ++which) {
    // No more groups than the keys of both have places for, whatever survives: either may then go through all of them.
    done.groups = std::min(done.groups, queries[which]->keys.size() / kGroupPoints);
  }
  for (std::size_t which = 0; which < 2; ++which) {
    GroupRun part = run;
    part.groups = done.groups;
    part.bias = queries[which]->bias;
    part.sparse = false;
    part.ahead = nullptr;
    done.kept[which] = ScanWideGroups(part, queries[which]->table, queries[which]->threshold, queries[which]->keys).kept;
  }
  return done;
}

}  // namespace leafscan
#endif
