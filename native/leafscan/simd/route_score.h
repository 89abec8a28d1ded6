// Inner products of queries with every centroid in 8-bit integers: exact, so that one query and a batch, and every
// instruction set, take the same leaves. They tell which centroids are worth a closer look (simd/centroid_score.h).
//
// Cost: 1 byte a component, read from the second-level cache at 32 bytes a cycle, which is what bounds a single query: 32
// products a cycle. Arithmetic takes three operations for 32 (AVX2) or 64 (AVX-512) products, or one for 64 with VNNI. A batch
// reads what fits into the first-level cache once for all of its queries, and is bound by arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leafscan {

inline constexpr std::size_t kRouteLanes = 16;  // centroids side by side
inline constexpr std::size_t kRouteDepth = 4;   // components of each, one after the other
inline constexpr int kRouteOffset = 128;        // a byte of the table is a component and this
// The largest magnitude of a query's component: 255 * 63 * 2 fits 16 bits, where AVX2 adds up pairs.
inline constexpr int kRouteQueryMost = 63;

// `table` holds sixteen centroids at a time: table[(group * quads + quad) * 64 + lane * 4 + part] is kRouteOffset and
// component 4 * quad + part of centroid 16 * group + lane. `queries` holds sums.size() queries of 4 * quads components
// each, within +-kRouteQueryMost, and `sums` the sum of each one's components. Writes out[query * 16 * groups + centroid], the
// product without the offset, where out.size() == sums.size() * 16 * groups. No sum of 128 * |component of a query| may
// leave 32 bits.
void RouteScores(std::span<const std::uint8_t> table, std::span<const std::int8_t> queries,
                 std::span<const std::int32_t> sums, std::span<std::int32_t> out);

// A leaf's score is products[leaf] * worth + addends[leaf] * weight, each operation rounded by itself; what overflows is taken
// for the largest or the least finite number, so that every leaf has a place.
struct LeafScores {
  std::span<const std::int32_t> products;
  float worth = 1.0f;
  std::span<const float> addends;
  float weight = 0.0f;
};

// Writes the scores of the first `leaves` leaves, and -infinity up to a whole vector of sixteen. All arrays are whole
// vectors of sixteen. Cost: nine operations for a vector of leaves.
void ScoreLeaves(const LeafScores& of, std::size_t leaves, std::span<float> scores);

}  // namespace leafscan
