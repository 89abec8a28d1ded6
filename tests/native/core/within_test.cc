#include "leafscan/core/within.h"

#include <gtest/gtest.h>

#include <limits>

namespace leafscan {
namespace {

TEST(Within, BringsNumbersBetweenTheLimits) {
  EXPECT_EQ(Within(3.5f, 7.0f), 3.5f);
  EXPECT_EQ(Within(-7.0f, 7.0f), -7.0f);
  EXPECT_EQ(Within(7.5, 7.0), 7.0);
  EXPECT_EQ(Within(-1e300, 7.0), -7.0);
}

TEST(Within, BringsWhatIsNotANumberThereToo) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Within(infinity, 7.0f), 7.0f);
  EXPECT_EQ(Within(-infinity, 7.0f), -7.0f);
  EXPECT_EQ(Within(std::numeric_limits<float>::quiet_NaN(), 7.0f), 7.0f);
  EXPECT_EQ(Within(-std::numeric_limits<double>::quiet_NaN(), 7.0), 7.0);
}

}  // namespace
}  // namespace leafscan
