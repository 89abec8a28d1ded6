// How many of its leaves a query reads: as many as may still hold something that is among its best.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/metric.h"
#include "leafscan/snapshot/base.h"
#include "leafscan/tree/centroid_table.h"

namespace leafscan {

// What a search asks for.
struct StopOptions {
  float bound = 0.0f;
  std::size_t k = 10;  // whose score says what is still of use
};

// After its first leaves a query knows the score t of the k-th best row so far, by codes. What the leaf at place r scores
// (places in the order of routing, from 1) is about normal, of mean c_r and deviation s, and the later a leaf comes the less
// is left that the leaves before have not. So leaves are read up to the first at which
//   (t - c_r) / s + .7 ln r
// is no longer below the bound that all queries share. For dot products c_r is the score that routes, by the scale between
// both (StopScales), and s^2 = e / d |q|^2; for squared_l2 c_r = -|q - c|^2 - e and s^2 = 4 e / d |q - c|^2 + v, e and v the mean
// and the variance of |r|^2, the squared residuals of all rows.
//
// One bound for all takes 1.2 to 1.8 times fewer points than one number of leaves does at the same recall (benchmarks/LOG.md):
// queries differ in what they need by more than tenfold. The .7 is not delicate; without the logarithm nothing is gained.
//
// All in float64 and in one order: what is read depends on neither the batch nor the instruction set.
// Cost: some ten leaves looked at, a logarithm each, .2 us.
class LeafStop {
 public:
  // The leaves before t is known. Twice as many gain nothing, and where few leaves are wanted they are most of them.
  static constexpr std::size_t kFirst = 4;

  LeafStop() = default;
  // `query` is what was routed. `shift` is by how much a leaf's score by itself lies above what routing sees of it, where
  // it does not see all.
  LeafStop(const IndexArrays& arrays, const IntegerQuery& query, float bound, double shift);

  // How many of the leaves to read, at least kFirst or all there are: keys in the order of routing (core/score_key.h).
  std::size_t Count(std::span<const std::uint64_t> leaves, double kth) const;

 private:
  // Whether the leaf at `place`, from 0, is to be read.
  bool Reads(std::uint64_t leaf, std::size_t place, double kth) const;

  Metric metric_ = Metric::kDotProduct;
  double bound_ = 0.0;
  double shift_ = 0.0;
  double slope_ = 1.0;     // of a mean score over the score that routes
  double offset_ = 0.0;
  double square_ = 0.0;    // of the query
  double per_dimension_ = 0.0;  // e / d
  double variance_ = 0.0;  // v, or s^2
};

}  // namespace leafscan
