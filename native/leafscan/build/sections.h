// What a build makes and a search reads: plain arrays, as they lie in a file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "leafscan/core/aligned_vector.h"

namespace leafscan {

// Rows are leaf-major: those of leaf l are leaf_offsets[l] ... leaf_offsets[l + 1]. Each leaf's codes are whole groups
// (hash/layout.h), leaf after leaf. Empty where the plan has no such part.
struct Sections {
  AlignedVector<std::uint32_t> order;         // n: row r is the caller's row order[r]
  AlignedVector<float> rows;                  // n * d
  AlignedVector<std::uint64_t> leaf_offsets;  // leaves + 1
  AlignedVector<float> centroids;             // leaves * d
  AlignedVector<float> codebooks;             // blocks * 16 * width
  AlignedVector<std::uint8_t> codes;          // groups * padded blocks * 16
  AlignedVector<std::int16_t> terms;          // groups * 32, squared_l2 alone
  AlignedVector<std::uint32_t> live;          // groups
  float term_scale = 0.0f;                    // what one step of a term is worth
};

}  // namespace leafscan
