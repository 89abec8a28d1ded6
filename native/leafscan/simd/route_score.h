// Inner products of one query with every centroid in 16-bit integers: exact, so that one query and a batch, and every
// instruction set, take the same leaves.
//
// Cost: one multiply-and-add-pairs and one addition for 8 (AVX2) or 16 (AVX-512) pairs; 2 bytes a component, read from
// the second-level cache at 32 bytes a cycle, which is what bounds it: 16 products a cycle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leafscan {

inline constexpr std::size_t kRouteLanes = 16;

// `table` holds sixteen centroids at a time: table[(group * pairs + pair) * 32 + lane * 2 + half] is component
// 2 * pair + half of centroid 16 * group + lane. `query` has 2 * pairs components; out.size() == 16 * groups. No sum may
// leave 32 bits.
void RouteScores(std::span<const std::int16_t> table, std::span<const std::int16_t> query, std::span<std::int32_t> out);

// A leaf's score is products[leaf] * worth + addends[leaf] * weight, each operation rounded by itself; what overflows is taken
// for the largest or the least finite number, so that every leaf has a place. Both arrays are whole vectors of sixteen.
struct LeafScores {
  std::span<const std::int32_t> products;
  float worth = 1.0f;
  std::span<const float> addends;
  float weight = 0.0f;
};

struct KeepProgress {
  std::size_t leaves = 0;  // looked at
  std::size_t kept = 0;    // keys written
};

// Writes the key (core/score_key.h) of every leaf from `first` on whose score is at least `least`, until all `leaves` are
// done or fewer than sixteen places are left in `keys`. `first` is a multiple of sixteen, or where a call left off.
// Cost: eight operations for a vector of leaves, and a few nanoseconds for each that is kept.
KeepProgress KeepLeaves(const LeafScores& scores, std::size_t first, std::size_t leaves, float least,
                        std::span<std::uint64_t> keys);

}  // namespace leafscan
