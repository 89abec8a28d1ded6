#pragma once

#include <cstddef>
#include <span>

namespace leafscan::reference {

// One entry before it is quantised, in float64.
inline double TableEntry(std::span<const float> words, std::size_t width, std::span<const float> query,
                         std::size_t block, std::size_t code, std::size_t count = 16) {
  double sum = 0.0;
  for (std::size_t i = 0; i < width; ++i) {
    sum += static_cast<double>(query[block * width + i]) * words[(block * width + i) * count + code];
  }
  return sum;
}

}  // namespace leafscan::reference
