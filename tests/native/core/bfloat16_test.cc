#include "leafscan/core/bfloat16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

TEST(BFloat16Test, EveryFiniteValueComesBack) {
  for (std::uint32_t bits = 0; bits <= 0xFFFFu; ++bits) {
    const float value = FromBFloat16(static_cast<std::uint16_t>(bits));
    if (std::isfinite(value)) {
      ASSERT_EQ(ToBFloat16(value), bits);
    }
  }
}

TEST(BFloat16Test, RoundsToTheNearest) {
  Draw draw(1);
  for (int i = 0; i < 20'000; ++i) {
    const float value = static_cast<float>(draw.Normal() * std::pow(10.0, 60.0 * draw.Unit() - 30.0));
    const std::uint16_t bits = ToBFloat16(value);
    const auto error = [&](int step) {
      return std::abs(static_cast<double>(value) - FromBFloat16(static_cast<std::uint16_t>(bits + step)));
    };
    ASSERT_LE(error(0), error(1)) << value;
    ASSERT_LE(error(0), error(-1)) << value;
  }
}

TEST(BFloat16Test, TiesGoToEven) {
  EXPECT_EQ(ToBFloat16(1.0f + 0x1p-8f), 0x3F80u);             // between 1 and 1 + 2^-7
  EXPECT_EQ(ToBFloat16(1.0f + 0x1p-7f + 0x1p-8f), 0x3F82u);
  EXPECT_EQ(ToBFloat16(-1.0f - 0x1p-8f), 0xBF80u);
  EXPECT_EQ(ToBFloat16(0x1p-134f), 0u);                       // between 0 and the least subnormal
}

TEST(BFloat16Test, NothingFiniteBecomesInfinite) {
  EXPECT_EQ(ToBFloat16(std::numeric_limits<float>::max()), 0x7F7Fu);
  EXPECT_EQ(ToBFloat16(std::numeric_limits<float>::lowest()), 0xFF7Fu);
}

}  // namespace
}  // namespace leafscan
