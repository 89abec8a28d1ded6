// What a build makes and a search reads: plain arrays, as they lie in a file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "leafscan/core/aligned_vector.h"

namespace leafscan {

// The codes of postings: whole groups (hash/layout.h), leaf after leaf.
struct CodeSections {
  AlignedVector<std::uint8_t> codes;   // groups * padded blocks * 16 (4-bit codes) or 32 (8-bit codes)
  AlignedVector<std::int16_t> terms;   // groups * 32, squared_l2 alone
  AlignedVector<std::uint32_t> live;   // groups
};

// Rows as they are kept: n * d of one of these.
struct RowSections {
  AlignedVector<float> float32;
  AlignedVector<std::uint16_t> bfloat16;  // their bits
  AlignedVector<std::int8_t> int8;        // component i stands for scales[i] times it
  AlignedVector<float> scales;            // d, int8 alone
};

// Rows are leaf-major: those of leaf l are leaf_offsets[l] ... leaf_offsets[l + 1]. Empty where the plan has no such part.
struct Sections {
  AlignedVector<std::uint32_t> order;          // n: row r is the caller's row order[r]
  RowSections rows;
  RowSections first_rows;                      // smaller ones, of which reordering in two stages reads the first
  AlignedVector<std::uint64_t> leaf_offsets;   // leaves + 1
  AlignedVector<float> center;                 // d, squared_l2 alone: what centroids and codes take off rows and queries
  AlignedVector<float> centroids;              // leaves * d
  AlignedVector<float> routing_centroids;      // leaves * d, where leaves are found by others than residuals are seen from
  AlignedVector<float> leaf_scales;            // leaves, dot products alone (tree/router.h)
  AlignedVector<float> leaf_biases;            // leaves, dot products alone
  AlignedVector<float> upper_centroids;        // upper leaves * d, with an upper tree (tree/router.h)
  AlignedVector<float> upper_scales;           // upper leaves, dot products alone
  AlignedVector<float> upper_biases;           // upper leaves, dot products alone
  AlignedVector<std::uint64_t> upper_offsets;  // upper leaves + 1: the first leaf of each
  AlignedVector<float> stop_scales;            // 3, with a tree and codes (snapshot/base.h)
  AlignedVector<float> codebooks;              // blocks * words * width
  CodeSections primary;                        // in the order of the rows
  float term_scale = 0.0f;                     // what one step of a term is worth
  // SOAR: each row once more, in its second leaf.
  AlignedVector<std::uint64_t> spill_offsets;  // leaves + 1
  AlignedVector<std::uint32_t> spill_rows;     // groups * 32
  CodeSections spill;
};

}  // namespace leafscan
