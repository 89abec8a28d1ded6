#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "leafscan/simd/group_scan.h"

namespace leafscan::reference {

// The score of place `j` of group `group`, one lookup at a time.
inline std::int32_t PointScore(const GroupRun& run, const ScanTable& table, std::size_t group, std::size_t j) {
  const bool wide = table.words == kWideWords;
  const std::uint8_t* codes = run.codes + group * table.padded_blocks * (wide ? kWideBlockBytes : kBlockBytes);
  std::int32_t sum = 0;
  for (std::size_t block = 0; block < table.padded_blocks; ++block) {
    const std::uint8_t code = wide ? codes[block * kWideBlockBytes + j] : GetCode(codes, block, j);
    sum += table.entries[block * table.words + code];
  }
  if (run.terms != nullptr) {
    const std::int32_t product = run.terms[group * kGroupPoints + j] * table.term_factor;
    sum = std::clamp(sum - ((product + (1 << 14)) >> 15), -32767, 32767);
  }
  return run.bias + sum;
}

}  // namespace leafscan::reference
