#include "leafscan/train/kmeans.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "leafscan/core/thread_pool.h"
#include "leafscan/train/assign.h"
#include "leafscan/train/balance.h"
#include "leafscan/train/sample.h"
#include "leafscan/train/starts.h"

namespace leafscan {
namespace {

// Where clusters are few, the first rounds: this many, over this many points a cluster.
constexpr std::size_t kFewRounds = 4;
constexpr std::size_t kFewPoints = 32;
// From so many centroids on, they start from groups, and rows are first assigned by groups of them.
constexpr std::size_t kGroupedFrom = 512;
constexpr int kGroupRounds = 6;
// How much further than to the mean of its points a centroid goes, as a share of its way there.
constexpr float kStretch = 0.5f;
// A cluster below this share of the mean size is given away, as long as some other holds this many means.
constexpr double kTooFew = 0.1;
constexpr double kTooMany = 2.0;
// A prime, so that members picked in steps of it are different ones.
constexpr std::size_t kStride = 7919;
// Rows of a cluster lie far apart: this many are on their way while one is added up.
constexpr std::size_t kAhead = 8;

class KMeans {
 public:
  KMeans(const RowSource& points, const KMeansOptions& options)
      : points_(points),
        options_(options),
        dim_(points.dim()),
        means_(options.clusters * points.dim()),
        moved_(options.clusters, 0) {}

  KMeansResult Run() {
    const bool grouped = options_.clusters >= kGroupedFrom && !options_.from_points;
    const auto rounds = static_cast<std::size_t>(std::max(options_.iterations, 1));
    const std::size_t first = grouped ? 0 : std::min(kFewRounds, rounds - 1);
    const std::size_t steps = grouped ? rounds + 1 : rounds;
    if (grouped) {
      StepMonitor step(options_.monitor, 0, steps);
      StartByGroups(points_, options_, &step, means_);
    } else {
      StartAtPoints(first, steps);
    }

    std::vector<std::uint32_t> nearest(points_.size());
    Clusters clusters;
    Balance balance(options_.clusters, options_.balanced ? MeanMargin(points_, Directions(), options_.threads) : 0.0);
    for (std::size_t round = first; round < rounds; ++round) {
      StepMonitor step(options_.monitor, steps - rounds + round, steps);
      const bool last = round + 1 == rounds;
      if (round == first) {
        AssignAll(points_, Directions(), options_, &step, nearest);
      } else {
        // The last round goes by distance alone, as routing does.
        const std::span<const float> handicaps = last ? std::span<const float>() : balance.handicaps();
        AssignNearby(points_, Directions(), clusters, {moved_, handicaps}, options_.threads, &step, nearest);
      }
      clusters = GroupByCluster(nearest, options_.clusters);
      const bool stretched = round > first && round + 2 < rounds;
      const AlignedVector<float> before(stretched ? means_ : AlignedVector<float>());
      Move(points_, clusters);
      if (last) break;
      if (options_.balanced) balance.Update(Sizes(clusters));
      if (stretched) Stretch(before);
      SplitLargest(points_, clusters);
      balance.Forget(moved_);
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

  // Starts from random points, and looks at few points for some rounds.
  void StartAtPoints(std::size_t few_rounds, std::size_t steps) {
    const std::vector<std::uint32_t> starts = SampleRows(points_.size(), options_.clusters, options_.seed);
    for (std::size_t c = 0; c < options_.clusters; ++c) points_.Read(starts[c], means_.data() + c * dim_);
    const std::vector<std::uint32_t> chosen =
        SampleRows(points_.size(), few_rounds > 0 ? options_.clusters * kFewPoints : 0, options_.seed + 1);
    AlignedVector<float> rows(chosen.size() * dim_);
    for (std::size_t i = 0; i < chosen.size(); ++i) points_.Read(chosen[i], rows.data() + i * dim_);
    const RowSource few{{rows.data(), chosen.size(), dim_}, false};
    std::vector<std::uint32_t> nearest(few.size());
    for (std::size_t round = 0; round < few_rounds; ++round) {
      StepMonitor step(options_.monitor, round, steps);
      AssignNearest(few, Directions(), options_.threads, &step, nearest);
      const Clusters clusters = GroupByCluster(nearest, options_.clusters);
      Move(few, clusters);
      SplitLargest(few, clusters);
    }
  }

  static std::vector<std::size_t> Sizes(const Clusters& clusters) {
    std::vector<std::size_t> sizes(clusters.count());
    for (std::size_t c = 0; c < sizes.size(); ++c) sizes[c] = clusters.of(c).size();
    return sizes;
  }

  // Lets every mean go on in the direction in which it moved: k-means creeps towards its end in ever smaller steps.
  void Stretch(const AlignedVector<float>& before) {
    for (std::size_t i = 0; i < means_.size(); ++i) {
      const float further = means_[i] + kStretch * (means_[i] - before[i]);
      if (std::isfinite(further)) means_[i] = further;
    }
  }

  void Move(const RowSource& points, const Clusters& clusters) {
    ParallelFor(clusters.count(), options_.threads, [&](std::size_t c) {
      const std::span<const std::uint32_t> members = clusters.of(c);
      if (members.empty()) return;
      std::vector<double> sum(dim_, 0.0);
      std::vector<float> point(dim_);
      for (std::size_t m = 0; m < members.size(); ++m) {
        if (m + kAhead < members.size()) points.Fetch(members[m + kAhead]);
        points.Read(members[m], point.data());
        for (std::size_t i = 0; i < dim_; ++i) sum[i] += point[i];
      }
      for (std::size_t i = 0; i < dim_; ++i) {
        means_[c * dim_ + i] = static_cast<float>(sum[i] / static_cast<double>(members.size()));
      }
    });
  }

  // Starts each cluster that is too small anew at a member of the largest one.
  void SplitLargest(const RowSource& points, const Clusters& clusters) {
    std::fill(moved_.begin(), moved_.end(), std::uint8_t{0});
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
