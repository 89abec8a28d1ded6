#include "leafscan/train/assign.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/score_key.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/core/top_keys.h"
#include "leafscan/simd/panel.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

constexpr std::size_t kRowsPerChunk = 512;
constexpr std::size_t kRowsPerPiece = 2048;
// How many centroids the rows of a group are compared with, at least and as a share.
constexpr std::size_t kFewestSeen = 256;
constexpr double kShareSeen = 1.0 / 6.0;

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

namespace {

// Compares the rows of each cluster with the centroids that `seen(c)` lists, in ascending order; an empty list means all.
template <class Seen>
void AssignAmong(const RowSource& source, const MatrixView<float>& centroids, const std::vector<float>& bias,
                 const Clusters& clusters, const Seen& seen, int threads, Monitor* monitor,
                 std::span<std::uint32_t> nearest) {
  // Large clusters are cut, so that threads end together.
  struct Piece {
    std::size_t cluster;
    std::size_t first;
  };
  std::vector<Piece> pieces;
  for (std::size_t c = 0; c < clusters.count(); ++c) {
    for (std::size_t first = 0; first < clusters.of(c).size(); first += kRowsPerPiece) pieces.push_back({c, first});
  }
  ParallelFor(
      pieces.size(), threads,
      [&](std::size_t piece) {
        const std::size_t c = pieces[piece].cluster;
        const std::span<const std::uint32_t> all_members = clusters.of(c);
        const std::size_t first_member = pieces[piece].first;
        const std::span<const std::uint32_t> members =
            all_members.subspan(first_member, std::min(kRowsPerPiece, all_members.size() - first_member));
        PanelReader reader(source);
        std::uint32_t best[kPanelLanes];
        float score[kPanelLanes];
        const std::span<const std::uint32_t> some = seen(c);
        AlignedVector<float> copies(some.size() * centroids.cols);
        std::vector<float> some_bias(some.size());
        for (std::size_t i = 0; i < some.size(); ++i) {
          std::copy_n(centroids.row(some[i]), centroids.cols, copies.data() + i * centroids.cols);
          some_bias[i] = bias[some[i]];
        }
        for (std::size_t first = 0; first < members.size(); first += kPanelLanes) {
          const std::size_t lanes = std::min(kPanelLanes, members.size() - first);
          const float* panel = reader.Read(lanes, [&](std::size_t lane) { return members[first + lane]; });
          const std::size_t after = std::min(members.size(), first + 2 * kPanelLanes);
          for (std::size_t next = first + kPanelLanes; next < after; ++next) source.Fetch(members[next]);
          if (some.empty()) {
            PanelBest(panel, centroids, bias.data(), best, score);
          } else {
            PanelBest(panel, {copies.data(), some.size(), centroids.cols}, some_bias.data(), best, score);
          }
          for (std::size_t lane = 0; lane < lanes; ++lane) {
            nearest[members[first + lane]] = some.empty() ? best[lane] : some[best[lane]];
          }
        }
      },
      monitor);
}

}  // namespace

void AssignNearby(const RowSource& source, const MatrixView<float>& centroids, const Clusters& clusters,
                  const ClusterTraits& traits, int threads, Monitor* monitor, std::span<std::uint32_t> nearest) {
  const std::size_t count = std::min(kNeighbours, centroids.rows);
  std::vector<float> bias = HalfSquares(centroids);
  for (std::size_t c = 0; c < traits.handicaps.size(); ++c) bias[c] -= 0.5f * traits.handicaps[c];
  const std::vector<std::uint32_t> neighbours = Neighbours(centroids, bias, count, threads);
  const auto seen = [&](std::size_t c) {
    return !traits.moved.empty() && traits.moved[c] != 0 ? std::span<const std::uint32_t>() : std::span(neighbours).subspan(c * count, count);
  };
  AssignAmong(source, centroids, bias, clusters, seen, threads, monitor, nearest);
}

void AssignByGroups(const RowSource& source, const MatrixView<float>& centroids, const MatrixView<float>& groups,
                    int threads, Monitor* monitor, std::span<std::uint32_t> nearest) {
  std::vector<std::uint32_t> group_of(centroids.rows);
  AssignNearest({centroids, false}, groups, threads, nullptr, group_of);
  const Clusters members = GroupByCluster(group_of, groups.rows);

  // What the rows of each group see: the centroids of the nearest groups, until there are enough of them.
  const std::size_t enough = std::max(kFewestSeen, static_cast<std::size_t>(kShareSeen * static_cast<double>(centroids.rows)));
  std::vector<std::vector<std::uint32_t>> seen(groups.rows);
  ParallelFor(groups.rows, threads, [&](std::size_t g) {
    std::vector<std::uint64_t> order(groups.rows);
    for (std::size_t other = 0; other < groups.rows; ++other) {
      const float closeness = RowScore(Metric::kSquaredL2, groups.row(g), groups.row(other), groups.cols);
      order[other] = ScoreKey(closeness, static_cast<std::uint32_t>(other));
    }
    std::sort(order.begin(), order.end(), std::greater<>());
    for (const std::uint64_t key : order) {
      if (seen[g].size() >= enough) break;
      const auto more = members.of(KeyRow(key));
      seen[g].insert(seen[g].end(), more.begin(), more.end());
    }
    std::sort(seen[g].begin(), seen[g].end());
  });

  StepMonitor coarse(monitor, 0, 2);
  StepMonitor fine(monitor, 1, 2);
  std::vector<std::uint32_t> coarse_of(source.size());
  AssignNearest(source, groups, threads, &coarse, coarse_of);
  AssignAmong(source, centroids, HalfSquares(centroids), GroupByCluster(coarse_of, groups.rows),
              [&](std::size_t g) { return std::span<const std::uint32_t>(seen[g]); }, threads, &fine, nearest);
}

}  // namespace leafscan
