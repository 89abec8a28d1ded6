// Leaves of like size: what a big leaf is asked to pay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/row_source.h"

namespace leafscan {

// A query scans leaves whole, and meets the big ones more often than their number tells: of leaves with sizes s it reads
// sum s^2 / sum s points apiece where rows are asked for as often as they are there. So k-means adds to the squared
// distance between a row and a centroid a handicap that grows with the logarithm of the cluster's size. Rows on a border
// then go to the smaller side, and centroids follow them to where the rows are many. The unit is the margin: how much
// further a row's second centroid is than its first, which says how many rows a handicap moves.
//
// All clusters answer to their handicaps at once, and late, since centroids follow slowly: so handicaps approach what the
// sizes ask for by a share a round. Should clusters grow less even all the same, handicaps are too strong for these rows
// (in hundreds of dimensions without structure, say) and are halved.
class Balance {
 public:
  Balance(std::size_t clusters, double margin) : margin_(margin), handicaps_(clusters, 0.0f) {}

  // Takes the sizes that a round gave.
  void Update(std::span<const std::size_t> sizes);

  // Clusters that are not 0 here start anew elsewhere.
  void Forget(std::span<const std::uint8_t> moved) {
    for (std::size_t c = 0; c < moved.size(); ++c) {
      if (moved[c] != 0) handicaps_[c] = 0.0f;
    }
  }

  // Of each cluster, to be added to squared distances.
  std::span<const float> handicaps() const { return handicaps_; }

 private:
  double margin_;
  std::vector<float> handicaps_;
  double strength_ = 1.0;  // the handicap at e times the mean size, in margins
  double least_uneven_ = std::numeric_limits<double>::infinity();
};

// The mean over a sample of the points of the difference in squared distance between the second nearest centroid and the
// nearest; 0 where there is one centroid.
double MeanMargin(const RowSource& points, const MatrixView<float>& centroids, int threads);

}  // namespace leafscan
