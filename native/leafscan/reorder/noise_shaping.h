// Rounding that spares large inner products.
//
// What a query near a row x sees of the error e of its rounded copy is mostly <e, u>, u = x / |x|. So the loss of a copy is
// |e|^2 + (eta - 1) <e, u>^2 (Guo et al., ICML 2020, as simd/encode_panel.h has it), and a component may be rounded the
// other way: it adds little to |e|^2 where the component lies near the middle, and takes off much of <e, u> where it has the
// right sign.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace leafscan {

class NoiseShaper {
 public:
  // `threshold` is ScaNN's T (train/codebooks.h); 0 leaves every component at its nearest value.
  NoiseShaper(double threshold, std::size_t dim);

  bool active() const { return threshold_ > 0.0; }

  // Which components of a row take their second value. `nearest` holds the nearest value of each component and `second` the
  // one on its other side (the same, where there is none). Coordinate descent: the component that lowers the loss most goes
  // over, until none does. All in float64 and in one order: the same on every machine.
  // Cost: a pass of about 2 ns a component for every component that goes over, which are about sqrt(d / 12).
  std::span<const std::uint8_t> Choose(std::span<const float> row, std::span<const float> nearest,
                                       std::span<const float> second);

 private:
  double threshold_;
  std::vector<std::uint8_t> taken_;
  std::vector<double> cost_;  // what |e|^2 gains when a component goes over
  std::vector<double> step_;  // what <e, u> gains
};

}  // namespace leafscan
