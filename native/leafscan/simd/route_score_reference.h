#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "leafscan/simd/route_score.h"

namespace leafscan::reference {

// The inner product of one query with one centroid of a route table.
inline std::int64_t RouteScore(std::span<const std::uint8_t> table, std::span<const std::int8_t> query,
                               std::size_t centroid) {
  const std::size_t quads = query.size() / kRouteDepth;
  const std::size_t group = centroid / kRouteLanes;
  const std::size_t lane = centroid % kRouteLanes;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const std::size_t quad = group * quads + i / kRouteDepth;
    const int component = table[(quad * kRouteLanes + lane) * kRouteDepth + i % kRouteDepth] - kRouteOffset;
    sum += static_cast<std::int64_t>(query[i]) * component;
  }
  return sum;
}

// A leaf's score as ScoreLeaves takes it, in the same float operations.
inline float LeafScore(const LeafScores& scores, std::size_t leaf) {
  const float product = static_cast<float>(scores.products[leaf]) * scores.worth;
  const float addend = scores.addends[leaf] * scores.weight;
  const float score = product + addend;
  if (std::isnan(score)) return std::numeric_limits<float>::lowest();
  return std::clamp(score, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
}

}  // namespace leafscan::reference
