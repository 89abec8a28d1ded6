#include "leafscan/train/codebooks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/core/row_source.h"
#include "leafscan/simd/encode_panel_reference.h"

namespace leafscan {
namespace {

struct Shape {
  std::size_t points, blocks, width;
};

// Points of their own as residuals, as they are without a tree; `eta` 1 is plain.
PanelSet MakeSet(Draw& draw, const Shape& shape, float eta) {
  PanelSet set;
  set.points = shape.points;
  set.blocks = shape.blocks;
  set.width = shape.width;
  const std::size_t components = set.components();
  set.residuals.assign(set.panels() * set.panel_size(), 0.0f);
  if (eta > 1.0f) {
    set.directions.assign(set.panels() * set.panel_size(), 0.0f);
    set.extra.assign(set.panels() * kEncodeLanes, 0.0f);
  }
  for (std::size_t point = 0; point < shape.points; ++point) {
    const std::vector<float> residual = draw.Normals(components);
    std::vector<float> direction(components);
    Normalize(residual.data(), components, direction.data());
    const std::size_t at = point / kEncodeLanes * set.panel_size() + point % kEncodeLanes;
    for (std::size_t i = 0; i < components; ++i) {
      set.residuals[at + i * kEncodeLanes] = residual[i];
      if (eta > 1.0f) set.directions[at + i * kEncodeLanes] = direction[i];
    }
    if (eta > 1.0f) set.extra[point] = eta - 1.0f;
  }
  return set;
}

// The loss of all points, coded by these words; as their own weights say, or plain.
double Loss(const PanelSet& set, const AlignedVector<float>& words, bool anisotropic) {
  const CodebookView book{words.data(), set.blocks, set.width, words.size() / (set.blocks * set.width)};
  std::vector<std::uint8_t> codes(set.blocks * kEncodeLanes);
  double loss = 0.0;
  for (std::size_t p = 0; p < set.panels(); ++p) {
    const float* directions = anisotropic ? set.direction_panel(p) : nullptr;
    const float* extra = anisotropic ? set.extra_panel(p) : nullptr;
    EncodePanel(book, set.residual_panel(p), directions, extra, kMaxVisits, codes.data());
    for (std::size_t lane = 0; lane < kEncodeLanes && p * kEncodeLanes + lane < set.points; ++lane) {
      loss += reference::EncodeLoss(book, set.residual_panel(p), directions, extra, codes.data(), lane);
    }
  }
  return loss;
}

AlignedVector<float> Train(const PanelSet& set, int iterations, int threads = 1, std::uint64_t seed = 1,
                           std::size_t words = 16) {
  return TrainCodebooks(set, {iterations, seed, threads, nullptr, words});
}

TEST(CodebooksTest, RoundsLowerThePlainLoss) {
  Draw draw(1);
  const PanelSet set = MakeSet(draw, {3000, 6, 2}, 1.0f);
  const double once = Loss(set, Train(set, 1), false);
  const double ten = Loss(set, Train(set, 10), false);
  EXPECT_LT(ten, once);
  // Sixteen words in two dimensions leave about an eighth of the variance of a normal distribution.
  EXPECT_LT(ten, 0.16 * 3000 * 12);
}

TEST(CodebooksTest, AnisotropicTrainingLowersTheAnisotropicLoss) {
  Draw draw(2);
  for (const Shape& shape : {Shape{3000, 6, 2}, Shape{2000, 25, 2}, Shape{2000, 5, 3}, Shape{2000, 7, 1}}) {
    for (const float eta : {2.0f, 4.0f, 16.0f}) {
      const PanelSet set = MakeSet(draw, shape, eta);
      PanelSet plain = set;
      plain.directions.clear();
      plain.extra.clear();
      const double of_plain = Loss(set, Train(plain, 10), true);
      const double of_anisotropic = Loss(set, Train(set, 10), true);
      EXPECT_LT(of_anisotropic, of_plain) << shape.blocks << " x " << shape.width << ", eta " << eta;
    }
  }
}

TEST(CodebooksTest, TheSeedAloneDecides) {
  Draw draw(3);
  for (const float eta : {1.0f, 4.0f}) {
    const PanelSet set = MakeSet(draw, {2500, 5, 2}, eta);
    const AlignedVector<float> words = Train(set, 6);
    EXPECT_EQ(words.size(), 5u * 16 * 2);
    EXPECT_EQ(Train(set, 6, 2), words);
    EXPECT_EQ(Train(set, 6, 3), words);
    EXPECT_NE(Train(set, 6, 1, 2), words);
  }
}

TEST(CodebooksTest, UpToSixteenDifferentPointsAreCodedExactly) {
  Draw draw(4);
  for (const std::size_t different : {1, 2, 15, 16}) {
    for (const float eta : {1.0f, 5.0f}) {
      PanelSet set = MakeSet(draw, {different, 3, 2}, eta);
      PanelSet many = MakeSet(draw, {different * 20, 3, 2}, eta);
      for (std::size_t point = 0; point < many.points; ++point) {
        const std::size_t from = point % different;
        for (std::size_t i = 0; i < 6; ++i) {
          many.residuals[point / kEncodeLanes * many.panel_size() + i * kEncodeLanes + point % kEncodeLanes] =
              set.residuals[from / kEncodeLanes * set.panel_size() + i * kEncodeLanes + from % kEncodeLanes];
        }
      }
      EXPECT_NEAR(Loss(set, Train(set, 5), eta > 1.0f), 0.0, 1e-9) << different;
      EXPECT_NEAR(Loss(many, Train(many, 5), eta > 1.0f), 0.0, 1e-6) << different;
    }
  }
}

TEST(CodebooksTest, Of256WordsTheSeedAloneDecidesAndTheLossIsAFractionOfThatOfSixteen) {
  Draw draw(7);
  for (const float eta : {1.0f, 4.0f}) {
    const PanelSet set = MakeSet(draw, {6000, 3, 2}, eta);
    const AlignedVector<float> words = Train(set, 6, 1, 1, 256);
    EXPECT_EQ(words.size(), 3u * 256 * 2);
    EXPECT_EQ(Train(set, 6, 3, 1, 256), words);
    EXPECT_NE(Train(set, 6, 1, 2, 256), words);
    const bool anisotropic = eta > 1.0f;
    // In two dimensions, sixteen times the words leave about a sixteenth.
    EXPECT_LT(Loss(set, words, anisotropic), 0.12 * Loss(set, Train(set, 6), anisotropic));
    if (anisotropic) {
      PanelSet plain = set;
      plain.directions.clear();
      plain.extra.clear();
      EXPECT_LT(Loss(set, words, true), Loss(set, Train(plain, 6, 1, 1, 256), true));
    }
  }
}

TEST(CodebooksTest, ZerosAndExtremeScalesStayFinite) {
  Draw draw(5);
  for (const float scale : {0.0f, 1e-6f, 1e6f}) {
    for (const float eta : {1.0f, 8.0f}) {
      PanelSet set = MakeSet(draw, {300, 4, 2}, eta);
      for (float& value : set.residuals) value *= scale;
      for (const float word : Train(set, 4)) EXPECT_TRUE(std::isfinite(word));
    }
  }
}

TEST(CodebooksTest, DirectionsOfZeroAreAsPlain) {
  Draw draw(6);
  PanelSet set = MakeSet(draw, {800, 4, 2}, 8.0f);
  for (float& value : set.directions) value = 0.0f;
  EXPECT_LT(Loss(set, Train(set, 10), true), 0.2 * 800 * 8);
}

TEST(AnisotropicWeightTest, FollowsTheThreshold) {
  EXPECT_NEAR(AnisotropicWeight(0.2, 1.0, 100), 4.125, 1e-6);
  EXPECT_NEAR(AnisotropicWeight(0.4, 2.0, 100), 4.125, 1e-6);  // only T / |x| counts
  EXPECT_EQ(AnisotropicWeight(0.0, 1.0, 100), 1.0f);
  EXPECT_EQ(AnisotropicWeight(0.01, 1.0, 100), 1.0f);   // never below plain
  EXPECT_EQ(AnisotropicWeight(0.9, 1.0, 100), 32.0f);   // nor without bound
  EXPECT_EQ(AnisotropicWeight(0.2, 0.2, 100), 32.0f);
  EXPECT_EQ(AnisotropicWeight(0.2, 0.1, 100), 32.0f);
  EXPECT_EQ(AnisotropicWeight(0.2, 0.0, 100), 32.0f);
  EXPECT_EQ(AnisotropicWeight(0.2, 1e6, 100), 1.0f);
  EXPECT_EQ(AnisotropicWeight(0.2, 1.0, 1), 1.0f);
  for (const double eta : {1.5, 3.0, 10.0}) {  // the inverse: T = sqrt(eta / (d - 1 + eta))
    EXPECT_NEAR(AnisotropicWeight(std::sqrt(eta / (99.0 + eta)), 1.0, 100), eta, 1e-5);
  }
}

}  // namespace
}  // namespace leafscan
