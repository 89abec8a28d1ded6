// Which rows are trained on: a seeded sample without replacement, in ascending order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "leafscan/core/random.h"

namespace leafscan {

// min(count, size) of the numbers 0 ... size - 1 (Knuth, TAOCP 2, algorithm S).
inline std::vector<std::uint32_t> SampleRows(std::size_t size, std::size_t count, std::uint64_t seed) {
  std::vector<std::uint32_t> chosen;
  Random random(seed);
  std::size_t missing = count < size ? count : size;
  chosen.reserve(missing);
  for (std::size_t i = 0; missing > 0; ++i) {
    if (random.Below(size - i) < missing) {
      chosen.push_back(static_cast<std::uint32_t>(i));
      --missing;
    }
  }
  return chosen;
}

}  // namespace leafscan
