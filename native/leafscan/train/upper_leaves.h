// Groups the leaves of a tree, so that a query need not look at all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/train/kmeans.h"

namespace leafscan {

struct UpperLeaves {
  AlignedVector<float> centroids;      // the means of their leaves' centroids: clusters * dim
  std::vector<std::uint64_t> offsets;  // those of upper leaf u are leaves[offsets[u]] ... leaves[offsets[u + 1]]
  std::vector<std::uint32_t> leaves;
};

// k-means over the centroids, by their directions alone where `options` are spherical.
UpperLeaves GroupLeaves(const MatrixView<float>& centroids, const KMeansOptions& options);

}  // namespace leafscan
