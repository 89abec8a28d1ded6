// k-means: the leaves of the tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/monitor.h"
#include "leafscan/core/row_source.h"

namespace leafscan {

struct KMeansOptions {
  std::size_t clusters = 1;
  int iterations = 12;
  bool spherical = false;  // for rows of length 1: directions alone tell which centroid is nearest
  bool balanced = false;   // clusters of like size (train/balance.h), at next to no loss of closeness
  bool from_points = false;  // start from points, however many the clusters
  std::uint64_t seed = 0;
  int threads = 1;
  Monitor* monitor = nullptr;
};

struct KMeansResult {
  AlignedVector<float> centroids;      // the means: clusters * dim
  std::vector<std::uint32_t> nearest;  // the cluster of each point
};

// Lloyd's algorithm in squared Euclidean distance; points.size() >= clusters >= 1.
//
// Few clusters start from points and look at few of them for some rounds; many start from groups (train/starts.h). When
// the clusters have found their places, rounds over all points follow that look at each point's neighbourhood alone
// (train/assign.h), which is where nearly all of the gain of more points and more rounds lies, at a fraction of the
// price; all but the last two carry centroids further than to the mean. After every round but the last, a cluster that is
// empty or far below the mean size starts anew at a member of the largest one: no leaf stays empty for want of a good
// start, and none keeps many times its share. At the end centroids are the means of their clusters. The result depends on
// the seed alone, not on the threads.
KMeansResult TrainKMeans(const RowSource& points, const KMeansOptions& options);

// Assigns every row of the source: to the nearest centroid where these are few, else by groups of them (train/assign.h).
void AssignAll(const RowSource& source, const MatrixView<float>& centroids, const KMeansOptions& options,
               Monitor* monitor, std::span<std::uint32_t> nearest);

}  // namespace leafscan
