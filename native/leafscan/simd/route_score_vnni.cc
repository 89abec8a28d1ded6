#include "leafscan/simd/route_score_vnni.h"

#include <atomic>
#include <cstring>

#include "leafscan/simd/route_score.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#ifdef _MSC_VER
#include <intrin.h>
#endif
#define LEAFSCAN_VNNI 1
#else
#define LEAFSCAN_VNNI 0
#endif

namespace leafscan {
namespace {

std::atomic<bool> vnni_allowed{true};

#if LEAFSCAN_VNNI

#ifdef _MSC_VER
#define LEAFSCAN_VNNI_TARGET
bool HasVnni() {
  int registers[4];
  __cpuidex(registers, 7, 0);
  return (registers[2] >> 11 & 1) != 0;
}
#else
#define LEAFSCAN_VNNI_TARGET __attribute__((target("avx512f,avx512vnni")))
bool HasVnni() { return __builtin_cpu_supports("avx512vnni") != 0; }
#endif

// So many sums are on their way at a time: an instruction's result is four cycles away.
constexpr std::size_t kAtOnce = 8;

template <std::size_t kGroups>
LEAFSCAN_VNNI_TARGET void Groups(const std::uint8_t* table, const std::int8_t* query, std::size_t quads,
                                 std::int32_t begin, std::int32_t* out) {
  const std::size_t group_size = quads * kRouteDepth * kRouteLanes;
  __m512i sums[kGroups];
  for (std::size_t group = 0; group < kGroups; ++group) sums[group] = _mm512_set1_epi32(begin);
  for (std::size_t quad = 0; quad < quads; ++quad) {
    std::int32_t all;
    std::memcpy(&all, query + kRouteDepth * quad, sizeof(all));
    const __m512i q = _mm512_set1_epi32(all);
    const std::uint8_t* from = table + quad * kRouteDepth * kRouteLanes;
    for (std::size_t group = 0; group < kGroups; ++group) {
      sums[group] = _mm512_dpbusd_epi32(sums[group], _mm512_loadu_si512(from + group * group_size), q);
    }
  }
  for (std::size_t group = 0; group < kGroups; ++group) _mm512_storeu_si512(out + group * kRouteLanes, sums[group]);
}

void SomeGroups(std::size_t groups, const std::uint8_t* table, const std::int8_t* query, std::size_t quads,
                std::int32_t begin, std::int32_t* out) {
  switch (groups) {
    case 1: return Groups<1>(table, query, quads, begin, out);
    case 2: return Groups<2>(table, query, quads, begin, out);
    case 3: return Groups<3>(table, query, quads, begin, out);
    case 4: return Groups<4>(table, query, quads, begin, out);
    case 5: return Groups<5>(table, query, quads, begin, out);
    case 6: return Groups<6>(table, query, quads, begin, out);
    case 7: return Groups<7>(table, query, quads, begin, out);
    default: return Groups<kAtOnce>(table, query, quads, begin, out);
  }
}

#endif

}  // namespace

void AllowVnni(bool allowed) { vnni_allowed.store(allowed, std::memory_order_relaxed); }

#if LEAFSCAN_VNNI

bool UsesVnni() {
  static const bool has = HasVnni();
  return has && vnni_allowed.load(std::memory_order_relaxed);
}

void RouteScoresVnni(std::span<const std::uint8_t> table, std::span<const std::int8_t> queries,
                     std::span<const std::int32_t> sums, std::span<std::int32_t> out) {
  const std::size_t count = sums.size();
  const std::size_t size = queries.size() / count;
  const std::size_t quads = size / kRouteDepth;
  const std::size_t leaves = out.size() / count;
  for (std::size_t leaf = 0; leaf < leaves; leaf += kAtOnce * kRouteLanes) {
    const std::size_t groups = (leaves - leaf) / kRouteLanes;
    for (std::size_t query = 0; query < count; ++query) {
      SomeGroups(groups, table.data() + leaf * size, queries.data() + query * size, quads, -kRouteOffset * sums[query],
                 out.data() + query * leaves + leaf);
    }
  }
}

#else

bool UsesVnni() { return false; }
void RouteScoresVnni(std::span<const std::uint8_t>, std::span<const std::int8_t>,
                     std::span<const std::int32_t>, std::span<std::int32_t>) {}

#endif

}  // namespace leafscan
