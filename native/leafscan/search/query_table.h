// A query as the scan wants it: a table of entries, and how its steps relate to real scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/metric.h"
#include "leafscan/simd/group_scan.h"
#include "leafscan/simd/score_table.h"
#include "leafscan/snapshot/snapshot.h"

namespace leafscan {

// Each block adds a step or more, and the largest sum must fit 15 bits.
inline constexpr std::size_t kMaxBlocks = 32767;

class QueryTable {
 public:
  // Needs a snapshot with codes of at most kMaxBlocks blocks, and the query as its codes see it (projected, where they
  // see a projection). The scores of squared_l2 are -|q - c|^2 + 2 <q, r~> - t: the table holds 2 <q, r~>, and the unit
  // is coarse enough for t to be counted in it.
  void Build(const Snapshot& snapshot, std::span<const float> query);

  ScanTable view() const { return {entries_.data(), padded_blocks_, term_factor_, words_}; }

  // What is added to a leaf's sums so that all leaves' scores count from one origin: `center` is the centroid's own score.
  std::int32_t Bias(float center) const;
  // The real score of an integer one.
  float Score(std::int32_t score) const;
  // Integer scores count from here; set to the score of the best centroid before biases are taken.
  void SetOrigin(float origin) { origin_ = origin; }

 private:
  AlignedVector<float> padded_query_;
  AlignedVector<float> scratch_;
  AlignedVector<std::uint8_t> entries_;
  std::size_t padded_blocks_ = 0;
  std::size_t words_ = kCodeWords;
  std::int16_t term_factor_ = 0;
  TableScale scale_;
  float origin_ = 0.0f;
};

}  // namespace leafscan
