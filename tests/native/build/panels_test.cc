#include "leafscan/build/panels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

TEST(PanelsTest, ALaneHoldsResidualDirectionAndWeight) {
  Draw draw(1);
  const Rows rows = NormalRows(draw, 5, 7);
  const Rows centroids = NormalRows(draw, 3, 7);
  const RowSource source{rows.view(), false};
  const PanelFiller filler(source, centroids.view(), {}, 2, 0.5);
  EXPECT_EQ(filler.blocks(), 4u);
  EXPECT_EQ(filler.components(), 8u);
  PanelScratch scratch(filler);
  filler.Fill(4, 2, 9, scratch);
  double square = 0.0;
  for (std::size_t i = 0; i < 7; ++i) square += static_cast<double>(rows.row(4)[i]) * rows.row(4)[i];
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(scratch.residuals[i * kEncodeLanes + 9], rows.row(4)[i] - centroids.row(2)[i]);
    EXPECT_NEAR(scratch.directions[i * kEncodeLanes + 9], rows.row(4)[i] / std::sqrt(square), 1e-6);
  }
  EXPECT_EQ(scratch.residuals[7 * kEncodeLanes + 9], 0.0f);  // filled up to whole blocks
  EXPECT_EQ(scratch.residuals[3 * kEncodeLanes + 8], 0.0f);  // other lanes stay
  EXPECT_EQ(scratch.extra[9], AnisotropicWeight(0.5, std::sqrt(square), 7) - 1.0f);
  scratch.Clear();
  for (const float value : scratch.residuals) EXPECT_EQ(value, 0.0f);
}

TEST(PanelsTest, PlainPanelsHaveNoDirections) {
  Draw draw(2);
  const Rows rows = NormalRows(draw, 2, 4);
  const RowSource source{rows.view(), false};
  const PanelFiller filler(source, {}, {}, 2, 0.0);  // nor centroids
  PanelScratch scratch(filler);
  EXPECT_EQ(scratch.directions_or_null(), nullptr);
  EXPECT_EQ(scratch.extra_or_null(), nullptr);
  filler.Fill(1, 0, 0, scratch);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(scratch.residuals[i * kEncodeLanes], rows.row(1)[i]);
  const PanelSet set = filler.MakeSet(17);
  EXPECT_EQ(set.panels(), 2u);
  EXPECT_FALSE(set.anisotropic());
}

TEST(PanelsTest, AZeroRowHasNoDirection) {
  const std::vector<float> zeros(3, 0.0f);
  const RowSource source{{zeros.data(), 1, 3}, true};
  const PanelFiller filler(source, {}, {}, 1, 0.2);
  PanelScratch scratch(filler);
  filler.Fill(0, 0, 0, scratch);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(scratch.directions[i * kEncodeLanes], 0.0f);
  EXPECT_TRUE(std::isfinite(scratch.extra[0]));
}

TEST(PanelsTest, TheTermLiesBetweenWhatThePointItselfAndAFarQueryWant) {
  // -|q - x|^2 = -|q - c|^2 + 2 <q, r~> - t for the q that t is made for.
  Draw draw(3);
  for (const std::size_t dim : {1, 3, 16, 33}) {
    for (int round = 0; round < 20; ++round) {
      const Rows rows = NormalRows(draw, 1, dim);
      const Rows centroids = NormalRows(draw, 1, dim);
      const RowSource source{rows.view(), false};
      // Whatever part of the residual the codes see.
      const std::size_t coded = 1 + draw.Below(dim);
      const Rows projection = OrthonormalRows(draw, coded, dim);
      const PanelFiller filler(source, centroids.view(), projection.view(), 2, 0.0);
      EXPECT_EQ(filler.coded(), coded);
      const std::vector<float> words = draw.Normals(filler.blocks() * kCodeWords * 2);
      std::vector<std::uint8_t> codes(filler.blocks() * kEncodeLanes);
      for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(draw.Below(16));
      PanelScratch scratch(filler);
      filler.Fill(0, 0, 0, scratch);
      const double term = filler.Term({words.data(), filler.blocks(), 2}, codes.data(), 0, scratch);

      double square = 0.0;  // |r|^2
      for (std::size_t i = 0; i < dim; ++i) {
        square += std::pow(static_cast<double>(rows.row(0)[i]) - centroids.row(0)[i], 2);
      }
      double inside = 0.0;  // <x, r~>
      double around = 0.0;  // <c, r~>
      double seen = 0.0;
      double missed = 0.0;  // <r, e>
      for (std::size_t i = 0; i < coded; ++i) {
        double x = 0.0;
        double c = 0.0;
        for (std::size_t j = 0; j < dim; ++j) {
          x += static_cast<double>(projection.row(i)[j]) * rows.row(0)[j];
          c += static_cast<double>(projection.row(i)[j]) * centroids.row(0)[j];
        }
        EXPECT_NEAR(scratch.residuals[i * kEncodeLanes], x - c, 1e-5);
        const double word = words[(i / 2 * kCodeWords + codes[i / 2 * kEncodeLanes]) * 2 + i % 2];
        inside += x * word;
        around += c * word;
        seen += (x - c) * (x - c);
        missed += (x - c) * (x - c - word);
      }
      // Errors inside and beyond the projection have shares of their own, each between none and all.
      const double of_far = square + 2.0 * around;
      const double of_itself = 2.0 * inside - square;
      EXPECT_NEAR(of_far - of_itself, 2.0 * missed + 2.0 * (square - seen), 1e-9 * (1.0 + square));
      const double slack = 1e-4 * (1.0 + square + std::abs(inside));
      EXPECT_LE(term, of_far - std::min(0.0, 2.0 * missed) + slack);
      EXPECT_GE(term, of_far - std::max(0.0, 2.0 * missed) - 2.0 * (square - seen) - slack);
    }
  }
}

}  // namespace
}  // namespace leafscan
