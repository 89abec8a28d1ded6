#include "leafscan/reorder/row_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/core/bfloat16.h"

namespace leafscan {
namespace {

std::vector<std::uint32_t> Shuffled(Draw& draw, std::size_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[draw.Below(i)]);
  return order;
}

// The rows that a source gives, in an order.
std::vector<float> Given(const RowSource& source, const std::vector<std::uint32_t>& order) {
  std::vector<float> given(order.size() * source.dim());
  for (std::size_t r = 0; r < order.size(); ++r) source.Read(order[r], given.data() + r * source.dim());
  return given;
}

TEST(RowEncoderTest, BFloat16IsTheNearestInTheOrderAsked) {
  Draw draw(1);
  const Rows rows = HardRows(draw, 2'100, 9);
  const std::vector<std::uint32_t> order = Shuffled(draw, rows.count);
  for (const bool normalize : {false, true}) {
    const RowSource source{rows.view(), normalize};
    const std::vector<float> given = Given(source, order);
    const auto encoded = EncodeBFloat16(source, order, {0.0, 2, nullptr});
    ASSERT_EQ(encoded.size(), given.size());
    for (std::size_t i = 0; i < given.size(); ++i) ASSERT_EQ(encoded[i], ToBFloat16(given[i]));
  }
}

TEST(RowEncoderTest, Int8IsWithinHalfAStep) {
  Draw draw(2);
  const Rows rows = HardRows(draw, 2'100, 9);
  const std::vector<std::uint32_t> order = Shuffled(draw, rows.count);
  for (const bool normalize : {false, true}) {
    const RowSource source{rows.view(), normalize};
    const std::vector<float> given = Given(source, order);
    const auto scales = MeasureScales(source, 2, nullptr);
    const auto encoded = EncodeInt8(source, order, scales, {0.0, 2, nullptr});
    for (std::size_t i = 0; i < 9; ++i) {
      float most = 0.0f;
      for (std::size_t r = 0; r < rows.count; ++r) most = std::max(most, std::abs(given[r * 9 + i]));
      ASSERT_EQ(scales[i], most / 127.0f);
    }
    for (std::size_t at = 0; at < given.size(); ++at) {
      const double scale = scales[at % 9];
      ASSERT_LE(std::abs(given[at] - scale * encoded[at]), scale * (0.5 + 1e-4));
    }
  }
}

TEST(RowEncoderTest, ThreadsChangeNothing) {
  Draw draw(3);
  const Rows rows = NormalRows(draw, 5'000, 20);
  const RowSource source{rows.view(), true};
  const std::vector<std::uint32_t> order = Shuffled(draw, rows.count);
  const auto scales = MeasureScales(source, 1, nullptr);
  EXPECT_EQ(scales, MeasureScales(source, 5, nullptr));
  EXPECT_EQ(EncodeInt8(source, order, scales, {0.3, 1, nullptr}), EncodeInt8(source, order, scales, {0.3, 5, nullptr}));
  EXPECT_EQ(EncodeBFloat16(source, order, {0.3, 1, nullptr}), EncodeBFloat16(source, order, {0.3, 5, nullptr}));
}

TEST(RowEncoderTest, ShapingTakesNeighboursOnlyAndLowersTheErrorAlongTheRows) {
  Draw draw(4);
  constexpr std::size_t kDim = 32;
  const Rows rows = NormalRows(draw, 300, kDim);
  const RowSource source{rows.view(), true};
  const std::vector<std::uint32_t> order = Shuffled(draw, rows.count);
  const std::vector<float> given = Given(source, order);
  const auto scales = MeasureScales(source, 1, nullptr);
  const auto along = [&](const auto& decoded) {
    double sum = 0.0;
    for (std::size_t r = 0; r < rows.count; ++r) {
      double row = 0.0;
      for (std::size_t i = r * kDim; i < (r + 1) * kDim; ++i) row += (given[i] - decoded(i)) * given[i];
      sum += row * row;
    }
    return sum;
  };
  const auto plain8 = EncodeInt8(source, order, scales, {0.0, 1, nullptr});
  const auto shaped8 = EncodeInt8(source, order, scales, {0.5, 1, nullptr});
  const auto plain16 = EncodeBFloat16(source, order, {0.0, 1, nullptr});
  const auto shaped16 = EncodeBFloat16(source, order, {0.5, 1, nullptr});
  for (std::size_t i = 0; i < given.size(); ++i) {
    const double scale = scales[i % kDim];
    ASSERT_LT(std::abs(given[i] - scale * shaped8[i]), scale * 1.0001);
    ASSERT_LE(std::abs(shaped16[i] - plain16[i]), 1);
  }
  const auto of8 = [&](const auto& rows8) {
    return along([&](std::size_t i) { return static_cast<double>(scales[i % kDim]) * rows8[i]; });
  };
  const auto of16 = [&](const auto& rows16) {
    return along([&](std::size_t i) { return static_cast<double>(FromBFloat16(rows16[i])); });
  };
  EXPECT_LT(of8(shaped8), 0.1 * of8(plain8));
  EXPECT_LT(of16(shaped16), 0.1 * of16(plain16));
}

TEST(RowEncoderTest, ZerosAndTheEndsOfTheRangeStayFinite) {
  const float most = std::numeric_limits<float>::max();
  const float least = std::numeric_limits<float>::denorm_min();
  const Rows rows{{most, least, 0.0f, -most, 2 * least, 0.0f, 1.0f, -least, 0.0f}, 3, 3};
  const RowSource source{rows.view(), false};
  const std::vector<std::uint32_t> order{0, 1, 2};
  const auto scales = MeasureScales(source, 1, nullptr);
  EXPECT_TRUE(std::isfinite(scales[0] * 127.0f));
  EXPECT_EQ(scales[1], 0.0f);
  EXPECT_EQ(scales[2], 0.0f);
  for (const double threshold : {0.0, 1.0}) {
    const auto encoded = EncodeInt8(source, order, scales, {threshold, 1, nullptr});
    EXPECT_EQ(encoded, (AlignedVector<std::int8_t>{127, 0, 0, -127, 0, 0, 0, 0, 0}));
    for (const std::uint16_t bits : EncodeBFloat16(source, order, {threshold, 1, nullptr})) {
      EXPECT_TRUE(std::isfinite(FromBFloat16(bits)));
    }
  }
}

}  // namespace
}  // namespace leafscan
