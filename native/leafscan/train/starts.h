// Where the centroids of a large k-means begin.
#pragma once

#include <span>

#include "leafscan/core/monitor.h"
#include "leafscan/core/row_source.h"
#include "leafscan/train/kmeans.h"

namespace leafscan {

// Writes options.clusters centroids: the points are split into some sqrt(clusters) groups, and each group into as many
// clusters as are its due by its size. Clusters that start from random points stay where points are few and are missing
// where they are many, for rounds that look at neighbourhoods move centroids by a little only; these start where they belong.
// Cost: some 20 sqrt(clusters) multiply-adds a point and dimension.
void StartByGroups(const RowSource& points, const KMeansOptions& options, Monitor* monitor, std::span<float> centroids);

}  // namespace leafscan
