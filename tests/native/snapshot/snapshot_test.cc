#include "leafscan/snapshot/snapshot.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "fixtures/draw.h"
#include "fixtures/opened_index.h"
#include "leafscan/hash/layout.h"

namespace leafscan {
namespace {

BuildOptions Plan(std::size_t leaves, std::size_t width, bool spill) {
  BuildOptions options;
  options.metric = Metric::kSquaredL2;
  options.leaves = leaves;
  options.width = width;
  options.tree_iterations = 3;
  options.code_iterations = 2;
  options.soar_lambda = spill ? 1.0f : -1.0f;
  return options;
}

TEST(SnapshotTest, SegmentsLieOneAfterAnother) {
  Draw draw(1);
  const Rows rows = ClusteredRows(draw, 777, 9, 11);
  for (const bool spill : {false, true}) {
    const OpenedIndex index(rows, Plan(20, 2, spill));
    const Snapshot& snapshot = index.searcher().snapshot();
    const Sections& built = index.built();
    EXPECT_TRUE(snapshot.has_tree());
    EXPECT_TRUE(snapshot.has_codes());
    EXPECT_TRUE(snapshot.has_rows());
    EXPECT_EQ(snapshot.has_spill(), spill);
    ASSERT_EQ(snapshot.leaves.size(), 20u);
    std::size_t group = 0;
    std::size_t spill_group = 0;
    const std::size_t bytes = PaddedBlocks(5) * kBlockBytes;
    for (std::size_t l = 0; l < 20; ++l) {
      const Leaf& leaf = snapshot.leaves[l];
      for (const Segment& segment : leaf.segments) {
        const bool second = segment.rows != nullptr;
        EXPECT_EQ(segment.second, second);
        std::size_t& at = second ? spill_group : group;
        const CodeSections& codes = second ? built.spill : built.primary;
        EXPECT_EQ(segment.codes, codes.codes.data() + at * bytes);
        EXPECT_EQ(segment.live, codes.live.data() + at);
        EXPECT_EQ(segment.terms, codes.terms.data() + at * kGroupPoints);
        if (second) {
          EXPECT_EQ(segment.rows, built.spill_rows.data() + at * kGroupPoints);
        } else {
          EXPECT_EQ(segment.first_row, built.leaf_offsets[l]);
        }
        at += segment.groups;
      }
    }
    EXPECT_EQ(group, built.primary.live.size());
    EXPECT_EQ(spill_group, built.spill.live.size());
  }
}

TEST(SnapshotTest, CodebooksAreTransposed) {
  Draw draw(2);
  const Rows rows = NormalRows(draw, 100, 7);
  const OpenedIndex index(rows, Plan(0, 3, false));
  const TransposedCodebooks& books = index.searcher().snapshot().codebooks;
  ASSERT_EQ(books.blocks, 3u);
  ASSERT_EQ(books.width, 3u);
  for (std::size_t block = 0; block < 3; ++block) {
    for (std::size_t code = 0; code < kCodeWords; ++code) {
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(books.words[(block * 3 + i) * kCodeWords + code],
                  index.built().codebooks[(block * kCodeWords + code) * 3 + i]);
      }
    }
  }
  EXPECT_EQ(index.searcher().snapshot().leaves.size(), 1u);
}

TEST(SnapshotTest, RowsAloneAreASnapshot) {
  Draw draw(3);
  const Rows rows = NormalRows(draw, 10, 2);
  const OpenedIndex index(rows, Plan(0, 0, false));
  EXPECT_FALSE(index.searcher().snapshot().has_tree());
  EXPECT_FALSE(index.searcher().snapshot().has_codes());
  ASSERT_EQ(index.searcher().snapshot().leaves[0].segments.size(), 1u);
  const Segment& segment = index.searcher().snapshot().leaves[0].segments[0];
  EXPECT_EQ(segment.codes, nullptr);
  ASSERT_EQ(segment.groups, 1u);
  EXPECT_EQ(segment.live[0], (1u << 10) - 1);
}

}  // namespace
}  // namespace leafscan
