// Which leaves a query visits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"
#include "leafscan/core/top_keys.h"

namespace leafscan {

// A query's score for a leaf is 2 <q, c> - |c|^2 for squared_l2, the nearest centroid first, and
//   scale <q, c> + bias |q|
// for dot products. For unit rows (cosine) scale is 1 / |c| and bias 0: a leaf of much spread has a short mean, which would
// put it behind every tight one. For other rows scale is 1 and bias some standard deviations of the leaf's residuals: the
// best row of a leaf lies beyond its mean, the more so the wider the leaf (Bruch, Krishnan and Nardini, "Optimistic Query
// Routing in Clustering-based ANN Search", 2024, have the idea; theirs sketches a covariance for each leaf).
//
// The centroids in integers, made when an index is opened. Inner products of integers are exact, and the few float
// operations that follow are the same everywhere: a query takes the same leaves alone and in a batch, with every
// instruction set.
class Router {
 public:
  struct Scratch {
    AlignedVector<std::int16_t> query;
    AlignedVector<std::int32_t> products;
    TopKeys best;
    AlignedVector<std::uint64_t> among;
    std::uint64_t top = 0;  // RouteAmong: the key of the best leaf of all, open or not
    float worth = 0.0f;     // of one in a product
    float square = 0.0f;    // |q|^2
  };

  Router() = default;
  // Scales and biases are there for dot products alone. With a projection (orthonormal rows), queries come projected, and
  // of <q, c> the part that it leaves out is neglected.
  Router(Metric metric, const MatrixView<float>& centroids, const MatrixView<float>& projection,
         std::span<const float> scales, std::span<const float> biases);

  std::size_t leaves() const { return leaves_; }

  // The best `count` <= leaves() leaves, best first, as keys (core/score_key.h).
  // `query` is as long as the projection has rows, or a centroid.
  std::span<const std::uint64_t> Route(std::span<const float> query, std::size_t count, Scratch& scratch) const;

  // The best `count` of the leaves that are `open` (not 0), at least so many. The first kInOrder of them come best first,
  // which brings a scan's threshold near to where it ends; the others, which may be thousands, in no order. scratch.top is
  // what Route would put first.
  static constexpr std::size_t kInOrder = 64;
  std::span<const std::uint64_t> RouteAmong(std::span<const std::uint8_t> open, std::span<const float> query,
                                            std::size_t count, Scratch& scratch) const;

  // After either: <q, c>, or -|q - c|^2, of any leaf as its codes see it: unscaled, without a bias, and without what a
  // projection leaves out. Within about 2^-11 of the largest components of both.
  float CenterScore(std::size_t leaf, const Scratch& scratch) const {
    const float product = static_cast<float>(scratch.products[leaf]) * scratch.worth;
    if (metric_ == Metric::kSquaredL2) return product + (addends_[leaf] - scratch.square);
    return unscales_.empty() ? product : product * unscales_[leaf];
  }

 private:
  // Leaves the best `count` in scratch.best, of all leaves where `open` is empty.
  void Keep(std::span<const std::uint8_t> open, std::span<const float> query, std::size_t count, Scratch& scratch) const;

  std::size_t leaves_ = 0;
  std::size_t dim_ = 0;
  Metric metric_ = Metric::kDotProduct;
  float limit_ = 0.0f;  // largest magnitude of an integer component, so that no sum leaves 32 bits
  float step_ = 1.0f;   // what one step of a centroid's component is worth
  AlignedVector<std::int16_t> table_;
  std::vector<float> unscales_;  // 1 / scale; empty where all are 1
  std::vector<float> addends_;  // bias, or -|c|^2; whole vectors of sixteen
};

}  // namespace leafscan
