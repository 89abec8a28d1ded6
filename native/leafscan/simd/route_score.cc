#include "leafscan/simd/route_score.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "leafscan/simd/route_score_vnni.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/route_score.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using I32 = hn::CappedTag<std::int32_t, kRouteLanes>;
using I16 = hn::RepartitionToNarrow<I32>;
using I8 = hn::Repartition<std::int8_t, I32>;

#undef LEAFSCAN_HAS_MADDUBS
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
#define LEAFSCAN_HAS_MADDUBS 1
#else
#define LEAFSCAN_HAS_MADDUBS 0
#endif

#if LEAFSCAN_HAS_MADDUBS

// Bytes of a table by components of a query; lane j holds the sum of pair j, which fits 16 bits.
HWY_INLINE hn::Vec<I16> PairSums(hn::Vec<I8> bytes, hn::Vec<I8> query) {
#if HWY_TARGET <= HWY_AVX3
  return hn::Vec<I16>{_mm512_maddubs_epi16(bytes.raw, query.raw)};
#elif HWY_TARGET <= HWY_AVX2
  return hn::Vec<I16>{_mm256_maddubs_epi16(bytes.raw, query.raw)};
#else
  return hn::Vec<I16>{_mm_maddubs_epi16(bytes.raw, query.raw)};
#endif
}

// Lane j gains the four products of its centroid; the offset is in them.
HWY_INLINE hn::Vec<I32> AddQuads(hn::Vec<I8> bytes, hn::Vec<I8> query, hn::Vec<I32> sum) {
  const I32 d;
  const I16 d16;
  auto unused = hn::Zero(d);  // x86 puts both products of a pair into the first sum
  return hn::ReorderWidenMulAccumulate(d, PairSums(bytes, query), hn::Set(d16, std::int16_t{1}), sum, unused);
}

#else

// Lane j gains the four products of its centroid, from which the offset is taken first.
HWY_INLINE hn::Vec<I32> AddQuads(hn::Vec<I8> bytes, hn::Vec<I8> query, hn::Vec<I32> sum) {
  const I32 d;
  const I16 d16;
  const I8 d8;
  const auto both = hn::BitCast(d16, hn::Xor(bytes, hn::Set(d8, std::int8_t{-128})));
  const auto by = hn::BitCast(d16, query);
  const auto even = hn::Mul(hn::ShiftRight<8>(hn::ShiftLeft<8>(both)), hn::ShiftRight<8>(hn::ShiftLeft<8>(by)));
  const auto odd = hn::Mul(hn::ShiftRight<8>(both), hn::ShiftRight<8>(by));
  const auto pairs = hn::BitCast(d, hn::Add(even, odd));
  return hn::Add(sum, hn::Add(hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs)), hn::ShiftRight<16>(pairs)));
}

#endif

HWY_INLINE hn::Vec<I8> QuadOf(const std::int8_t* query, std::size_t quad) {
  std::int32_t all;
  std::memcpy(&all, query + kRouteDepth * quad, sizeof(all));
  return hn::BitCast(I8(), hn::Set(I32(), all));
}

// Four groups share what is broadcast of the query.
void FourGroups(const std::uint8_t* table, std::size_t group_size, const std::int8_t* query, std::size_t quads,
                std::int32_t begin, std::int32_t* out) {
  const I32 d;
  const I8 d8;
  const auto start = hn::Set(d, begin);
  const auto* at = reinterpret_cast<const std::int8_t*>(table);
  for (std::size_t first = 0; first < kRouteLanes; first += hn::Lanes(d)) {
    auto s0 = start, s1 = start, s2 = start, s3 = start;
    for (std::size_t quad = 0; quad < quads; ++quad) {
      const auto q = QuadOf(query, quad);
      const std::int8_t* from = at + (quad * kRouteLanes + first) * kRouteDepth;
      s0 = AddQuads(hn::LoadU(d8, from), q, s0);
      s1 = AddQuads(hn::LoadU(d8, from + group_size), q, s1);
      s2 = AddQuads(hn::LoadU(d8, from + 2 * group_size), q, s2);
      s3 = AddQuads(hn::LoadU(d8, from + 3 * group_size), q, s3);
    }
    hn::StoreU(s0, d, out + first);
    hn::StoreU(s1, d, out + first + kRouteLanes);
    hn::StoreU(s2, d, out + first + 2 * kRouteLanes);
    hn::StoreU(s3, d, out + first + 3 * kRouteLanes);
  }
}

