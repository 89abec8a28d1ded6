#include "leafscan/train/upper_leaves.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

KMeansOptions Options(std::size_t upper, bool spherical, int threads) {
  KMeansOptions options;
  options.clusters = upper;
  options.spherical = spherical;
  options.seed = 7;
  options.threads = threads;
  return options;
}

TEST(UpperLeavesTest, EachLeafIsInOneUpperLeafWhoseCentroidIsTheMean) {
  Draw draw(1);
  for (const bool spherical : {false, true}) {
    for (const std::size_t upper : {1, 7, 60}) {
      const Rows centroids = ClusteredRows(draw, 200, 9, 7);
      const UpperLeaves made = GroupLeaves(centroids.view(), Options(upper, spherical, 1));
      std::vector<std::uint32_t> sorted = made.leaves;
      std::sort(sorted.begin(), sorted.end());
      std::vector<std::uint32_t> all(200);
      std::iota(all.begin(), all.end(), 0u);
      ASSERT_EQ(sorted, all);
      ASSERT_EQ(made.offsets.size(), upper + 1);
      ASSERT_EQ(made.offsets.front(), 0u);
      ASSERT_EQ(made.offsets.back(), 200u);
      for (std::size_t u = 0; u < upper; ++u) {
        const std::size_t count = made.offsets[u + 1] - made.offsets[u];
        if (count == 0) continue;
        std::vector<double> mean(9, 0.0);
        for (std::size_t i = made.offsets[u]; i < made.offsets[u + 1]; ++i) {
          std::vector<float> row(9);
          RowSource{centroids.view(), spherical}.Read(made.leaves[i], row.data());
          for (std::size_t j = 0; j < 9; ++j) mean[j] += row[j] / static_cast<double>(count);
        }
        for (std::size_t j = 0; j < 9; ++j) ASSERT_NEAR(made.centroids[u * 9 + j], mean[j], 1e-5);
      }
    }
  }
}

TEST(UpperLeavesTest, LeavesOfOneClusterStayTogether) {
  Draw draw(2);
  const Rows centroids = ClusteredRows(draw, 350, 12, 7);
  const UpperLeaves made = GroupLeaves(centroids.view(), Options(14, false, 1));
  for (std::size_t u = 0; u < 14; ++u) {
    for (std::size_t i = made.offsets[u]; i < made.offsets[u + 1]; ++i) {
      ASSERT_EQ(made.leaves[i] % 7, made.leaves[made.offsets[u]] % 7);
    }
  }
}

TEST(UpperLeavesTest, ThreadsChangeNothing) {
  Draw draw(3);
  const Rows centroids = NormalRows(draw, 900, 8);
  const UpperLeaves one = GroupLeaves(centroids.view(), Options(30, true, 1));
  const UpperLeaves three = GroupLeaves(centroids.view(), Options(30, true, 3));
  EXPECT_EQ(one.centroids, three.centroids);
  EXPECT_EQ(one.offsets, three.offsets);
  EXPECT_EQ(one.leaves, three.leaves);
}

}  // namespace
}  // namespace leafscan
