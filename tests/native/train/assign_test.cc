#include "leafscan/train/assign.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

double Distance(const float* a, const float* b, std::size_t dim) {
  double square = 0.0;
  for (std::size_t i = 0; i < dim; ++i) square += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return square;
}

double Least(const float* row, const Rows& centroids) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < centroids.count; ++c) least = std::min(least, Distance(row, centroids.row(c), centroids.dim));
  return least;
}

TEST(AssignTest, ClustersHoldTheirMembersInOrder) {
  Draw draw(1);
  const auto cluster_of = draw.Integers<std::uint32_t>(500, 0, 6);
  const Clusters clusters = GroupByCluster(cluster_of, 9);  // the last two are empty
  ASSERT_EQ(clusters.count(), 9u);
  std::size_t members = 0;
  for (std::size_t c = 0; c < 9; ++c) {
    EXPECT_TRUE(std::is_sorted(clusters.of(c).begin(), clusters.of(c).end()));
    for (const std::uint32_t row : clusters.of(c)) EXPECT_EQ(cluster_of[row], c);
    members += clusters.of(c).size();
  }
  EXPECT_EQ(members, 500u);
  EXPECT_TRUE(clusters.of(8).empty());
  EXPECT_EQ(GroupByCluster({}, 3).count(), 3u);
}

TEST(AssignTest, NearestIsNearest) {
  Draw draw(2);
  for (const std::size_t dim : {1, 3, 17, 100}) {
    for (const std::size_t count : {1, 2, 9, 70}) {
      const Rows rows = NormalRows(draw, 700, dim);
      const Rows centroids = NormalRows(draw, count, dim);
      std::vector<std::uint32_t> nearest(rows.count, 7777);
      AssignNearest({rows.view(), false}, centroids.view(), 1, nullptr, nearest);
      for (std::size_t row = 0; row < rows.count; ++row) {
        ASSERT_LT(nearest[row], count);
        const double least = Least(rows.row(row), centroids);
        ASSERT_NEAR(Distance(rows.row(row), centroids.row(nearest[row]), dim), least,
                    1e-5 * (least + static_cast<double>(dim)));
      }
      for (const int threads : {2, 3}) {
        std::vector<std::uint32_t> again(rows.count);
        AssignNearest({rows.view(), false}, centroids.view(), threads, nullptr, again);
        ASSERT_EQ(again, nearest);
      }
    }
  }
}

TEST(AssignTest, AmongEqualsTheLowestCentroid) {
  const Rows rows{{0.0f, 0.0f, 2.0f, 2.0f}, 2, 2};
  const Rows centroids{{1.0f, 1.0f, 1.0f, 1.0f, 3.0f, 3.0f}, 3, 2};
  std::vector<std::uint32_t> nearest(2);
  AssignNearest({rows.view(), false}, centroids.view(), 1, nullptr, nearest);
  EXPECT_EQ(nearest, (std::vector<std::uint32_t>{0, 0}));
}

TEST(AssignTest, NormalizedRowsAreComparedAsSuch) {
  const Rows rows{{100.0f, 1.0f, 0.0f, 0.001f}, 2, 2};
  const Rows centroids{{0.0f, 1.0f, 1.0f, 0.0f}, 2, 2};
  std::vector<std::uint32_t> nearest(2);
  AssignNearest({rows.view(), true}, centroids.view(), 1, nullptr, nearest);
  EXPECT_EQ(nearest, (std::vector<std::uint32_t>{1, 0}));
}

TEST(AssignTest, NearbyIsNearestAmongNeighbours) {
  Draw draw(3);
  for (const std::size_t count : {std::size_t{1}, std::size_t{30}, kNeighbours, kNeighbours + 1, std::size_t{300}}) {
    const Rows rows = NormalRows(draw, 2000, 6);
    const Rows centroids = NormalRows(draw, count, 6);
    std::vector<std::uint32_t> nearest(rows.count);
    AssignNearest({rows.view(), false}, centroids.view(), 1, nullptr, nearest);
    const Clusters clusters = GroupByCluster(nearest, count);

    const std::vector<std::uint8_t> none(count, 0);
    const std::vector<std::uint8_t> all(count, 1);
    std::vector<std::uint32_t> near(rows.count, 7777);
    // Their own centroid is a neighbour of itself, so rows where they belong stay.
    AssignNearby({rows.view(), false}, centroids.view(), clusters, {none, {}}, 1, nullptr, near);
    EXPECT_EQ(near, nearest);
    // Rows that are put anywhere find their place among all where their cluster is marked.
    const auto anywhere = draw.Integers<std::uint32_t>(rows.count, 0, static_cast<std::int64_t>(count) - 1);
    const Clusters wrong = GroupByCluster(anywhere, count);
    AssignNearby({rows.view(), false}, centroids.view(), wrong, {all, {}}, 2, nullptr, near);
    EXPECT_EQ(near, nearest);
    if (count <= kNeighbours) {
      AssignNearby({rows.view(), false}, centroids.view(), wrong, {none, {}}, 3, nullptr, near);
      EXPECT_EQ(near, nearest);
    }
  }
}

TEST(AssignTest, NearbyLooksAtTheNearestCentroidsOfTheCluster) {
  // Centroids on a line, and all rows in the middle one's cluster: what lies near it is found, what lies further is not.
  constexpr std::uint32_t kHalf = kNeighbours / 2;
  constexpr std::uint32_t kMiddle = 2 * kHalf;
  constexpr std::uint32_t kCount = 2 * kMiddle;
  Rows centroids{std::vector<float>(kCount), kCount, 1};
  for (std::uint32_t c = 0; c < kCount; ++c) centroids.data[c] = static_cast<float>(c);
  const Rows rows = centroids;
  const Clusters clusters = GroupByCluster(std::vector<std::uint32_t>(kCount, kMiddle), kCount);
  const std::vector<std::uint8_t> whole(kCount, 0);
  std::vector<std::uint32_t> near(kCount);
  AssignNearby({rows.view(), false}, centroids.view(), clusters, {whole, {}}, 1, nullptr, near);
  for (std::uint32_t row = 0; row < kCount; ++row) {
    if (row > kMiddle - kHalf && row < kMiddle + kHalf) {
      ASSERT_EQ(near[row], row);
    } else {
      ASSERT_NEAR(near[row], kMiddle, kHalf);
    }
  }
}

TEST(AssignTest, HandicapsAreAddedToSquaredDistances) {
  Draw draw(4);
  const Rows rows = NormalRows(draw, 1000, 5);
  const Rows centroids = NormalRows(draw, 40, 5);
  std::vector<float> handicaps(40);
  for (std::size_t c = 0; c < 40; ++c) handicaps[c] = static_cast<float>(c % 4);
  const Clusters anywhere = GroupByCluster(std::vector<std::uint32_t>(rows.count, 0), 40);
  std::vector<std::uint32_t> near(rows.count);
  AssignNearby({rows.view(), false}, centroids.view(), anywhere, {{}, handicaps}, 2, nullptr, near);
  for (std::size_t row = 0; row < rows.count; ++row) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < 40; ++c) least = std::min(least, Distance(rows.row(row), centroids.row(c), 5) + handicaps[c]);
    ASSERT_NEAR(Distance(rows.row(row), centroids.row(near[row]), 5) + handicaps[near[row]], least, 1e-4);
  }
}

}  // namespace
}  // namespace leafscan
