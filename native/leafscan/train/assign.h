// Which centroid is nearest to which row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/monitor.h"
#include "leafscan/core/row_source.h"

namespace leafscan {

// The members of each cluster in ascending order: those of cluster c are members[starts[c]] ... members[starts[c + 1]].
struct Clusters {
  std::vector<std::uint64_t> starts;
  std::vector<std::uint32_t> members;

  std::size_t count() const { return starts.size() - 1; }
  std::span<const std::uint32_t> of(std::size_t c) const {
    return {members.data() + starts[c], members.data() + starts[c + 1]};
  }
};
Clusters GroupByCluster(std::span<const std::uint32_t> cluster_of, std::size_t clusters);

// Writes the nearest centroid of each row of the source (the lowest among equals) to nearest[row].
// Cost: one multiply-add a row, centroid and dimension.
void AssignNearest(const RowSource& source, const MatrixView<float>& centroids, int threads, Monitor* monitor,
                   std::span<std::uint32_t> nearest);

// Nearly the same, for many centroids: these are grouped in their turn (`groups`: some sqrt(centroids.rows) centroids of
// centroids), a row goes to its nearest group, and is compared with the centroids of the groups around that one alone, a
// sixth of all or so. A row on the border of what its group sees may miss its nearest centroid by a little; rounds of
// AssignNearby put that right.
// Cost: a fifth of AssignNearest, at thousands of centroids.
void AssignByGroups(const RowSource& source, const MatrixView<float>& centroids, const MatrixView<float>& groups,
                    int threads, Monitor* monitor, std::span<std::uint32_t> nearest);

// What is special about clusters; each may be empty.
struct ClusterTraits {
  std::span<const std::uint8_t> moved;     // not 0: the centroid has moved away, and its rows are compared with all
  std::span<const float> handicaps;        // added to squared distances from the centroid
};

// The same as AssignNearest where it is known about where each row lies: a row of cluster c is compared with the
// centroids nearest to that of c, and not with all.
// Cost: kNeighbours multiply-adds a row and dimension, and as much as one pass over the centroids for the neighbours.
inline constexpr std::size_t kNeighbours = 128;
void AssignNearby(const RowSource& source, const MatrixView<float>& centroids, const Clusters& clusters,
                  const ClusterTraits& traits, int threads, Monitor* monitor, std::span<std::uint32_t> nearest);

}  // namespace leafscan
