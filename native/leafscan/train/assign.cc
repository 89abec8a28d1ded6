#include "leafscan/train/assign.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/score_key.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/core/top_keys.h"
#include "leafscan/simd/panel.h"

namespace leafscan {
namespace {

constexpr std::size_t kRowsPerChunk = 512;

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

// Reads sixteen rows at a time into a panel.
class PanelReader {
 public:
  explicit PanelReader(const RowSource& source)
      : source_(source), rows_(kPanelLanes * source.dim()), panel_(kPanelLanes * source.dim()) {}

  // Row(lane) is the row for each of count <= 16 lanes.
  template <class Row>
  const float* Read(std::size_t count, const Row& row) {
    for (std::size_t lane = 0; lane < count; ++lane) source_.Read(row(lane), rows_.data() + lane * source_.dim());
    PackPanel(rows_.data(), count, source_.dim(), panel_.data());
    return panel_.data();
  }

 private:
  const RowSource& source_;
  AlignedVector<float> rows_;
  AlignedVector<float> panel_;
};

// The `count` centroids nearest to each centroid, itself included, in ascending order: rows * count.
std::vector<std::uint32_t> Neighbours(const MatrixView<float>& centroids, const std::vector<float>& bias,
                                      std::size_t count, int threads) {
  std::vector<std::uint32_t> neighbours(centroids.rows * count);
  const RowSource source{centroids, false};
  ParallelFor((centroids.rows + kPanelLanes - 1) / kPanelLanes, threads, [&](std::size_t chunk) {
    PanelReader reader(source);
    const std::size_t first = chunk * kPanelLanes;
    const std::size_t lanes = std::min(kPanelLanes, centroids.rows - first);
    const float* panel = reader.Read(lanes, [&](std::size_t lane) { return first + lane; });
    std::vector<PanelHit> hits(kRowsPerChunk * kPanelLanes);
    float thresholds[kPanelLanes];
    std::vector<TopKeys> best(lanes);
    std::fill_n(thresholds, kPanelLanes, std::numeric_limits<float>::infinity());
    std::fill_n(thresholds, lanes, -std::numeric_limits<float>::infinity());
    for (TopKeys& keys : best) keys.Reset(count);
    for (std::size_t begin = 0; begin < centroids.rows; begin += kRowsPerChunk) {
      const std::size_t found = PanelFilter(panel, centroids, bias.data(), begin,
                                            std::min(kRowsPerChunk, centroids.rows - begin), thresholds, hits.data());
      for (std::size_t i = 0; i < found; ++i) best[hits[i].lane].Push(ScoreKey(hits[i].score, hits[i].row));
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        if (best[lane].least() != 0) thresholds[lane] = KeyScore(best[lane].least());
      }
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      std::uint32_t* to = neighbours.data() + (first + lane) * count;
      const auto keys = best[lane].Best();
      std::transform(keys.begin(), keys.end(), to, [](std::uint64_t key) { return KeyRow(key); });
      std::sort(to, to + count);
    }
  });
  return neighbours;
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
  ParallelFor(
      (source.size() + kRowsPerChunk - 1) / kRowsPerChunk, threads,
      [&](std::size_t chunk) {
        PanelReader reader(source);
        std::uint32_t best[kPanelLanes];
        float score[kPanelLanes];
        const std::size_t end = std::min(source.size(), (chunk + 1) * kRowsPerChunk);
        for (std::size_t first = chunk * kRowsPerChunk; first < end; first += kPanelLanes) {
          const std::size_t count = std::min(kPanelLanes, end - first);
          const float* panel = reader.Read(count, [&](std::size_t lane) { return first + lane; });
          PanelBest(panel, centroids, bias.data(), best, score);
          std::copy_n(best, count, nearest.data() + first);
        }
      },
      monitor);
}

void AssignNearby(const RowSource& source, const MatrixView<float>& centroids, const Clusters& clusters,
                  std::span<const std::uint8_t> whole, int threads, Monitor* monitor,
                  std::span<std::uint32_t> nearest) {
  const std::size_t count = std::min(kNeighbours, centroids.rows);
  const std::vector<float> bias = HalfSquares(centroids);
  const std::vector<std::uint32_t> neighbours = Neighbours(centroids, bias, count, threads);
  ParallelFor(
      clusters.count(), threads,
      [&](std::size_t c) {
        const std::span<const std::uint32_t> members = clusters.of(c);
        if (members.empty()) return;
        PanelReader reader(source);
        std::uint32_t best[kPanelLanes];
        float score[kPanelLanes];
        const std::span<const std::uint32_t> near{neighbours.data() + c * count, count};
        AlignedVector<float> some;
        AlignedVector<float> some_bias;
        const bool all = whole[c] != 0 || count == centroids.rows;
        if (!all) {
          some.reserve(count * centroids.cols);
          for (const std::uint32_t neighbour : near) {
            some.insert(some.end(), centroids.row(neighbour), centroids.row(neighbour) + centroids.cols);
            some_bias.push_back(bias[neighbour]);
          }
        }
        for (std::size_t first = 0; first < members.size(); first += kPanelLanes) {
          const std::size_t lanes = std::min(kPanelLanes, members.size() - first);
          const float* panel = reader.Read(lanes, [&](std::size_t lane) { return members[first + lane]; });
          if (all) {
            PanelBest(panel, centroids, bias.data(), best, score);
          } else {
            PanelBest(panel, {some.data(), count, centroids.cols}, some_bias.data(), best, score);
          }
          for (std::size_t lane = 0; lane < lanes; ++lane) {
            nearest[members[first + lane]] = all ? best[lane] : near[best[lane]];
          }
        }
      },
      monitor);
}

}  // namespace leafscan
