#include "leafscan/core/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace leafscan {
namespace {

TEST(RandomTest, IsSplitMix64) {
  // The first numbers for the seed 1234567, as published with the algorithm's reference implementation.
  Random random(1234567);
  EXPECT_EQ(random.Next(), 6457827717110365317u);
  EXPECT_EQ(random.Next(), 3203168211198807973u);
  EXPECT_EQ(random.Next(), 9817491932198370423u);
  EXPECT_EQ(random.Next(), 4593380528125082431u);
  EXPECT_EQ(random.Next(), 16408922859458223821u);
}

TEST(RandomTest, BelowIsBelowAndEven) {
  Random random(7);
  std::array<int, 10> counts{};
  for (int i = 0; i < 10000; ++i) ++counts.at(random.Below(10));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.Below(1), 0u);
}

}  // namespace
}  // namespace leafscan
