#include "leafscan/hash/layout.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

TEST(LayoutTest, CodesComeBackFromWhereTheyWerePut) {
  Draw draw(1);
  for (const std::size_t blocks : {1, 2, 4, 7, 52}) {
    std::vector<std::uint8_t> group(PaddedBlocks(blocks) * kBlockBytes, 0);
    const auto codes = draw.Integers<std::uint8_t>(blocks * kGroupPoints, 0, 15);
    for (std::size_t block = 0; block < blocks; ++block) {
      for (std::size_t j = 0; j < kGroupPoints; ++j) PutCode(group.data(), block, j, codes[block * kGroupPoints + j]);
    }
    for (std::size_t block = 0; block < PaddedBlocks(blocks); ++block) {
      for (std::size_t j = 0; j < kGroupPoints; ++j) {
        EXPECT_EQ(GetCode(group.data(), block, j), block < blocks ? codes[block * kGroupPoints + j] : 0);
      }
    }
  }
}

TEST(LayoutTest, PointsShareBytesSixteenApart) {
  std::uint8_t group[2 * kBlockBytes] = {};
  PutCode(group, 1, 3, 0xA);
  PutCode(group, 1, 19, 0x5);
  EXPECT_EQ(group[kBlockBytes + 3], 0x5A);
}

TEST(LayoutTest, CodesOfEightBitsHaveAByteEach) {
  Draw draw(2);
  for (const std::size_t blocks : {1, 2, 3, 25}) {
    const CodeLayout layout{blocks, kWideWords};
    EXPECT_TRUE(layout.wide());
    EXPECT_EQ(layout.padded_blocks(), (blocks + 1) / 2 * 2);
    EXPECT_EQ(layout.group_bytes(), layout.padded_blocks() * 32);
    std::vector<std::uint8_t> group(layout.group_bytes(), 0);
    const auto codes = draw.Integers<std::uint8_t>(blocks * kGroupPoints, 0, 255);
    for (std::size_t block = 0; block < blocks; ++block) {
      for (std::size_t j = 0; j < kGroupPoints; ++j) layout.Put(group.data(), block, j, codes[block * kGroupPoints + j]);
    }
    for (std::size_t i = 0; i < group.size(); ++i) EXPECT_EQ(group[i], i < codes.size() ? codes[i] : 0);
  }
}

TEST(LayoutTest, ALayoutOfFourBitsIsThatOfItsParts) {
  const CodeLayout layout{7};
  EXPECT_FALSE(layout.wide());
  EXPECT_EQ(layout.padded_blocks(), PaddedBlocks(7));
  EXPECT_EQ(layout.block_bytes(), kBlockBytes);
  EXPECT_EQ(layout.group_bytes(), PaddedBlocks(7) * kBlockBytes);
  std::vector<std::uint8_t> group(layout.group_bytes(), 0);
  layout.Put(group.data(), 6, 19, 13);
  EXPECT_EQ(GetCode(group.data(), 6, 19), 13);
}

TEST(LayoutTest, Sizes) {
  EXPECT_EQ(PaddedBlocks(1), 4u);
  EXPECT_EQ(PaddedBlocks(4), 4u);
  EXPECT_EQ(PaddedBlocks(5), 8u);
  EXPECT_EQ(GroupsOf(0), 0u);
  EXPECT_EQ(GroupsOf(1), 1u);
  EXPECT_EQ(GroupsOf(32), 1u);
  EXPECT_EQ(GroupsOf(33), 2u);
}

}  // namespace
}  // namespace leafscan
