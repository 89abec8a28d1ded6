// Chooses the codes of sixteen points at once, a point in each lane.
//
// The loss of a point with residual r, coded as r~, is |e|^2 + (eta - 1) <e, u>^2, e = r - r~, where u is the direction
// of the point itself: an error along the point costs eta times as much as one across it, since it is what changes large
// inner products (Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020).
// Codes start at the nearest codeword of each block; then blocks are visited in turn, each taking the code that lowers
// the loss most while the others stay, until a visit of all blocks changes nothing.
//
// Cost: 16 or 256 codewords times (3 D + 5) operations a block, visit and vector of points, D dimensions a block; bound by
// arithmetic, since codebooks stay in the first-level cache.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leafscan {

inline constexpr std::size_t kEncodeLanes = 16;

struct CodebookView {
  const float* words = nullptr;  // blocks * count * width
  std::size_t blocks = 0;
  std::size_t width = 0;   // dimensions a block
  std::size_t count = 16;  // words a block: 16 or 256
};

// `residuals` and `directions` are panels: component i of lane l at [i * 16 + l], blocks * width components; directions
// and `extra` (eta - 1 of each lane) may be null together, for plain squared error. codes[block * 16 + lane] is written.
void EncodePanel(const CodebookView& book, const float* residuals, const float* directions, const float* extra,
                 int max_visits, std::uint8_t* codes);

}  // namespace leafscan
