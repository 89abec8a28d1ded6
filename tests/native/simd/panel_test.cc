#include "leafscan/simd/panel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/panel_reference.h"

namespace leafscan {
namespace {

class PanelTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(PanelTest);

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> Packed(const Rows& vectors) {
  std::vector<float> panel(vectors.dim * kPanelLanes, 9.0f);
  PackPanel(vectors.data.data(), vectors.count, vectors.dim, panel.data());
  return panel;
}

double Tolerance(const std::vector<float>& panel, const MatrixView<float>& rows, const float* bias, std::size_t row,
                 std::size_t lane) {
  double sum = bias == nullptr ? 0.0 : std::abs(static_cast<double>(bias[row]));
  for (std::size_t i = 0; i < rows.cols; ++i) {
    sum += std::abs(static_cast<double>(rows.row(row)[i]) * panel[i * kPanelLanes + lane]);
  }
  const double terms = static_cast<double>(rows.cols) + 2;
  return terms * (std::numeric_limits<float>::epsilon() * sum + std::numeric_limits<float>::min());
}

// Every hit that must be there is, once; none that must not be; all scores near the reference.
void CheckFilter(const std::vector<float>& panel, const MatrixView<float>& rows, const float* bias, std::size_t begin,
                 std::size_t count, const std::vector<float>& thresholds) {
  std::vector<PanelHit> hits(kPanelLanes * count);
  hits.resize(PanelFilter(panel.data(), rows, bias, begin, count, thresholds.data(), hits.data()));
  std::vector<int> seen(count * kPanelLanes, 0);
  for (const PanelHit& hit : hits) {
    ASSERT_GE(hit.row, begin);
    ASSERT_LT(hit.row, begin + count);
    ASSERT_LT(hit.lane, kPanelLanes);
    ASSERT_EQ(++seen[(hit.row - begin) * kPanelLanes + hit.lane], 1);
    ASSERT_GE(hit.score, thresholds[hit.lane]);
    ASSERT_NEAR(hit.score, reference::PanelScore(panel.data(), rows, bias, hit.row, hit.lane),
                Tolerance(panel, rows, bias, hit.row, hit.lane));
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
      const double score = reference::PanelScore(panel.data(), rows, bias, begin + i, lane);
      if (score - Tolerance(panel, rows, bias, begin + i, lane) < thresholds[lane]) continue;
      ASSERT_EQ(seen[i * kPanelLanes + lane], 1) << "row " << begin + i << " lane " << lane;
    }
  }
}

TEST_P(PanelTest, PackLaysVectorsSideBySide) {
  Draw draw(1);
  for (const std::size_t dim : kOddDimensions) {
    for (const std::size_t count : {1, 2, 15, 16}) {
      const Rows vectors = NormalRows(draw, count, dim);
      const std::vector<float> panel = Packed(vectors);
      for (std::size_t i = 0; i < dim; ++i) {
        for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
          ASSERT_EQ(panel[i * kPanelLanes + lane], lane < count ? vectors.row(lane)[i] : 0.0f);
        }
      }
    }
  }
}

TEST_P(PanelTest, FilterFindsWhatTheReferenceFinds) {
  Draw draw(2);
  for (const std::size_t dim : kOddDimensions) {
    const Rows vectors = HardRows(draw, 1 + draw.Below(16), dim);
    const Rows rows = HardRows(draw, 43, dim);
    const std::vector<float> biases = draw.Normals(rows.count);
    const std::vector<float> panel = Packed(vectors);
    for (const float* bias : {static_cast<const float*>(nullptr), biases.data()}) {
      std::vector<float> thresholds(kPanelLanes);
      for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
        thresholds[lane] = static_cast<float>(
            reference::PanelScore(panel.data(), rows.view(), bias, draw.Below(rows.count), lane));
      }
      thresholds[3] = -kInfinity;
      thresholds[5] = kInfinity;
      for (const std::size_t count : {0, 1, 7, 8, 9, 16, 40}) {
        CheckFilter(panel, rows.view(), bias, 0, count, thresholds);
        CheckFilter(panel, rows.view(), bias, 3, count, thresholds);
        CheckFilter(panel, rows.view(), bias, rows.count - count, count, thresholds);
      }
    }
  }
}

