#include "leafscan/train/starts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/train/assign.h"
#include "leafscan/train/sample.h"

namespace leafscan {
namespace {

std::vector<float> Start(const Rows& rows, std::size_t clusters, int threads = 1, std::uint64_t seed = 0,
                         bool spherical = false) {
  KMeansOptions options;
  options.clusters = clusters;
  options.threads = threads;
  options.seed = seed;
  options.spherical = spherical;
  std::vector<float> centroids(clusters * rows.dim, 7e7f);
  StartByGroups({rows.view(), false}, options, nullptr, centroids);
  return centroids;
}

double Distortion(const Rows& rows, const std::vector<float>& centroids) {
  std::vector<std::uint32_t> nearest(rows.count);
  AssignNearest({rows.view(), false}, {centroids.data(), centroids.size() / rows.dim, rows.dim}, 1, nullptr, nearest);
  double sum = 0.0;
  for (std::size_t row = 0; row < rows.count; ++row) {
    for (std::size_t i = 0; i < rows.dim; ++i) {
      sum += std::pow(static_cast<double>(rows.row(row)[i]) - centroids[nearest[row] * rows.dim + i], 2);
    }
  }
  return sum;
}

TEST(StartsTest, StartsLieCloserThanPointsDo) {
  Draw draw(1);
  const Rows rows = ClusteredRows(draw, 6000, 8, 150, 0.3);
  for (const std::size_t clusters : {17, 100, 600}) {
    const std::vector<float> starts = Start(rows, clusters);
    std::vector<float> points;
    for (const std::uint32_t row : SampleRows(rows.count, clusters, 0)) {
      points.insert(points.end(), rows.row(row), rows.row(row) + rows.dim);
    }
    EXPECT_LT(Distortion(rows, starts), 0.8 * Distortion(rows, points)) << clusters;
  }
}

TEST(StartsTest, AnyNumberOfPointsAndClusters) {
  Draw draw(2);
  for (const std::size_t count : {1, 2, 5, 100, 701}) {
    const Rows rows = NormalRows(draw, count, 3);
    for (const std::size_t clusters : {std::size_t{1}, count / 2 + 1, count}) {
      for (const bool spherical : {false, true}) {
        const std::vector<float> starts = Start(rows, clusters, 1, 0, spherical);
        for (const float value : starts) EXPECT_LT(std::abs(value), 100.0f);  // each was written
      }
    }
    // As many clusters as points: each point is one.
    const std::vector<float> starts = Start(rows, count);
    std::set<std::vector<float>> found;
    for (std::size_t c = 0; c < count; ++c) found.insert({starts.begin() + c * 3, starts.begin() + (c + 1) * 3});
    EXPECT_EQ(found.size(), count);
    EXPECT_EQ(Distortion(rows, starts), 0.0);
  }
}

TEST(StartsTest, TheSeedAloneDecides) {
  Draw draw(3);
  const Rows rows = NormalRows(draw, 3000, 10);
  const std::vector<float> one = Start(rows, 90, 1, 5);
  EXPECT_EQ(Start(rows, 90, 2, 5), one);
  EXPECT_EQ(Start(rows, 90, 3, 5), one);
  EXPECT_NE(Start(rows, 90, 1, 6), one);
}

}  // namespace
}  // namespace leafscan
