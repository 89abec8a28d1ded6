// From rows in leaves to groups of codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/build/panels.h"
#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/monitor.h"
#include "leafscan/simd/encode_panel.h"

namespace leafscan {

// Which rows each leaf holds: those of leaf l are number offsets[l] ... offsets[l + 1] of the list; entry i is the row
// rows[i], or row i where `rows` is empty. `order` gives a row's place in the source.
struct Postings {
  std::span<const std::uint64_t> offsets;
  std::span<const std::uint32_t> rows;
  std::span<const std::uint32_t> order;
};

// Whole groups, leaf after leaf (hash/layout.h).
struct EncodedPostings {
  AlignedVector<std::uint8_t> codes;
  AlignedVector<std::uint32_t> live;
  AlignedVector<std::uint32_t> rows;  // groups * 32, where the postings list rows; 0 where there is no point
  AlignedVector<float> terms;         // groups * 32, where wanted
};

EncodedPostings EncodePostings(const PanelFiller& filler, const CodebookView& book, const Postings& postings,
                               bool with_terms, int threads, Monitor* monitor);

// What one step of a 16-bit term is worth, for terms up to the largest of these.
float TermScale(std::span<const float> terms, float at_least);
AlignedVector<std::int16_t> QuantizeTerms(std::span<const float> terms, float scale);

}  // namespace leafscan
