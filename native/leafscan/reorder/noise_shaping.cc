#include "leafscan/reorder/noise_shaping.h"

#include <algorithm>
#include <cmath>

#include "leafscan/train/codebooks.h"

namespace leafscan {

NoiseShaper::NoiseShaper(double threshold, std::size_t dim)
    : threshold_(threshold), taken_(dim, 0), cost_(active() ? dim : 0), step_(active() ? dim : 0) {}

std::span<const std::uint8_t> NoiseShaper::Choose(std::span<const float> row, std::span<const float> nearest,
                                                  std::span<const float> second) {
  const std::size_t dim = row.size();
  std::fill(taken_.begin(), taken_.end(), std::uint8_t{0});
  if (!active()) return taken_;
  double square = 0.0;
  for (const float x : row) square += static_cast<double>(x) * x;
  const double norm = std::sqrt(square);
  const double extra = static_cast<double>(AnisotropicWeight(threshold_, norm, dim)) - 1.0;
  if (!(extra > 0.0) || !(norm > 0.0)) return taken_;
  double along = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double direction = row[i] / norm;
    const double error = static_cast<double>(row[i]) - nearest[i];
    const double other = static_cast<double>(row[i]) - second[i];
    along += error * direction;
    cost_[i] = other * other - error * error;
    step_[i] = (other - error) * direction;
  }
  // No component is worth a second change of mind, so this ends long before the bound.
  for (std::size_t changes = 0; changes < dim; ++changes) {
    double least = 0.0;
    std::size_t best = dim;
    for (std::size_t i = 0; i < dim; ++i) {
      const double change = cost_[i] + extra * step_[i] * (2.0 * along + step_[i]);
      if (change < least) {
        least = change;
        best = i;
      }
    }
    if (best == dim) break;
    along += step_[best];
    cost_[best] = -cost_[best];
    step_[best] = -step_[best];
    taken_[best] ^= 1u;
  }
  return taken_;
}

}  // namespace leafscan
