// Numbers to fill arrays with: what they are hardly matters to a kernel's time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>

#include "leafscan/core/aligned_vector.h"

namespace leafscan::benchmarks {

class Noise {
 public:
  std::uint64_t Bits() { return engine_(); }
  std::uint32_t Below(std::size_t limit) { return static_cast<std::uint32_t>(engine_() % limit); }

  AlignedVector<std::uint8_t> Bytes(std::size_t count) {
    AlignedVector<std::uint8_t> bytes((count + 7) / 8 * 8);
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      const std::uint64_t eight = engine_();
      std::memcpy(bytes.data() + i, &eight, sizeof(eight));
    }
    return bytes;
  }
  AlignedVector<float> Floats(std::size_t count) {
    AlignedVector<float> floats(count);
    for (float& x : floats) x = static_cast<float>(static_cast<std::int64_t>(engine_() >> 40) - (1 << 23)) / (1 << 23);
    return floats;
  }

 private:
  std::mt19937_64 engine_{20260101};
};

}  // namespace leafscan::benchmarks
