#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "leafscan/simd/best_scores.h"

namespace leafscan::reference {

inline std::vector<float> FoldScores(std::span<const float> scores, std::size_t run) {
  std::vector<float> maxima;
  for (std::size_t first = 0; first < scores.size(); first += run * kScoreLanes) {
    for (std::size_t lane = 0; lane < kScoreLanes; ++lane) {
      float most = -std::numeric_limits<float>::infinity();
      for (std::size_t i = 0; i < run && first + i * kScoreLanes < scores.size(); ++i) {
        most = std::max(most, scores[first + i * kScoreLanes + lane]);
      }
      maxima.push_back(most);
    }
  }
  return maxima;
}

// CutScores by the book: folds, then bisects in the same steps.
inline float CutScores(std::span<const float> scores, std::size_t wanted) {
  std::vector<float> maxima = FoldScores(scores, std::max<std::size_t>(scores.size() / (4 * wanted), 1));
  const auto finite = std::count_if(maxima.begin(), maxima.end(),
                                    [](float value) { return value > -std::numeric_limits<float>::infinity(); });
  if (static_cast<std::size_t>(finite) < wanted) maxima.assign(scores.begin(), scores.end());
  float low = std::numeric_limits<float>::infinity();
  float high = -low;
  for (const float value : maxima) {
    high = std::max(high, value);
    if (value > -std::numeric_limits<float>::infinity()) low = std::min(low, value);
  }
  for (int step = 0; step < 12; ++step) {
    const float middle = 0.5f * low + 0.5f * high;
    const auto reached = static_cast<std::size_t>(
        std::count_if(maxima.begin(), maxima.end(), [&](float value) { return value >= middle; }));
    if (reached < wanted) {
      high = middle;
      continue;
    }
    low = middle;
    if (reached <= wanted + wanted / 16) break;
  }
  return low;
}

inline std::vector<std::uint32_t> ListScores(std::span<const float> scores, float cut) {
  std::vector<std::uint32_t> places;
  for (std::size_t place = 0; place < scores.size(); ++place) {
    if (scores[place] >= cut) places.push_back(static_cast<std::uint32_t>(place));
  }
  return places;
}

inline std::vector<std::uint32_t> RankScores(std::span<const float> scores) {
  std::vector<std::uint32_t> ranks(scores.size(), 0);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    for (std::size_t j = 0; j < scores.size(); ++j) {
      ranks[i] += scores[j] > scores[i] || (scores[j] == scores[i] && j < i) ? 1 : 0;
    }
  }
  return ranks;
}

}  // namespace leafscan::reference
