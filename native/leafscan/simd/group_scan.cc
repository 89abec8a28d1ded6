// Scans groups of codes; the arithmetic is in group_sums-inl.h.
#include "leafscan/simd/group_scan.h"

#include <algorithm>

#include "leafscan/simd/wide_scan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/group_scan.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "leafscan/simd/group_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {

template <bool kTerms, bool kSparse>
ScanProgress Scan(const GroupRun& run, const ScanTable& table, std::int32_t threshold, std::span<std::uint64_t> keys) {
  const S16 d;
  const std::size_t bytes = table.padded_blocks * kBlockBytes;
  const auto below = hn::Set(d, Below(threshold, run.bias));
  HWY_ALIGN std::int16_t scores[kGroupPoints];
  std::uint64_t* key = keys.data();
  const std::uint64_t* const full = key + keys.size();
  const GroupAddress* ahead = run.ahead;
  std::size_t group = 0;
  std::size_t read = 0;
  const auto terms_of = [&](std::size_t of, std::size_t first) HWY_ATTR {
    return kTerms ? run.terms + of * kGroupPoints + first : nullptr;
  };
  const auto room = [&](std::size_t groups) HWY_ATTR {
    return full - key >= static_cast<std::ptrdiff_t>(groups * kGroupPoints);
  };
#if defined(LEAFSCAN_SCANS_PAIRS)
  if constexpr (!kSparse) {
    const auto some = [&](hn::Vec<S16> a, hn::Vec<S16> b) HWY_ATTR {
      return kTerms || !hn::AllFalse(d, hn::Or(hn::Gt(a, below), hn::Gt(b, below)));
    };
    for (; group + 2 <= run.groups && room(2); group += 2) {
      if constexpr (kTerms) {
        if (ahead != nullptr) {
          PrefetchFar(ahead[group].terms);
          PrefetchFar(ahead[group + 1].terms);
        }
      }
      const auto keep = [&](hn::Vec<S16> sums, std::size_t which) HWY_ATTR {
        const std::size_t of = group + which;
        const std::uint32_t hits = Hits(Scores<kTerms>(sums, terms_of(of, 0), table.term_factor), below, 0, scores);
        if (hits != 0) key = KeepHits(hits, run, of, run.bias, scores, key);
      };
      SumPair(run.codes + group * bytes, table.entries, bytes, ahead == nullptr ? nullptr : ahead + group, some, keep);
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
    std::uint32_t hits = 0;
    SumGroup(run.codes + group * bytes, table.entries, bytes, next, [&](hn::Vec<S16> sums, std::size_t first) HWY_ATTR {
      hits |= Hits(Scores<kTerms>(sums, terms_of(group, first), table.term_factor), below, first, scores);
    });
    if (HWY_UNLIKELY(hits != 0)) key = KeepHits(hits, run, group, run.bias, scores, key);
  }
  ScanProgress done;
  done.groups = group;
  done.read = read;
  done.kept = static_cast<std::size_t>(key - keys.data());
  return done;
}

template <bool kTerms>
PairProgress ScanTwo(const GroupRun& run, const PairQuery& first, const PairQuery& second) {
  const S16 d;
  const std::size_t bytes = first.table.padded_blocks * kBlockBytes;
  const PairQuery* const queries[2] = {&first, &second};
  const auto below = hn::Set(d, Below(first.threshold, first.bias));
  const auto below2 = hn::Set(d, Below(second.threshold, second.bias));
#if defined(LEAFSCAN_SCANS_PAIRS)
  const auto in_turns = hn::OddEvenBlocks(below2, below);
  const auto some = [&](hn::Vec<S16> a, hn::Vec<S16> b) HWY_ATTR {
    return kTerms || !hn::AllFalse(d, hn::Or(hn::Gt(a, in_turns), hn::Gt(b, in_turns)));
  };
#else
  constexpr auto some = nullptr;
#endif
  HWY_ALIGN std::int16_t scores[2][kGroupPoints];
  std::uint64_t* keys[2] = {first.keys.data(), second.keys.data()};
  const auto room = [&](std::size_t which) HWY_ATTR {
    const std::span<std::uint64_t> all = queries[which]->keys;
    return all.data() + all.size() - keys[which] >= static_cast<std::ptrdiff_t>(kGroupPoints);
  };
  PairProgress done;
  for (; done.groups < run.groups && room(0) && room(1); ++done.groups) {
    std::uint32_t hits[2] = {0, 0};
    const auto look = [&](hn::Vec<S16> sums, std::size_t point, std::size_t which) HWY_ATTR {
      const std::int16_t* terms = kTerms ? run.terms + done.groups * kGroupPoints + point : nullptr;
      hits[which] |= Hits(Scores<kTerms>(sums, terms, queries[which]->table.term_factor), which == 0 ? below : below2,
                          point, scores[which]);
    };
    SumForTwo(run.codes + done.groups * bytes, first.table.entries, second.table.entries, bytes, some, look);
    for (std::size_t which = 0; which < 2; ++which) {
      if (hits[which] == 0) continue;
      keys[which] = KeepHits(hits[which], run, done.groups, queries[which]->bias, scores[which], keys[which]);
    }
  }
  done.kept[0] = static_cast<std::size_t>(keys[0] - first.keys.data());
  done.kept[1] = static_cast<std::size_t>(keys[1] - second.keys.data());
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
PairProgress ScanTwoPlain(const GroupRun& run, const PairQuery& first, const PairQuery& second) {
  return ScanTwo<false>(run, first, second);
}
PairProgress ScanTwoWithTerms(const GroupRun& run, const PairQuery& first, const PairQuery& second) {
  return ScanTwo<true>(run, first, second);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(ScanPlain);
HWY_EXPORT(ScanWithTerms);
HWY_EXPORT(ScanTwoPlain);
HWY_EXPORT(ScanTwoWithTerms);

ScanProgress ScanGroups(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                        std::span<std::uint64_t> keys) {
  if (table.words == kWideWords) return ScanWideGroups(run, table, threshold, keys);
  return run.terms == nullptr ? HWY_DYNAMIC_DISPATCH(ScanPlain)(run, table, threshold, keys)
                              : HWY_DYNAMIC_DISPATCH(ScanWithTerms)(run, table, threshold, keys);
}

PairProgress ScanGroupsForTwo(const GroupRun& run, const PairQuery& first, const PairQuery& second) {
  if (first.table.words == kWideWords) return ScanWideGroupsForTwo(run, first, second);
  return run.terms == nullptr ? HWY_DYNAMIC_DISPATCH(ScanTwoPlain)(run, first, second)
                              : HWY_DYNAMIC_DISPATCH(ScanTwoWithTerms)(run, first, second);
}

}  // namespace leafscan
#endif