void OneGroup(const std::uint8_t* table, const std::int8_t* query, std::size_t quads, std::int32_t begin,
              std::int32_t* out) {
  const I32 d;
  const I8 d8;
  const auto start = hn::Set(d, begin);
  const auto* at = reinterpret_cast<const std::int8_t*>(table);
  for (std::size_t first = 0; first < kRouteLanes; first += hn::Lanes(d)) {
    auto sum = start;
    for (std::size_t quad = 0; quad < quads; ++quad) {
      sum = AddQuads(hn::LoadU(d8, at + (quad * kRouteLanes + first) * kRouteDepth), QuadOf(query, quad), sum);
    }
    hn::StoreU(sum, d, out + first);
  }
}

void Scores(std::span<const std::uint8_t> table, std::span<const std::int8_t> queries,
            std::span<const std::int32_t> sums, std::span<std::int32_t> out) {
  const std::size_t count = sums.size();
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  if (UsesVnni()) {
    RouteScoresVnni(table, queries, sums, out);
    return;
  }
#endif
  const std::size_t size = queries.size() / count;
  const std::size_t quads = size / kRouteDepth;
  const std::size_t group_size = quads * kRouteDepth * kRouteLanes;
  const std::size_t leaves = out.size() / count;
  // What takes the offset out of a sum, where it is in there.
  const auto begin_of = [&](std::size_t query) { return LEAFSCAN_HAS_MADDUBS ? -kRouteOffset * sums[query] : 0; };
  std::size_t leaf = 0;
  for (; leaf + 4 * kRouteLanes <= leaves; leaf += 4 * kRouteLanes) {
    const std::uint8_t* at = table.data() + leaf / kRouteLanes * group_size;
    for (std::size_t query = 0; query < count; ++query) {
      FourGroups(at, group_size, queries.data() + query * size, quads, begin_of(query),
                 out.data() + query * leaves + leaf);
    }
  }
  for (; leaf < leaves; leaf += kRouteLanes) {
    const std::uint8_t* at = table.data() + leaf / kRouteLanes * group_size;
    for (std::size_t query = 0; query < count; ++query) {
      OneGroup(at, queries.data() + query * size, quads, begin_of(query), out.data() + query * leaves + leaf);
    }
  }
}

void LeafScoresOf(const LeafScores& of, std::size_t leaves, std::span<float> scores) {
  const I32 di;
  const hn::RebindToFloat<I32> d;
  const auto worth = hn::Set(d, of.worth);
  const auto weight = hn::Set(d, of.weight);
  const auto lowest = hn::Set(d, std::numeric_limits<float>::lowest());
  const auto highest = hn::Set(d, std::numeric_limits<float>::max());
  const std::size_t padded = (leaves + kRouteLanes - 1) / kRouteLanes * kRouteLanes;
  for (std::size_t leaf = 0; leaf < padded; leaf += hn::Lanes(d)) {
    const auto product = hn::ConvertTo(d, hn::LoadU(di, of.products.data() + leaf));
    auto score = hn::Add(hn::Mul(product, worth), hn::Mul(hn::LoadU(d, of.addends.data() + leaf), weight));
    score = hn::IfThenElse(hn::Eq(score, score), score, lowest);
    hn::StoreU(hn::Min(hn::Max(score, lowest), highest), d, scores.data() + leaf);
  }
  std::fill(scores.data() + leaves, scores.data() + padded, -std::numeric_limits<float>::infinity());
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(Scores);
HWY_EXPORT(LeafScoresOf);

void RouteScores(std::span<const std::uint8_t> table, std::span<const std::int8_t> queries,
                 std::span<const std::int32_t> sums, std::span<std::int32_t> out) {
  if (!out.empty()) HWY_DYNAMIC_DISPATCH(Scores)(table, queries, sums, out);
}

void ScoreLeaves(const LeafScores& of, std::size_t leaves, std::span<float> scores) {
  HWY_DYNAMIC_DISPATCH(LeafScoresOf)(of, leaves, scores);
}

}  // namespace leafscan
#endif
