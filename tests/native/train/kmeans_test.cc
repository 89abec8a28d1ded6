#include "leafscan/train/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

KMeansResult Train(const Rows& rows, std::size_t clusters, int iterations = 12, int threads = 1, std::uint64_t seed = 0) {
  KMeansOptions options;
  options.clusters = clusters;
  options.iterations = iterations;
  options.threads = threads;
  options.seed = seed;
  return TrainKMeans({rows.view(), false}, options);
}

std::vector<std::size_t> Sizes(const KMeansResult& result, std::size_t clusters) {
  std::vector<std::size_t> sizes(clusters, 0);
  for (const std::uint32_t c : result.nearest) ++sizes.at(c);
  return sizes;
}

double Distortion(const Rows& rows, const KMeansResult& result) {
  double sum = 0.0;
  for (std::size_t row = 0; row < rows.count; ++row) {
    for (std::size_t i = 0; i < rows.dim; ++i) {
      const double error = static_cast<double>(rows.row(row)[i]) - result.centroids[result.nearest[row] * rows.dim + i];
      sum += error * error;
    }
  }
  return sum;
}

void ExpectMeans(const Rows& rows, const KMeansResult& result, std::size_t clusters) {
  const std::vector<std::size_t> sizes = Sizes(result, clusters);
  std::vector<double> sums(clusters * rows.dim, 0.0);
  for (std::size_t row = 0; row < rows.count; ++row) {
    for (std::size_t i = 0; i < rows.dim; ++i) sums[result.nearest[row] * rows.dim + i] += rows.row(row)[i];
  }
  for (std::size_t c = 0; c < clusters; ++c) {
    for (std::size_t i = 0; i < rows.dim; ++i) {
      const float value = result.centroids[c * rows.dim + i];
      ASSERT_TRUE(std::isfinite(value));
      if (sizes[c] == 0) continue;
      const double mean = sums[c * rows.dim + i] / static_cast<double>(sizes[c]);
      ASSERT_NEAR(value, mean, 1e-6 * std::max(1.0, std::abs(mean)));
    }
  }
}

TEST(KMeansTest, EveryCentroidIsTheMeanOfItsPoints) {
  Draw draw(1);
  for (const std::size_t dim : {1, 3, 17, 100}) {
    for (const std::size_t clusters : {1, 2, 13, 80}) {
      for (const int iterations : {0, 1, 2, 5, 12}) {
        const Rows rows = NormalRows(draw, 1500, dim);
        const KMeansResult result = Train(rows, clusters, iterations);
        ASSERT_EQ(result.centroids.size(), clusters * dim);
        ASSERT_EQ(result.nearest.size(), rows.count);
        ExpectMeans(rows, result, clusters);
      }
    }
  }
}

TEST(KMeansTest, HardRowsGiveFiniteMeans) {
  Draw draw(2);
  for (const std::size_t dim : {1, 7, 33}) {
    const Rows rows = HardRows(draw, 600, dim);
    const KMeansResult result = Train(rows, 20);
    ExpectMeans(rows, result, 20);
  }
}

TEST(KMeansTest, TheSeedAloneDecides) {
  Draw draw(3);
  const Rows rows = NormalRows(draw, 3000, 10);
  const KMeansResult one = Train(rows, 90, 8, 1, 5);
  for (const int threads : {2, 3}) {
    const KMeansResult more = Train(rows, 90, 8, threads, 5);
    EXPECT_EQ(more.centroids, one.centroids);
    EXPECT_EQ(more.nearest, one.nearest);
  }
  EXPECT_NE(Train(rows, 90, 8, 1, 6).centroids, one.centroids);
}

TEST(KMeansTest, RoundsLowerTheDistortion) {
  Draw draw(4);
  const Rows rows = ClusteredRows(draw, 6000, 8, 150, 0.3);
  double last = std::numeric_limits<double>::infinity();
  double first = 0.0;
  for (const int iterations : {1, 2, 3, 5, 8, 12, 20}) {
    const double distortion = Distortion(rows, Train(rows, 100, iterations));
    EXPECT_LT(distortion, 1.03 * last) << iterations;  // a split may cost a little for a while
    if (iterations == 1) first = distortion;
    last = std::min(last, distortion);
  }
  EXPECT_LT(last, 0.9 * first);
}