TEST_P(PanelTest, AllOrNothing) {
  Draw draw(3);
  const Rows rows = NormalRows(draw, 21, 5);
  const std::vector<float> panel = Packed(NormalRows(draw, 16, 5));
  std::vector<PanelHit> hits(kPanelLanes * rows.count);
  const std::vector<float> all(kPanelLanes, -kInfinity);
  EXPECT_EQ(PanelFilter(panel.data(), rows.view(), nullptr, 0, rows.count, all.data(), hits.data()), hits.size());
  const std::vector<float> none(kPanelLanes, kInfinity);
  EXPECT_EQ(PanelFilter(panel.data(), rows.view(), nullptr, 0, rows.count, none.data(), hits.data()), 0u);
}

TEST_P(PanelTest, AScoreEqualToTheThresholdIsAHit) {
  Draw draw(4);
  const Rows rows = WholeRows(draw, 19, 33, 20);
  const std::vector<float> panel = Packed(WholeRows(draw, 16, 33, 20));
  std::vector<float> thresholds(kPanelLanes);
  for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
    thresholds[lane] = static_cast<float>(reference::PanelScore(panel.data(), rows.view(), nullptr, 11, lane));
  }
  std::vector<PanelHit> hits(kPanelLanes * rows.count);
  hits.resize(PanelFilter(panel.data(), rows.view(), nullptr, 0, rows.count, thresholds.data(), hits.data()));
  EXPECT_EQ(std::count_if(hits.begin(), hits.end(), [](const PanelHit& hit) { return hit.row == 11; }), 16);
}

TEST_P(PanelTest, BestIsNearTheReference) {
  Draw draw(5);
  for (const std::size_t dim : kOddDimensions) {
    for (const std::size_t count : {1, 2, 7, 8, 9, 33, 100}) {
      const Rows rows = HardRows(draw, count, dim);
      const std::vector<float> biases = draw.Normals(count);
      const std::vector<float> panel = Packed(HardRows(draw, 1 + draw.Below(16), dim));
      for (const float* bias : {static_cast<const float*>(nullptr), biases.data()}) {
        std::vector<std::uint32_t> best(kPanelLanes, 77777);
        std::vector<float> scores(kPanelLanes);
        PanelBest(panel.data(), rows.view(), bias, best.data(), scores.data());
        for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
          ASSERT_LT(best[lane], count);
          const double own = Tolerance(panel, rows.view(), bias, best[lane], lane);
          ASSERT_NEAR(scores[lane], reference::PanelScore(panel.data(), rows.view(), bias, best[lane], lane), own);
          for (std::size_t row = 0; row < count; ++row) {
            ASSERT_GE(scores[lane] + own, reference::PanelScore(panel.data(), rows.view(), bias, row, lane) -
                                              Tolerance(panel, rows.view(), bias, row, lane));
          }
        }
      }
    }
  }
}

TEST_P(PanelTest, AmongEqualsTheLowestRowIsBest) {
  Draw draw(6);
  for (int round = 0; round < 50; ++round) {
    // Few different rows of whole numbers: many exact ties.
    const std::size_t dim = 1 + draw.Below(5);
    const Rows rows = WholeRows(draw, 1 + draw.Below(60), dim, 1);
    const std::vector<float> biases = draw.Wholes(rows.count, 1);
    const std::vector<float> panel = Packed(WholeRows(draw, 1 + draw.Below(16), dim, 2));
    std::vector<std::uint32_t> best(kPanelLanes);
    std::vector<float> scores(kPanelLanes);
    PanelBest(panel.data(), rows.view(), biases.data(), best.data(), scores.data());
    for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
      std::size_t wanted = 0;
      for (std::size_t row = 1; row < rows.count; ++row) {
        if (reference::PanelScore(panel.data(), rows.view(), biases.data(), row, lane) >
            reference::PanelScore(panel.data(), rows.view(), biases.data(), wanted, lane)) {
          wanted = row;
        }
      }
      ASSERT_EQ(best[lane], wanted);
      ASSERT_EQ(scores[lane], reference::PanelScore(panel.data(), rows.view(), biases.data(), wanted, lane));
    }
  }
}

}  // namespace
}  // namespace leafscan
