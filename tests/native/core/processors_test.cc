#include "leafscan/core/processors.h"

#include <gtest/gtest.h>

#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace leafscan {
namespace {

TEST(ProcessorsTest, AreAtLeastOneAndNoMoreThanThereAre) {
  EXPECT_GE(AvailableThreads(), 1);
  const unsigned there = std::thread::hardware_concurrency();
  if (there > 0) {
    EXPECT_LE(AvailableThreads(), static_cast<int>(there));
  }
}

#if defined(__linux__)
TEST(ProcessorsTest, FollowTheAffinityOfTheMoment) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(AvailableThreads(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
  EXPECT_LE(AvailableThreads(), CPU_COUNT(&all));
}
#endif

}  // namespace
}  // namespace leafscan
