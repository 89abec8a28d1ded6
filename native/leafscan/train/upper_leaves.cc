#include "leafscan/train/upper_leaves.h"

#include <utility>

#include "leafscan/train/assign.h"

namespace leafscan {

UpperLeaves GroupLeaves(const MatrixView<float>& centroids, const KMeansOptions& options) {
  KMeansResult trained = TrainKMeans({centroids, options.spherical}, options);
  Clusters clusters = GroupByCluster(trained.nearest, options.clusters);
  return {std::move(trained.centroids), std::move(clusters.starts), std::move(clusters.members)};
}

}  // namespace leafscan
