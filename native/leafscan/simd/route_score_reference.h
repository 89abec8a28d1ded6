#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "leafscan/simd/route_score.h"

namespace leafscan::reference {

// The inner product of the query with one centroid of a route table.
inline std::int64_t RouteScore(std::span<const std::int16_t> table, std::span<const std::int16_t> query,
                               std::size_t centroid) {
  const std::size_t group = centroid / kRouteLanes;
  const std::size_t lane = centroid % kRouteLanes;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const std::size_t pair = group * (query.size() / 2) + i / 2;
    sum += static_cast<std::int64_t>(query[i]) * table[pair * 2 * kRouteLanes + lane * 2 + i % 2];
  }
  return sum;
}

// A leaf's score as KeepLeaves takes it, in the same float operations.
inline float LeafScore(const LeafScores& scores, std::size_t leaf) {
  const float product = static_cast<float>(scores.products[leaf]) * scores.worth;
  const float addend = scores.addends[leaf] * scores.weight;
  const float score = product + addend;
  if (std::isnan(score)) return std::numeric_limits<float>::lowest();
  return std::clamp(score, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
}

}  // namespace leafscan::reference
