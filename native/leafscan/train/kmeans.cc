#include "leafscan/train/kmeans.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "leafscan/core/thread_pool.h"
#include "leafscan/train/assign.h"
#include "leafscan/train/sample.h"

namespace leafscan {
namespace {

// The first rounds: this many, over this many points a cluster.
constexpr std::size_t kWholeRounds = 4;
constexpr std::size_t kFirstPoints = 32;
// From so many centroids on, rows are first assigned by groups of them.
constexpr std::size_t kGroupedFrom = 512;
constexpr int kGroupRounds = 6;
// A cluster below this share of the mean size is given away, as long as some other holds this many means.
constexpr double kTooFew = 0.1;
constexpr double kTooMany = 2.0;
// A prime, so that members picked in steps of it are different ones.
constexpr std::size_t kStride = 7919;

class KMeans {
 public:
  KMeans(const RowSource& points, const KMeansOptions& options)
      : points_(points),
        options_(options),
        dim_(points.dim()),
        means_(options.clusters * points.dim()),
        moved_(options.clusters, 0) {}

  KMeansResult Run() {
    const std::vector<std::uint32_t> starts = SampleRows(points_.size(), options_.clusters, options_.seed);
    for (std::size_t c = 0; c < options_.clusters; ++c) points_.Read(starts[c], means_.data() + c * dim_);
    const auto rounds = static_cast<std::size_t>(std::max(options_.iterations, 1));
    const std::size_t whole = std::min(kWholeRounds, rounds - 1);

    const std::vector<std::uint32_t> first_points =
        SampleRows(points_.size(), options_.clusters * kFirstPoints, options_.seed + 1);
    AlignedVector<float> some(first_points.size() * dim_);
    for (std::size_t i = 0; i < first_points.size(); ++i) points_.Read(first_points[i], some.data() + i * dim_);
    const RowSource few{{some.data(), first_points.size(), dim_}, false};
    std::vector<std::uint32_t> nearest(few.size());
    for (std::size_t round = 0; round < whole; ++round) {
      StepMonitor step(options_.monitor, round, rounds);
      AssignNearest(few, Directions(), options_.threads, &step, nearest);
      Move(few, GroupByCluster(nearest, options_.clusters), true);
    }

    nearest.resize(points_.size());
    Clusters clusters;
    for (std::size_t round = whole; round < rounds; ++round) {
      StepMonitor step(options_.monitor, round, rounds);
      if (round == whole) {
        AssignAll(points_, Directions(), options_, &step, nearest);
      } else {
        AssignNearby(points_, Directions(), clusters, moved_, options_.threads, &step, nearest);
      }
      clusters = GroupByCluster(nearest, options_.clusters);
      Move(points_, clusters, round + 1 < rounds);
    }
    return {std::move(means_), std::move(nearest)};
  }

 private:
  // The centroids as points are compared with them.
  MatrixView<float> Directions() {
    if (!options_.spherical) return {means_.data(), options_.clusters, dim_};
    directions_.resize(means_.size());
    for (std::size_t c = 0; c < options_.clusters; ++c) {
      Normalize(means_.data() + c * dim_, dim_, directions_.data() + c * dim_);
    }
    return {directions_.data(), options_.clusters, dim_};
  }

  void Move(const RowSource& points, const Clusters& clusters, bool split) {
    ParallelFor(clusters.count(), options_.threads, [&](std::size_t c) {
      const std::span<const std::uint32_t> members = clusters.of(c);
      if (members.empty()) return;
      std::vector<double> sum(dim_, 0.0);
      std::vector<float> point(dim_);
      for (const std::uint32_t member : members) {
        points.Read(member, point.data());
        for (std::size_t i = 0; i < dim_; ++i) sum[i] += point[i];
      }
      for (std::size_t i = 0; i < dim_; ++i) {
        means_[c * dim_ + i] = static_cast<float>(sum[i] / static_cast<double>(members.size()));
      }
    });
    std::fill(moved_.begin(), moved_.end(), std::uint8_t{0});
    if (split) SplitLargest(points, clusters);
  }

  // Starts each cluster that is too small anew at a member of the largest one.
  void SplitLargest(const RowSource& points, const Clusters& clusters) {
    std::vector<double> sizes(clusters.count());
    std::vector<std::size_t> splits(clusters.count(), 0);
    for (std::size_t c = 0; c < sizes.size(); ++c) sizes[c] = static_cast<double>(clusters.of(c).size());
    const double mean = static_cast<double>(points.size()) / static_cast<double>(sizes.size());
    for (std::size_t small = 0; small < sizes.size(); ++small) {
      if (sizes[small] >= kTooFew * mean) continue;
      const auto large = static_cast<std::size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
      if (sizes[large] < kTooMany * mean) return;
      const std::span<const std::uint32_t> members = clusters.of(large);
      // The middle one first, then far-flung ones.
      const std::size_t member = (members.size() / 2 + splits[large]++ * kStride) % members.size();
      points.Read(members[member], means_.data() + small * dim_);
      sizes[large] /= 2.0;
      sizes[small] = kTooFew * mean;
      moved_[small] = 1;
    }
  }

  const RowSource& points_;
  const KMeansOptions& options_;
  std::size_t dim_;
  AlignedVector<float> means_;
  AlignedVector<float> directions_;
  std::vector<std::uint8_t> moved_;
};

}  // namespace

void AssignAll(const RowSource& source, const MatrixView<float>& centroids, const KMeansOptions& options,
               Monitor* monitor, std::span<std::uint32_t> nearest) {
  if (centroids.rows < kGroupedFrom) {
    AssignNearest(source, centroids, options.threads, monitor, nearest);
    return;
  }
  KMeansOptions coarse;
  coarse.clusters = static_cast<std::size_t>(std::sqrt(static_cast<double>(centroids.rows)));
  coarse.iterations = kGroupRounds;
  coarse.seed = options.seed;
  coarse.threads = options.threads;
  const KMeansResult groups = TrainKMeans({centroids, false}, coarse);
  AssignByGroups(source, centroids, {groups.centroids.data(), coarse.clusters, centroids.cols}, options.threads, monitor,
                 nearest);
}

KMeansResult TrainKMeans(const RowSource& points, const KMeansOptions& options) { return KMeans(points, options).Run(); }

}  // namespace leafscan
