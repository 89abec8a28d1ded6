#include "leafscan/simd/route_score.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "leafscan/core/score_key.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/route_score.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using I32 = hn::CappedTag<std::int32_t, kRouteLanes>;
using I16 = hn::RepartitionToNarrow<I32>;

// Lane j gains a[2j] * b[2j] + a[2j + 1] * b[2j + 1].
HWY_INLINE hn::Vec<I32> AddPairs(hn::Vec<I16> a, hn::Vec<I16> b, hn::Vec<I32> sum) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  const I32 d;
  auto unused = hn::Zero(d);  // x86 puts both products of a pair into the first sum
  return hn::ReorderWidenMulAccumulate(d, a, b, sum, unused);
#else
  const I32 d;
  const auto a32 = hn::BitCast(d, a), b32 = hn::BitCast(d, b);
  const auto even = hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a32)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b32)));
  const auto odd = hn::Mul(hn::ShiftRight<16>(a32), hn::ShiftRight<16>(b32));
  return hn::Add(sum, hn::Add(even, odd));
#endif
}

void Scores(std::span<const std::int16_t> table, std::span<const std::int16_t> query, std::span<std::int32_t> out) {
  const I32 d;
  const I16 d16;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t pairs = query.size() / 2;
  const std::size_t group_size = pairs * 2 * kRouteLanes;
  const std::size_t groups = out.size() / kRouteLanes;
  const auto pair_of = [&](std::size_t pair) HWY_ATTR {
    std::int32_t both;
    std::memcpy(&both, query.data() + 2 * pair, sizeof(both));
    return hn::BitCast(d16, hn::Set(d, both));
  };
  std::size_t group = 0;
  // Four groups share what is broadcast of the query.
  for (; group + 4 <= groups; group += 4) {
    const std::int16_t* at = table.data() + group * group_size;
    for (std::size_t first = 0; first < kRouteLanes; first += lanes) {
      auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        const auto q = pair_of(pair);
        const std::int16_t* from = at + (pair * kRouteLanes + first) * 2;
        s0 = AddPairs(hn::LoadU(d16, from), q, s0);
        s1 = AddPairs(hn::LoadU(d16, from + group_size), q, s1);
        s2 = AddPairs(hn::LoadU(d16, from + 2 * group_size), q, s2);
        s3 = AddPairs(hn::LoadU(d16, from + 3 * group_size), q, s3);
      }
      std::int32_t* to = out.data() + group * kRouteLanes + first;
      hn::StoreU(s0, d, to);
      hn::StoreU(s1, d, to + kRouteLanes);
      hn::StoreU(s2, d, to + 2 * kRouteLanes);
      hn::StoreU(s3, d, to + 3 * kRouteLanes);
    }
  }
  for (; group < groups; ++group) {
    const std::int16_t* at = table.data() + group * group_size;
    for (std::size_t first = 0; first < kRouteLanes; first += lanes) {
      auto sum = hn::Zero(d);
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        sum = AddPairs(hn::LoadU(d16, at + (pair * kRouteLanes + first) * 2), pair_of(pair), sum);
      }
      hn::StoreU(sum, d, out.data() + group * kRouteLanes + first);
    }
  }
}

KeepProgress Keep(const LeafScores& of, std::size_t first, std::size_t leaves, float least,
                  std::span<std::uint64_t> keys) {
  const I32 di;
  const hn::RebindToFloat<I32> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto worth = hn::Set(d, of.worth);
  const auto weight = hn::Set(d, of.weight);
  const auto bound = hn::Set(d, least);
  const auto lowest = hn::Set(d, std::numeric_limits<float>::lowest());
  const auto highest = hn::Set(d, std::numeric_limits<float>::max());
  std::uint64_t* key = keys.data();
  const std::uint64_t* const full = key + keys.size();
  HWY_ALIGN float scores[kRouteLanes];
  std::size_t leaf = first;
  for (; leaf < leaves && full - key >= static_cast<std::ptrdiff_t>(kRouteLanes); leaf += lanes) {
    const auto product = hn::ConvertTo(d, hn::LoadU(di, of.products.data() + leaf));
    auto score = hn::Add(hn::Mul(product, worth), hn::Mul(hn::LoadU(d, of.addends.data() + leaf), weight));
    score = hn::IfThenElse(hn::Eq(score, score), score, lowest);
    score = hn::Min(hn::Max(score, lowest), highest);
    if (HWY_LIKELY(hn::AllFalse(d, hn::Ge(score, bound)))) continue;
    hn::Store(score, d, scores);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      *key = ScoreKey(scores[lane], static_cast<std::uint32_t>(leaf + lane));
      key += static_cast<int>(scores[lane] >= least) & static_cast<int>(leaf + lane < leaves);
    }
  }
  return {std::min(leaf, leaves) - first, static_cast<std::size_t>(key - keys.data())};
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(Scores);

void RouteScores(std::span<const std::int16_t> table, std::span<const std::int16_t> query,
                 std::span<std::int32_t> out) {
  HWY_DYNAMIC_DISPATCH(Scores)(table, query, out);
}

HWY_EXPORT(Keep);

KeepProgress KeepLeaves(const LeafScores& scores, std::size_t first, std::size_t leaves, float least,
                        std::span<std::uint64_t> keys) {
  return HWY_DYNAMIC_DISPATCH(Keep)(scores, first, leaves, least, keys);
}

}  // namespace leafscan
#endif
