#include "leafscan/simd/panel_spill.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/core/row_source.h"
#include "leafscan/simd/panel.h"
#include "leafscan/simd/panel_spill_reference.h"

namespace leafscan {
namespace {

class PanelSpillTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(PanelSpillTest);

struct Case {
  std::vector<float> points;
  std::vector<float> directions;
  std::vector<float> along;
  std::vector<std::uint32_t> first;
  std::vector<float> squares;

  SpillPanel panel() const { return {points.data(), directions.data(), along.data(), first.data()}; }
};

std::vector<float> Squares(const Rows& centroids) {
  std::vector<float> squares;
  for (std::size_t c = 0; c < centroids.count; ++c) {
    double square = 0.0;
    for (std::size_t i = 0; i < centroids.dim; ++i) {
      square += static_cast<double>(centroids.row(c)[i]) * centroids.row(c)[i];
    }
    squares.push_back(static_cast<float>(square));
  }
  return squares;
}

Case Make(Draw& draw, const Rows& points, const Rows& centroids) {
  const std::size_t dim = points.dim;
  Rows directions{std::vector<float>(points.count * dim), points.count, dim};
  Case made{std::vector<float>(kPanelLanes * dim), std::vector<float>(kPanelLanes * dim),
            std::vector<float>(kPanelLanes, 0.0f), std::vector<std::uint32_t>(kPanelLanes, 0), Squares(centroids)};
  for (std::size_t lane = 0; lane < points.count; ++lane) {
    made.first[lane] = static_cast<std::uint32_t>(draw.Below(centroids.count));
    float* u = directions.row(lane);
    for (std::size_t i = 0; i < dim; ++i) u[i] = points.row(lane)[i] - centroids.row(made.first[lane])[i];
    Normalize(u, dim, u);
    for (std::size_t i = 0; i < dim; ++i) made.along[lane] += points.row(lane)[i] * u[i];
  }
  PackPanel(points.data.data(), points.count, dim, made.points.data());
  PackPanel(directions.data.data(), points.count, dim, made.directions.data());
  return made;
}

// The kernel's sums are of this size, so their rounding is a small multiple of it.
double Size(const Case& made, const MatrixView<float>& centroids, float lambda, std::size_t c, std::size_t lane) {
  double product = 0.0;
  double along = std::abs(made.along[lane]);
  for (std::size_t i = 0; i < centroids.cols; ++i) {
    product += std::abs(static_cast<double>(centroids.row(c)[i]) * made.points[i * kPanelLanes + lane]);
    along += std::abs(static_cast<double>(centroids.row(c)[i]) * made.directions[i * kPanelLanes + lane]);
  }
  return made.squares[c] + 2.0 * product + lambda * along * along;
}

TEST_P(PanelSpillTest, TakesTheCheapestCentroidThatIsNotTheFirst) {
  Draw draw(1);
  for (const std::size_t dim : kOddDimensions) {
    for (const std::size_t count : {2, 3, 4, 5, 8, 41}) {
      for (const float lambda : {0.0f, 1.0f, 4.0f}) {
        const Rows centroids = draw.Below(2) == 0 ? NormalRows(draw, count, dim) : HardRows(draw, count, dim);
        const Case made = Make(draw, NormalRows(draw, 1 + draw.Below(16), dim), centroids);
        std::vector<std::uint32_t> best(kPanelLanes, 77777);
        PanelSpill(made.panel(), centroids.view(), made.squares.data(), lambda, best.data());
        for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
          ASSERT_LT(best[lane], count);
          ASSERT_NE(best[lane], made.first[lane]);
          const auto cost = [&](std::size_t c) {
            return reference::SpillCost(made.panel(), centroids.view(), lambda, c, lane);
          };
          const auto slack = [&](std::size_t c) {
            return 2.0 * (static_cast<double>(dim) + 4) * std::numeric_limits<float>::epsilon() *
                   Size(made, centroids.view(), lambda, c, lane);
          };
          for (std::size_t c = 0; c < count; ++c) {
            if (c == made.first[lane]) continue;
            ASSERT_LE(cost(best[lane]) - slack(best[lane]), cost(c) + slack(c)) << "dim " << dim << " lane " << lane;
          }
        }
      }
    }
  }
}

TEST_P(PanelSpillTest, AmongEqualsTheLowestCentroidIsTaken) {
  Draw draw(2);
  for (int round = 0; round < 50; ++round) {
    const std::size_t dim = 1 + draw.Below(4);
    const Rows centroids = WholeRows(draw, 2 + draw.Below(30), dim, 1);
    Case made{draw.Wholes(kPanelLanes * dim, 3), draw.Wholes(kPanelLanes * dim, 1), draw.Wholes(kPanelLanes, 3),
              draw.Integers<std::uint32_t>(kPanelLanes, 0, static_cast<std::int64_t>(centroids.count) - 1),
              Squares(centroids)};
    std::vector<std::uint32_t> best(kPanelLanes);
    PanelSpill(made.panel(), centroids.view(), made.squares.data(), 2.0f, best.data());
    for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
      std::size_t wanted = made.first[lane] == 0 ? 1 : 0;
      for (std::size_t c = 0; c < centroids.count; ++c) {
        if (c != made.first[lane] && reference::SpillCost(made.panel(), centroids.view(), 2.0f, c, lane) <
                                         reference::SpillCost(made.panel(), centroids.view(), 2.0f, wanted, lane)) {
          wanted = c;
        }
      }
      ASSERT_EQ(best[lane], wanted);
    }
  }
}

}  // namespace
}  // namespace leafscan
