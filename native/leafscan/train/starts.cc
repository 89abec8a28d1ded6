#include "leafscan/train/starts.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/train/assign.h"
#include "leafscan/train/sample.h"

namespace leafscan {
namespace {

constexpr std::size_t kPointsPerGroup = 512;
constexpr int kGroupRounds = 8;
constexpr std::size_t kPointsPerCluster = 128;
constexpr int kClusterRounds = 6;

// The chosen rows of a source, side by side.
AlignedVector<float> Gather(const RowSource& points, std::span<const std::uint32_t> chosen) {
  AlignedVector<float> rows(chosen.size() * points.dim());
  for (std::size_t i = 0; i < chosen.size(); ++i) points.Read(chosen[i], rows.data() + i * points.dim());
  return rows;
}

}  // namespace

void StartByGroups(const RowSource& points, const KMeansOptions& options, Monitor* monitor,
                   std::span<float> centroids) {
  const std::size_t dim = points.dim();
  KMeansOptions coarse;
  coarse.clusters = static_cast<std::size_t>(std::sqrt(static_cast<double>(options.clusters)));
  coarse.iterations = kGroupRounds;
  coarse.spherical = options.spherical;
  coarse.seed = options.seed;
  coarse.threads = options.threads;
  const AlignedVector<float> sample =
      Gather(points, SampleRows(points.size(), coarse.clusters * kPointsPerGroup, options.seed + 1));
  AlignedVector<float> groups = TrainKMeans({{sample.data(), sample.size() / dim, dim}, false}, coarse).centroids;
  for (std::size_t g = 0; options.spherical && g < coarse.clusters; ++g) {
    Normalize(groups.data() + g * dim, dim, groups.data() + g * dim);
  }

  StepMonitor grouping(monitor, 0, 2);
  StepMonitor splitting(monitor, 1, 2);
  std::vector<std::uint32_t> group_of(points.size());
  AssignNearest(points, {groups.data(), coarse.clusters, dim}, options.threads, &grouping, group_of);
  const Clusters members = GroupByCluster(group_of, coarse.clusters);

  // The due of all groups up to one, rounded: a group never gets more clusters than it has points.
  const double due = static_cast<double>(options.clusters) / static_cast<double>(points.size());
  const auto first_of = [&](std::size_t g) {
    return static_cast<std::size_t>(std::llround(due * static_cast<double>(members.starts[g])));
  };
  ParallelFor(
      coarse.clusters, options.threads,
      [&](std::size_t g) {
        KMeansOptions fine;
        fine.clusters = first_of(g + 1) - first_of(g);
        if (fine.clusters == 0) return;
        fine.iterations = kClusterRounds;
        fine.spherical = options.spherical;
        // Points that do not fall into groups (copies of one, say) would be split for ever.
        fine.from_points = 2 * fine.clusters > options.clusters;
        fine.seed = options.seed + g;
        std::vector<std::uint32_t> chosen =
            SampleRows(members.of(g).size(), fine.clusters * kPointsPerCluster, options.seed + g);
        for (std::uint32_t& member : chosen) member = members.of(g)[member];
        const AlignedVector<float> rows = Gather(points, chosen);
        const KMeansResult clusters = TrainKMeans({{rows.data(), chosen.size(), dim}, false}, fine);
        std::copy(clusters.centroids.begin(), clusters.centroids.end(), centroids.begin() + first_of(g) * dim);
      },
      &splitting);
}

}  // namespace leafscan
