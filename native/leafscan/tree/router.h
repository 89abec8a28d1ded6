// Which leaves a query visits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"
#include "leafscan/search/top_keys.h"

namespace leafscan {

// The centroids in integers, made when an index is opened. Inner products of integers are exact, and the few float
// operations that follow are the same everywhere: a query takes the same leaves alone and in a batch, with every
// instruction set.
class Router {
 public:
  struct Scratch {
    AlignedVector<std::int16_t> query;
    AlignedVector<std::int32_t> products;
    TopKeys best;
  };

  Router() = default;
  Router(const MatrixView<float>& centroids, Metric metric);

  std::size_t leaves() const { return leaves_; }

  // The best `count` <= leaves() leaves, best first, as keys (search/score_key.h).
  std::span<const std::uint64_t> Route(std::span<const float> query, std::size_t count, Scratch& scratch) const;

 private:
  std::size_t leaves_ = 0;
  std::size_t dim_ = 0;
  Metric metric_ = Metric::kDotProduct;
  float limit_ = 0.0f;  // largest magnitude of an integer component, so that no sum leaves 32 bits
  float step_ = 1.0f;   // what one step of a centroid's component is worth
  AlignedVector<std::int16_t> table_;
  std::vector<float> squares_;  // |c|^2, squared_l2 alone
};

}  // namespace leafscan
