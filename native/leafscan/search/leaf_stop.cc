#include "leafscan/search/leaf_stop.h"

#include <algorithm>
#include <cmath>

#include "leafscan/core/score_key.h"

namespace leafscan {
namespace {

// How much the place of a leaf counts, in deviations.
constexpr double kPlaceWeight = 0.7;

}  // namespace

LeafStop::LeafStop(const IndexArrays& arrays, const IntegerQuery& query, float bound, double shift)
    : metric_(arrays.metric),
      bound_(bound),
      shift_(shift),
      square_(query.square),
      per_dimension_(static_cast<double>(arrays.stop_scales.residual()) / static_cast<double>(arrays.dim)) {
  if (metric_ == Metric::kSquaredL2) {
    offset_ = -arrays.stop_scales.residual();
    variance_ = arrays.stop_scales.variance();
  } else {
    slope_ = arrays.stop_scales.slope();
    variance_ = per_dimension_ * square_;
  }
}

std::size_t LeafStop::Count(std::span<const std::uint64_t> leaves, double kth) const {
  // Once a leaf is not to be read, nor are those behind it, which score no more and come later.
  std::size_t low = std::min(kFirst, leaves.size());
  std::size_t high = leaves.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (Reads(leaves[middle], middle, kth)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool LeafStop::Reads(std::uint64_t leaf, std::size_t place, double kth) const {
  const double left = bound_ - kPlaceWeight * std::log(static_cast<double>(place + 1));
  double score = KeyScore(leaf);
  double variance = variance_;
  if (metric_ == Metric::kSquaredL2) {
    score = std::min(0.0, score - square_);  // -|q - c|^2
    variance -= 4.0 * per_dimension_ * score;
  }
  return kth - (slope_ * score + offset_ + shift_) < left * std::sqrt(variance);
}

}  // namespace leafscan
