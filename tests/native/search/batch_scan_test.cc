// How many queries a thread goes through leaf by leaf at a time; what is found is searcher_test.cc's.
#include "leafscan/search/batch_scan.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "fixtures/draw.h"
#include "fixtures/opened_index.h"

namespace leafscan {
namespace {

constexpr std::size_t kLeaves = 40;

OpenedIndex Opened() {
  Draw draw(1);
  BuildOptions options;
  options.leaves = kLeaves;
  options.width = 2;
  return OpenedIndex(NormalRows(draw, 2000, 8), options);
}

TEST(BatchScanTest, EveryThreadHasSomeOfTheQueries) {
  const OpenedIndex index = Opened();
  const Snapshot& snapshot = index.searcher().snapshot();
  for (const int threads : {1, 2, 3, 16}) {
    const auto shares = static_cast<std::size_t>(threads);
    bool together = false;
    for (std::size_t queries = 1; queries < 1200; ++queries) {
      const std::size_t at_once = BatchScan::QueriesAtOnce(snapshot, queries, kLeaves, 50, threads);
      if (at_once == 0) {
        // By itself, since a thread would have too few; never again once there were enough.
        EXPECT_FALSE(together) << queries << " queries, " << threads << " threads";
        EXPECT_LT(queries, 32 * shares);
        continue;
      }
      together = true;
      EXPECT_GE((queries + at_once - 1) / at_once, queries < 33 * shares ? shares - 1 : shares);
      EXPECT_GE(at_once, 32u);
      EXPECT_LE(at_once, BatchScan::kMost);
    }
    EXPECT_TRUE(together);
  }
}

TEST(BatchScanTest, QueriesThatSeldomMeetGoByThemselves) {
  const OpenedIndex index = Opened();
  const Snapshot& snapshot = index.searcher().snapshot();
  EXPECT_EQ(BatchScan::QueriesAtOnce(snapshot, 32, 1, 50, 1), 0u);
  EXPECT_EQ(BatchScan::QueriesAtOnce(snapshot, 32, 2, 50, 1), 32u);
}

}  // namespace
}  // namespace leafscan
