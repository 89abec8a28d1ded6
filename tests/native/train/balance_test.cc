#include "leafscan/train/balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

TEST(BalanceTest, BigClustersPayAndSmallOnesAreFavoured) {
  Balance balance(4, 2.0);
  for (const float handicap : balance.handicaps()) EXPECT_EQ(handicap, 0.0f);
  const std::vector<std::size_t> sizes{100, 400, 100, 0};
  double last = 0.0;
  for (int round = 0; round < 30; ++round) {
    balance.Update(sizes);
    EXPECT_EQ(balance.handicaps()[0], balance.handicaps()[2]);
    EXPECT_LT(balance.handicaps()[3], balance.handicaps()[0]);
    EXPECT_LT(balance.handicaps()[0], 0.0f);
    EXPECT_GT(balance.handicaps()[1], last);  // by and by
    last = balance.handicaps()[1];
    if (round < 5) {
      EXPECT_LT(last, 0.9 * 2.0 * std::log(400.0 / 150.0));
    }
  }
  EXPECT_NEAR(last, 2.0 * std::log(400.0 / 150.0), 1e-3);
}

TEST(BalanceTest, ClustersThatGrowLessEvenHalveTheHandicaps) {
  Balance once(2, 1.0);
  Balance twice(2, 1.0);
  for (int round = 0; round < 40; ++round) once.Update(std::vector<std::size_t>{100, 300});
  twice.Update(std::vector<std::size_t>{190, 210});
  for (int round = 0; round < 40; ++round) twice.Update(std::vector<std::size_t>{100, 300});
  EXPECT_NEAR(once.handicaps()[1], std::log(1.5), 1e-4);
  EXPECT_LT(twice.handicaps()[1], 0.51 * std::log(1.5));
}

TEST(BalanceTest, ClustersThatMoveStartWithoutHandicap) {
  Balance balance(3, 1.0);
  balance.Update(std::vector<std::size_t>{1, 100, 30});
  const float kept = balance.handicaps()[1];
  balance.Forget(std::vector<std::uint8_t>{1, 0, 1});
  EXPECT_EQ(balance.handicaps()[0], 0.0f);
  EXPECT_EQ(balance.handicaps()[1], kept);
  EXPECT_EQ(balance.handicaps()[2], 0.0f);
}

TEST(BalanceTest, TheMarginIsThatOfTheTwoNearest) {
  Draw draw(1);
  const Rows rows = NormalRows(draw, 300, 9);
  for (const std::size_t count : {2, 3, 40}) {
    const Rows centroids = NormalRows(draw, count, 9);
    double sum = 0.0;
    for (std::size_t row = 0; row < rows.count; ++row) {
      std::vector<double> squares(count, 0.0);
      for (std::size_t c = 0; c < count; ++c) {
        for (std::size_t i = 0; i < 9; ++i) squares[c] += std::pow(static_cast<double>(rows.row(row)[i]) - centroids.row(c)[i], 2);
      }
      std::sort(squares.begin(), squares.end());
      sum += squares[1] - squares[0];
    }
    EXPECT_NEAR(MeanMargin({rows.view(), false}, centroids.view(), 2), sum / 300.0, 1e-5);
  }
  const Rows one = NormalRows(draw, 1, 9);
  EXPECT_EQ(MeanMargin({rows.view(), false}, one.view(), 1), 0.0);
}

TEST(BalanceTest, RowsWhoseSquaresOverflowTellNothing) {
  const Rows rows{{3e38f, -3e38f, 0.0f, 1.0f}, 4, 1};
  const Rows centroids{{-3e38f, 3e38f, 0.0f}, 3, 1};
  EXPECT_TRUE(std::isfinite(MeanMargin({rows.view(), false}, centroids.view(), 1)));
}

}  // namespace
}  // namespace leafscan
