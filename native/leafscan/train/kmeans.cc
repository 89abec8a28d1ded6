#include "leafscan/train/kmeans.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "leafscan/core/random.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/simd/panel.h"
#include "leafscan/train/sample.h"

namespace leafscan {
namespace {

constexpr std::size_t kChunk = 512;
// A cluster below this share of the mean size is given away, as long as some other holds this many means.
constexpr double kTooFew = 0.1;
constexpr double kTooMany = 2.0;

// -|c|^2 / 2, so that the largest <x, c> - |c|^2 / 2 is the nearest centroid.
std::vector<float> HalfSquares(const MatrixView<float>& centroids) {
  std::vector<float> bias(centroids.rows);
  for (std::size_t c = 0; c < centroids.rows; ++c) {
    double square = 0.0;
    for (std::size_t i = 0; i < centroids.cols; ++i) {
      square += static_cast<double>(centroids.row(c)[i]) * centroids.row(c)[i];
    }
    bias[c] = static_cast<float>(-0.5 * square);
  }
  return bias;
}

void MoveToMeans(const MatrixView<float>& points, const Clusters& clusters, int threads, float* centroids) {
  const std::size_t dim = points.cols;
  const std::size_t count = clusters.starts.size() - 1;
  ParallelFor(count, threads, [&](std::size_t c) {
    const std::uint64_t begin = clusters.starts[c];
    const std::uint64_t end = clusters.starts[c + 1];
    if (begin == end) return;
    std::vector<double> sum(dim, 0.0);
    for (std::uint64_t at = begin; at < end; ++at) {
      const float* point = points.row(clusters.members[at]);
      for (std::size_t i = 0; i < dim; ++i) sum[i] += point[i];
    }
    for (std::size_t i = 0; i < dim; ++i) {
      centroids[c * dim + i] = static_cast<float>(sum[i] / static_cast<double>(end - begin));
    }
  });
}

// Puts each cluster that is too small beside the largest one, on either side of its centroid.
void SplitLargest(const MatrixView<float>& points, const Clusters& clusters, float* centroids) {
  constexpr float kNudge = 1.0f / 1024.0f;
  const std::size_t dim = points.cols;
  const std::size_t count = clusters.starts.size() - 1;
  std::vector<double> sizes(count);
  for (std::size_t c = 0; c < count; ++c) sizes[c] = static_cast<double>(clusters.starts[c + 1] - clusters.starts[c]);
  const double mean = static_cast<double>(points.rows) / static_cast<double>(count);
  for (std::size_t small = 0; small < count; ++small) {
    if (sizes[small] >= kTooFew * mean) continue;
    const auto large = static_cast<std::size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
    if (sizes[large] < kTooMany * mean) return;
    for (std::size_t i = 0; i < dim; ++i) {
      const float value = centroids[large * dim + i];
      const float nudge = (i % 2 == 0) ? kNudge : -kNudge;
      centroids[small * dim + i] = value * (1.0f + nudge);
      centroids[large * dim + i] = value * (1.0f - nudge);
    }
    sizes[small] = sizes[large] /= 2.0;
  }
}

}  // namespace

Clusters GroupByCluster(std::span<const std::uint32_t> cluster_of, std::size_t clusters) {
  Clusters grouped;
  grouped.starts.assign(clusters + 1, 0);
  for (const std::uint32_t c : cluster_of) ++grouped.starts[c + 1];
  std::partial_sum(grouped.starts.begin(), grouped.starts.end(), grouped.starts.begin());
  grouped.members.resize(cluster_of.size());
  std::vector<std::uint64_t> next(grouped.starts.begin(), grouped.starts.end() - 1);
  for (std::size_t i = 0; i < cluster_of.size(); ++i) {
    grouped.members[next[cluster_of[i]]++] = static_cast<std::uint32_t>(i);
  }
  return grouped;
}

void AssignNearest(const RowSource& source, const MatrixView<float>& centroids, int threads, Monitor* monitor,
                   std::span<std::uint32_t> nearest) {
  const std::vector<float> bias = HalfSquares(centroids);
  const std::size_t dim = source.dim();
  const std::size_t chunks = (source.size() + kChunk - 1) / kChunk;
  ParallelFor(
      chunks, threads,
      [&](std::size_t chunk) {
        AlignedVector<float> vectors(kPanelLanes * dim);
        AlignedVector<float> panel(kPanelLanes * dim);
        std::uint32_t best[kPanelLanes];
        float score[kPanelLanes];
        const std::size_t end = std::min(source.size(), (chunk + 1) * kChunk);
        for (std::size_t first = chunk * kChunk; first < end; first += kPanelLanes) {
          const std::size_t count = std::min(kPanelLanes, end - first);
          for (std::size_t lane = 0; lane < count; ++lane) source.Read(first + lane, vectors.data() + lane * dim);
          PackPanel(vectors.data(), count, dim, panel.data());
          PanelBest(panel.data(), centroids, bias.data(), best, score);
          std::copy_n(best, count, nearest.data() + first);
        }
      },
      monitor);
}

AlignedVector<float> TrainKMeans(const MatrixView<float>& points, const KMeansOptions& options) {
  const std::size_t dim = points.cols;
  AlignedVector<float> centroids(options.clusters * dim);
  const std::vector<std::uint32_t> starts = SampleRows(points.rows, options.clusters, options.seed);
  for (std::size_t c = 0; c < options.clusters; ++c) {
    std::copy_n(points.row(starts[c]), dim, centroids.data() + c * dim);
  }
  std::vector<std::uint32_t> nearest(points.rows);
  const auto rounds = static_cast<std::size_t>(std::max(options.iterations, 0));
  for (std::size_t round = 0; round < rounds; ++round) {
    StepMonitor step(options.monitor, round, rounds);
    AssignNearest({points, false}, {centroids.data(), options.clusters, dim}, options.threads, &step, nearest);
    const Clusters clusters = GroupByCluster(nearest, options.clusters);
    MoveToMeans(points, clusters, options.threads, centroids.data());
    if (round + 1 < rounds) SplitLargest(points, clusters, centroids.data());
  }
  return centroids;
}

}  // namespace leafscan