TEST(KMeansTest, NearestIsNearlyNearestAfterTheLastMove) {
  Draw draw(5);
  const Rows rows = NormalRows(draw, 4000, 6);
  const KMeansResult result = Train(rows, 200);
  double best = 0.0;
  for (std::size_t row = 0; row < rows.count; ++row) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < 200; ++c) {
      double square = 0.0;
      for (std::size_t i = 0; i < 6; ++i) {
        square += std::pow(static_cast<double>(rows.row(row)[i]) - result.centroids[c * 6 + i], 2);
      }
      least = std::min(least, square);
    }
    best += least;
  }
  EXPECT_LT(Distortion(rows, result), 1.02 * best);
}

TEST(KMeansTest, NoClusterIsEmptyOnClusteredPoints) {
  Draw draw(6);
  for (const std::size_t groups : {3, 20, 100}) {
    for (const std::size_t clusters : {20, 64, 100}) {
      for (const double spread : {0.001, 0.02, 0.3}) {
        const Rows rows = ClusteredRows(draw, 4000, 8, groups, spread);
        const std::vector<std::size_t> sizes = Sizes(Train(rows, clusters), clusters);
        EXPECT_GT(*std::min_element(sizes.begin(), sizes.end()), 0u) << groups << " groups, " << clusters << " clusters";
        EXPECT_LT(*std::max_element(sizes.begin(), sizes.end()), std::max(4000 / groups + 1, 6 * 4000 / clusters));
      }
    }
  }
}

// Inner products of float32 drown small distances far from the origin; that is what a source's center is for.
TEST(KMeansTest, NoClusterIsEmptyFarFromTheOriginSeenFromTheCenter) {
  Draw draw(7);
  for (const float offset : {10.0f, 100.0f, 1000.0f}) {
    Rows rows = ClusteredRows(draw, 4000, 8, 10, 0.3);
    for (float& value : rows.data) value += offset;
    const std::vector<float> center(8, offset);
    KMeansOptions options;
    options.clusters = 60;
    const std::vector<std::size_t> sizes = Sizes(TrainKMeans({rows.view(), false, center.data()}, options), 60);
    EXPECT_EQ(std::count(sizes.begin(), sizes.end(), std::size_t{0}), 0) << "offset " << offset;
  }
}

TEST(KMeansTest, OneGroupHoldsNearlyAllPoints) {
  Draw draw(8);
  Rows rows = NormalRows(draw, 3000, 5);
  for (std::size_t row = 0; row < 2700; ++row) {
    for (std::size_t i = 0; i < 5; ++i) rows.row(row)[i] = 3.0f + 0.01f * rows.row(row)[i];
  }
  const std::vector<std::size_t> sizes = Sizes(Train(rows, 50, 12), 50);
  EXPECT_GT(*std::min_element(sizes.begin(), sizes.end()), 0u);
  EXPECT_LT(*std::max_element(sizes.begin(), sizes.end()), 1000u);
}

TEST(KMeansTest, AsManyClustersAsPoints) {
  Draw draw(9);
  for (const std::size_t count : {1, 2, 17, 100}) {
    const Rows rows = NormalRows(draw, count, 4);
    for (const int iterations : {1, 12}) {
      const KMeansResult result = Train(rows, count, iterations);
      const std::set<std::uint32_t> used(result.nearest.begin(), result.nearest.end());
      EXPECT_EQ(used.size(), count);
      EXPECT_EQ(Distortion(rows, result), 0.0);
    }
  }
}

TEST(KMeansTest, CopiesOfOnePointShareACluster) {
  for (const float value : {0.0f, 2.5f, -1e6f}) {
    const Rows rows{std::vector<float>(200 * 3, value), 200, 3};
    const KMeansResult result = Train(rows, 8);
    EXPECT_EQ(std::set<std::uint32_t>(result.nearest.begin(), result.nearest.end()).size(), 1u);
    EXPECT_EQ(Distortion(rows, result), 0.0);
    for (const float component : result.centroids) EXPECT_TRUE(std::isfinite(component));
  }
}

