#pragma once

#include <cstddef>
#include <cstdint>

#include "leafscan/simd/encode_panel.h"

namespace leafscan::reference {

// The loss of one lane's codes in float64.
inline double EncodeLoss(const CodebookView& book, const float* residuals, const float* directions, const float* extra,
                         const std::uint8_t* codes, std::size_t lane) {
  double square = 0.0;
  double along = 0.0;
  for (std::size_t block = 0; block < book.blocks; ++block) {
    const float* word = book.words + (block * book.count + codes[block * kEncodeLanes + lane]) * book.width;
    for (std::size_t i = 0; i < book.width; ++i) {
      const std::size_t at = (block * book.width + i) * kEncodeLanes + lane;
      const double error = static_cast<double>(residuals[at]) - word[i];
      square += error * error;
      if (directions != nullptr) along += error * directions[at];
    }
  }
  return square + (extra != nullptr ? extra[lane] * along * along : 0.0);
}

}  // namespace leafscan::reference
