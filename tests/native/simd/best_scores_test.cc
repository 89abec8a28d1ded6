#include "leafscan/simd/best_scores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/best_scores_reference.h"

namespace leafscan {
namespace {

class BestScoresTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(BestScoresTest);

constexpr float kNothing = -std::numeric_limits<float>::infinity();

std::vector<float> Padded(std::vector<float> scores) {
  scores.resize((scores.size() + kScoreLanes - 1) / kScoreLanes * kScoreLanes, kNothing);
  return scores;
}

// Scores of several kinds: normal, tied, over many orders of magnitude, with holes, of two values, hardly any.
constexpr int kKinds = 6;
std::vector<float> Scores(Draw& draw, std::size_t count, int kind) {
  std::vector<float> scores = draw.Normals(count);
  for (float& score : scores) {
    if (kind == 1) score = std::round(score);
    if (kind == 2) score = static_cast<float>(score * std::pow(10.0, 60.0 * draw.Unit() - 30.0));
    if (kind == 3 && draw.Below(3) == 0) score = kNothing;
    if (kind == 4) score = draw.Below(9) == 0 ? std::numeric_limits<float>::lowest() : -0.0f;
  }
  if (kind == 5) {
    for (float& score : scores) score = draw.Below(20) == 0 ? score : kNothing;
  }
  if (kind == 3 || kind == 5) scores[draw.Below(count)] = 1.0f;
  return Padded(std::move(scores));
}

std::size_t Finite(const std::vector<float>& scores) {
  return static_cast<std::size_t>(std::count_if(scores.begin(), scores.end(), [](float s) { return s > kNothing; }));
}

TEST_P(BestScoresTest, CutsEqualTheReferenceAndLetEnoughPass) {
  Draw draw(1);
  for (int kind = 0; kind < kKinds; ++kind) {
    for (const std::size_t count : {1, 7, 16, 17, 100, 333, 2000}) {
      const std::vector<float> scores = Scores(draw, count, kind);
      const std::size_t finite = Finite(scores);
      for (const std::size_t wanted : {std::size_t{1}, std::size_t{9}, finite / 20, finite / 3, finite}) {
        if (wanted < 1 || wanted > finite) continue;
        std::vector<float> maxima(scores.size());
        const float cut = CutScores(scores, wanted, maxima);
        ASSERT_EQ(cut, reference::CutScores(scores, wanted)) << "kind " << kind << ", " << wanted << " of " << count;
        ASSERT_GT(cut, kNothing);
        const std::vector<std::uint32_t> expected = reference::ListScores(scores, cut);
        ASSERT_GE(expected.size(), wanted);
        std::vector<std::uint32_t> places(scores.size() + kScoreLanes);
        places.resize(ListScores(scores, cut, places));
        ASSERT_EQ(places, expected);
      }
    }
  }
}

TEST_P(BestScoresTest, FewMoreThanWantedPass) {
  Draw draw(2);
  for (const std::size_t count : {2000, 12650}) {
    for (const std::size_t wanted : {20, 62, 233, 600}) {
      std::size_t passed = 0;
      for (int round = 0; round < 20; ++round) {
        const std::vector<float> scores = Scores(draw, count, 0);
        std::vector<float> maxima(scores.size());
        passed += reference::ListScores(scores, CutScores(scores, wanted, maxima)).size();
      }
      EXPECT_LT(passed, 20 * wanted * 14 / 10) << wanted << " of " << count;
    }
  }
}

TEST_P(BestScoresTest, RanksEqualTheReference) {
  Draw draw(3);
  for (int kind = 0; kind < kKinds; ++kind) {
    for (const std::size_t count : {1, 2, 15, 16, 17, 33, 85, 384}) {
      const std::vector<float> scores = Scores(draw, count, kind);
      std::vector<std::uint32_t> ranks(scores.size(), 9999);
      RankScores(scores, ranks);
      ASSERT_EQ(ranks, reference::RankScores(scores)) << "kind " << kind << ", " << count;
    }
  }
}

}  // namespace
}  // namespace leafscan
