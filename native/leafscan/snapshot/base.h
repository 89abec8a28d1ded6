// What an index is made of as it was built or loaded: views of its sections, and what is made of them once. It never
// changes; versions (snapshot/snapshot.h) share it and say what has changed since.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"
#include "leafscan/hash/layout.h"
#include "leafscan/reorder/row_store.h"
#include "leafscan/tree/router.h"

namespace leafscan {

// A stretch of a leaf's postings: whole groups of 32, mapped or owned by somebody who outlives the snapshot.
struct Segment {
  const std::uint8_t* codes = nullptr;  // null without codes
  const std::int16_t* terms = nullptr;  // null without terms
  const std::uint32_t* live = nullptr;
  const std::uint32_t* rows = nullptr;  // null where rows follow one another from first_row
  std::uint32_t first_row = 0;
  std::size_t groups = 0;
  bool second = false;  // of rows that another leaf lists, too
};

// Calls use(place) for each point of a segment that has its bit in `words`, a word for each group.
template <class Use>
void ForPlaces(const Segment& segment, const std::uint32_t* words, const Use& use) {
  for (std::size_t group = 0; group < segment.groups; ++group) {
    for (std::uint32_t word = words[group]; word != 0; word &= word - 1) {
      use(group * kGroupPoints + static_cast<std::size_t>(std::countr_zero(word)));
    }
  }
}

// The same with the row of each.
template <class Use>
void ForPoints(const Segment& segment, const std::uint32_t* words, const Use& use) {
  ForPlaces(segment, words, [&](std::size_t place) {
    use(segment.rows == nullptr ? static_cast<std::uint32_t>(segment.first_row + place) : segment.rows[place]);
  });
}

struct Leaf {
  std::span<const Segment> segments;
};

// Codebooks as the lookup table wants them: words[(block * width + i) * count + code].
struct TransposedCodebooks {
  AlignedVector<float> words;
  std::size_t blocks = 0;
  std::size_t width = 0;
  std::size_t count = kCodeWords;  // words a block
};

struct CodeArrays {
  std::span<const std::uint8_t> codes;
  std::span<const std::int16_t> terms;
  std::span<const std::uint32_t> live;
};

// Numbers of all leaves and rows that say when a query has read enough (search/leaf_stop.h); an older index has none.
struct StopScales {
  static constexpr std::size_t kCount = 3;
  std::span<const float> values;

  bool empty() const { return values.empty(); }
  float slope() const { return values[0]; }     // what a row of a leaf scores on average, over the score that routes
  float residual() const { return values[1]; }  // the mean of |r|^2
  float variance() const { return values[2]; }  // and its variance
};

// Views of the arrays of an index (build/sections.h).
struct IndexArrays {
  Metric metric = Metric::kDotProduct;
  std::size_t dim = 0;
  std::size_t count = 0;
  RowStore rows;                                   // empty where rows were not kept
  RowStore first_rows;                             // empty where reordering has one stage
  std::span<const std::uint64_t> leaf_offsets;     // always
  MatrixView<float> centroids;                     // no data without a tree
  MatrixView<float> routing_centroids;             // no data where the centroids route
  std::span<const float> leaf_scales;              // with a tree, dot products alone
  std::span<const float> leaf_biases;
  MatrixView<float> upper_centroids;               // no rows without an upper tree
  std::span<const float> upper_scales;             // with one, dot products alone
  std::span<const float> upper_biases;
  std::span<const std::uint64_t> upper_offsets;    // the first leaf of each upper leaf, and the end
  StopScales stop_scales;                          // empty without a tree or codes
  std::span<const float> center;                   // empty, or what centroids and codes take off a query
  MatrixView<float> projection;                    // no rows where codes see everything
  std::span<const float> codebooks;                // empty without codes
  std::size_t blocks = 0;
  std::size_t width = 0;
  std::size_t words = kCodeWords;                  // a block: 16 or 256
  CodeArrays primary;
  float term_scale = 0.0f;
  std::span<const std::uint64_t> spill_offsets;    // empty without second leaves
  std::span<const std::uint32_t> spill_rows;
  CodeArrays spill;
  std::span<const std::int64_t> ids;               // by row
};

struct Base {
  IndexArrays arrays;
  std::vector<Leaf> leaves;
  std::vector<Segment> segments;    // leaf by leaf
  std::vector<std::uint32_t> live;  // where there are no codes, which bring their own
  Router router;
  TransposedCodebooks codebooks;

  // What routing and the codes see of a query.
  bool has_projection() const { return arrays.projection.rows > 0; }
  bool has_tree() const { return arrays.centroids.data != nullptr; }
  bool has_codes() const { return codebooks.blocks > 0; }
  CodeLayout layout() const { return {codebooks.blocks, codebooks.count}; }
  bool has_spill() const { return !arrays.spill_offsets.empty(); }
  bool has_rows() const { return !arrays.rows.empty(); }
};

// The arrays must be consistent, and outlive the base.
std::shared_ptr<const Base> OpenBase(const IndexArrays& arrays);

}  // namespace leafscan
