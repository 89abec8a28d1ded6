// Codebooks of 16 or 256 codewords for each block of dimensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/monitor.h"
#include "leafscan/simd/encode_panel.h"

namespace leafscan {

// Points to be coded, sixteen a panel: component i of point 16 p + l is at [(p * components + i) * 16 + l], components
// being blocks * width, missing ones zero. `directions` are unit vectors (or zeros) and `extra` is eta - 1 of each point;
// both are empty for plain squared error. Lanes beyond the last point hold zeros.
struct PanelSet {
  std::size_t points = 0;
  std::size_t blocks = 0;
  std::size_t width = 0;
  AlignedVector<float> residuals;
  AlignedVector<float> directions;
  AlignedVector<float> extra;

  std::size_t components() const { return blocks * width; }
  std::size_t panels() const { return (points + kEncodeLanes - 1) / kEncodeLanes; }
  std::size_t panel_size() const { return components() * kEncodeLanes; }
  bool anisotropic() const { return !directions.empty(); }
  const float* residual_panel(std::size_t p) const { return residuals.data() + p * panel_size(); }
  const float* direction_panel(std::size_t p) const {
    return anisotropic() ? directions.data() + p * panel_size() : nullptr;
  }
  const float* extra_panel(std::size_t p) const { return anisotropic() ? extra.data() + p * kEncodeLanes : nullptr; }
};

struct CodebookOptions {
  int iterations = 10;
  std::uint64_t seed = 0;
  int threads = 1;
  Monitor* monitor = nullptr;
  std::size_t words = 16;  // a block: 16 or 256
};

// Visits of all blocks that an encoding may take; it nearly always settles in three.
inline constexpr int kMaxVisits = 8;

// The weight eta of the error along a point of norm |x|, for ScaNN's threshold T: (d - 1) t / (1 - t), t = (T / |x|)^2,
// within [1, 32]. T = 0 means 1, plain squared error.
float AnisotropicWeight(double threshold, double norm, std::size_t dim);

// Trains blocks * words * width numbers: k-means of each block from seeded starts (k-means++), and then, where the points
// are anisotropic, rounds of encoding and of the codeword update that minimises the anisotropic loss (normal equations
// of one block at a time, the errors of all others held). points >= 1. The result depends on the seed alone.
AlignedVector<float> TrainCodebooks(const PanelSet& sample, const CodebookOptions& options);

}  // namespace leafscan