TEST(KMeansTest, SphericalClustersGoByDirection) {
  Draw draw(10);
  Rows rows = NormalRows(draw, 2000, 6);
  for (std::size_t row = 0; row < rows.count; ++row) Normalize(rows.row(row), 6, rows.row(row));
  KMeansOptions options;
  options.clusters = 40;
  options.spherical = true;
  const KMeansResult result = TrainKMeans({rows.view(), true}, options);
  ExpectMeans(rows, result, 40);
  std::size_t right = 0;
  for (std::size_t row = 0; row < rows.count; ++row) {
    std::size_t best = 0;
    double most = -2.0;
    for (std::size_t c = 0; c < 40; ++c) {
      double product = 0.0;
      double square = 0.0;
      for (std::size_t i = 0; i < 6; ++i) {
        const double value = result.centroids[c * 6 + i];
        product += rows.row(row)[i] * value;
        square += value * value;
      }
      if (product / std::sqrt(square) > most) {
        most = product / std::sqrt(square);
        best = c;
      }
    }
    right += best == result.nearest[row];
  }
  EXPECT_GT(right, rows.count * 9 / 10);
  const std::vector<std::size_t> sizes = Sizes(result, 40);
  EXPECT_GT(*std::min_element(sizes.begin(), sizes.end()), 0u);
}

double Unevenness(const std::vector<std::size_t>& sizes) {
  double sum = 0.0;
  double squares = 0.0;
  for (const std::size_t size : sizes) {
    sum += static_cast<double>(size);
    squares += static_cast<double>(size) * static_cast<double>(size);
  }
  return squares * static_cast<double>(sizes.size()) / (sum * sum);
}

TEST(KMeansTest, BalancedClustersAreOfLikeSizeAndAsClose) {
  for (const std::size_t clusters : {60, 600}) {
    Draw draw(20);
    const Rows rows = ClusteredRows(draw, 12000, 12, 300, 0.6);
    KMeansOptions options;
    options.clusters = clusters;
    const KMeansResult plain = TrainKMeans({rows.view(), false}, options);
    options.balanced = true;
    const KMeansResult balanced = TrainKMeans({rows.view(), false}, options);
    ExpectMeans(rows, balanced, clusters);
    const double excess = Unevenness(Sizes(plain, clusters)) - 1.0;
    EXPECT_LT(Unevenness(Sizes(balanced, clusters)) - 1.0, 0.7 * excess) << clusters;
    EXPECT_LT(Distortion(rows, balanced), 1.02 * Distortion(rows, plain)) << clusters;
    for (const int threads : {2, 3}) {
      options.threads = threads;
      const KMeansResult again = TrainKMeans({rows.view(), false}, options);
      EXPECT_EQ(again.nearest, balanced.nearest);
      EXPECT_EQ(again.centroids, balanced.centroids);
    }
  }
}

TEST(KMeansTest, ManyClustersOfEqualHardAndFewPoints) {
  Draw draw(21);
  KMeansOptions options;
  options.clusters = 600;
  options.balanced = true;
  for (const Rows& rows : {HardRows(draw, 900, 7), NormalRows(draw, 600, 3), Rows{std::vector<float>(2000, 2.5f), 1000, 2}}) {
    ExpectMeans(rows, TrainKMeans({rows.view(), false}, options), 600);
  }
  const Rows rows = NormalRows(draw, 600, 3);
  EXPECT_EQ(Distortion(rows, TrainKMeans({rows.view(), false}, options)), 0.0);
}

class Recorder final : public Monitor {
 public:
  void Stage(std::string_view) override {}
  void Tick(std::size_t done, std::size_t total) override {
    EXPECT_LE(done, total);
    const double share = static_cast<double>(done) / static_cast<double>(total);
    EXPECT_GE(share, last);
    last = share;
    if (last >= stop_at) throw std::runtime_error("stopped");
  }

  double last = 0.0;
  double stop_at = 2.0;
};

TEST(KMeansTest, TheMonitorSeesTheWholeStageAndMayStopIt) {
  Draw draw(11);
  const Rows rows = NormalRows(draw, 3000, 4);
  for (const std::size_t clusters : {30, 600}) {
    Recorder recorder;
    KMeansOptions options;
    options.clusters = clusters;
    options.monitor = &recorder;
    TrainKMeans({rows.view(), false}, options);
    EXPECT_EQ(recorder.last, 1.0);
    recorder.last = 0.0;
    recorder.stop_at = 0.5;
    EXPECT_THROW(TrainKMeans({rows.view(), false}, options), std::runtime_error);
  }
}

}  // namespace
}  // namespace leafscan
