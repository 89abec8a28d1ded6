#include "leafscan/train/balance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

// The share of the way to what the sizes ask for that handicaps go in a round.
constexpr double kApproach = 0.3;
// Smaller clusters than this share of the mean are not favoured further.
constexpr double kLeastShare = 0.1;
// Handicaps are too strong where clusters are this much less even than they were.
constexpr double kTooUneven = 1.2;
constexpr std::size_t kSample = 512;
constexpr double kLargestMargin = 1e30;

}  // namespace

void Balance::Update(std::span<const std::size_t> sizes) {
  double rows = 0.0;
  double squares = 0.0;
  for (const std::size_t size : sizes) {
    rows += static_cast<double>(size);
    squares += static_cast<double>(size) * static_cast<double>(size);
  }
  const double mean = rows / static_cast<double>(sizes.size());
  const double unevenness = squares / (mean * rows);
  if (unevenness > kTooUneven * least_uneven_) {
    strength_ *= 0.5;
    for (float& handicap : handicaps_) handicap *= 0.5f;
  }
  least_uneven_ = std::min(least_uneven_, unevenness);
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    const double share = std::max(static_cast<double>(sizes[c]) / mean, kLeastShare);
    const double wanted = strength_ * margin_ * std::log(share);
    handicaps_[c] = static_cast<float>(handicaps_[c] + kApproach * (wanted - handicaps_[c]));
  }
}

double MeanMargin(const RowSource& points, const MatrixView<float>& centroids, int threads) {
  if (centroids.rows < 2) return 0.0;
  const std::size_t sample = std::min(kSample, points.size());
  std::vector<double> margins(sample);
  ParallelFor(sample, threads, [&](std::size_t i) {
    AlignedVector<float> point(points.dim());
    AlignedVector<float> scores(centroids.rows);
    points.Read(i * points.size() / sample, point.data());
    ScoreRowRange(Metric::kSquaredL2, point.data(), centroids, 0, centroids.rows, scores.data());
    float first = std::max(scores[0], scores[1]);
    float second = std::min(scores[0], scores[1]);
    for (std::size_t c = 2; c < scores.size(); ++c) {
      second = std::max(second, std::min(first, scores[c]));
      first = std::max(first, scores[c]);
    }
    // Squares of the largest numbers overflow; such rows tell nothing.
    const double margin = static_cast<double>(first) - second;
    margins[i] = margin < kLargestMargin ? margin : 0.0;
  });
  return std::accumulate(margins.begin(), margins.end(), 0.0) / static_cast<double>(sample);
}

}  // namespace leafscan
