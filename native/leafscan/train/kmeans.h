// k-means in squared Euclidean distance: the leaves of the tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/monitor.h"
#include "leafscan/core/row_source.h"

namespace leafscan {

struct KMeansOptions {
  std::size_t clusters = 1;
  int iterations = 12;
  std::uint64_t seed = 0;
  int threads = 1;
  Monitor* monitor = nullptr;
};

// Lloyd's algorithm from a seeded choice of `clusters` points; points.rows >= clusters >= 1. After every round but the
// last, a cluster that is empty or far below the mean size starts anew next to the largest one, which it halves: no leaf
// stays empty for want of a good start, and none keeps many times its share. The result depends on the seed alone, not
// on the threads. Returns clusters * points.cols numbers.
AlignedVector<float> TrainKMeans(const MatrixView<float>& points, const KMeansOptions& options);

// Writes the nearest centroid of each row of the source (the lowest among equals) to nearest[row].
void AssignNearest(const RowSource& source, const MatrixView<float>& centroids, int threads, Monitor* monitor,
                   std::span<std::uint32_t> nearest);

// The members of each cluster in ascending order: those of cluster c are members[starts[c]] ... members[starts[c + 1]].
struct Clusters {
  std::vector<std::uint64_t> starts;
  std::vector<std::uint32_t> members;
};
Clusters GroupByCluster(std::span<const std::uint32_t> cluster_of, std::size_t clusters);

}  // namespace leafscan
