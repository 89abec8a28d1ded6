#include "leafscan/train/normal_equations.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

struct Points {
  std::size_t width = 0;
  std::size_t stride = 0;
  std::vector<float> residuals;   // component i of point p at [i * stride + p]
  std::vector<float> directions;
  std::vector<double> weights;
  std::vector<double> rests;

  std::size_t count() const { return weights.size(); }
  double Loss(const std::vector<double>& word) const {
    double loss = 0.0;
    for (std::size_t p = 0; p < count(); ++p) {
      double along = rests[p];
      for (std::size_t i = 0; i < width; ++i) {
        const double error = residuals[i * stride + p] - word[i];
        loss += error * error;
        along += error * directions[i * stride + p];
      }
      loss += weights[p] * along * along;
    }
    return loss;
  }
};

Points Make(Draw& draw, std::size_t count, std::size_t width) {
  Points points{width, count + 3, draw.Normals(width * (count + 3)), draw.Normals(width * (count + 3), 0.5), {}, {}};
  for (std::size_t p = 0; p < count; ++p) {
    points.weights.push_back(31.0 * draw.Unit());
    points.rests.push_back(draw.Normal());
  }
  return points;
}

// The minimum of a quadratic by Newton steps whose derivatives are taken by differences: exact but for rounding.
std::vector<double> NumericMinimum(const Points& points) {
  const std::size_t n = points.width;
  constexpr double kStep = 0.5;
  std::vector<double> at(n, 0.0);
  for (int round = 0; round < 3; ++round) {
    const double here = points.Loss(at);
    std::vector<double> system(n * (n + 1));
    const auto moved = [&](std::size_t i, double di, std::size_t j, double dj) {
      std::vector<double> to = at;
      to[i] += di;
      to[j] += dj;
      return points.Loss(to);
    };
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        system[i * (n + 1) + j] =
            (moved(i, kStep, j, kStep) - moved(i, kStep, j, 0) - moved(i, 0, j, kStep) + here) / (kStep * kStep);
      }
      system[i * (n + 1) + n] = -(moved(i, kStep, i, 0) - moved(i, -kStep, i, 0)) / (2.0 * kStep);
    }
    for (std::size_t pivot = 0; pivot < n; ++pivot) {  // Gauss-Jordan; the matrix is positive definite
      for (std::size_t i = 0; i < n; ++i) {
        if (i == pivot) continue;
        const double factor = system[i * (n + 1) + pivot] / system[pivot * (n + 1) + pivot];
        for (std::size_t j = 0; j <= n; ++j) system[i * (n + 1) + j] -= factor * system[pivot * (n + 1) + j];
      }
    }
    for (std::size_t i = 0; i < n; ++i) at[i] += system[i * (n + 1) + n] / system[i * (n + 1) + i];
  }
  return at;
}

TEST(NormalEquationsTest, SolveGivesTheMinimumOfTheLoss) {
  Draw draw(1);
  for (const std::size_t width : {1, 2, 3, 8}) {
    for (const std::size_t count : {1, 2, 50}) {
      const Points points = Make(draw, count, width);
      NormalEquations equations(width);
      for (std::size_t p = 0; p < count; ++p) {
        equations.Add(points.residuals.data() + p, points.directions.data() + p, points.stride, points.weights[p],
                      points.rests[p]);
      }
      std::vector<float> word(width, 99.0f);
      equations.Solve(word.data());
      const std::vector<double> wanted = NumericMinimum(points);
      for (std::size_t i = 0; i < width; ++i) EXPECT_NEAR(word[i], wanted[i], 1e-4) << width << " x " << count;
      const std::vector<double> solved(word.begin(), word.end());
      for (int direction = 0; direction < 20; ++direction) {
        std::vector<double> aside = solved;
        for (double& value : aside) value += 0.01 * draw.Normal();
        EXPECT_GE(points.Loss(aside), points.Loss(solved) - 1e-6);
      }
    }
  }
}

TEST(NormalEquationsTest, PartsAddUp) {
  Draw draw(2);
  const Points points = Make(draw, 40, 3);
  NormalEquations whole(3);
  NormalEquations first(3);
  NormalEquations second(3);
  for (std::size_t p = 0; p < 40; ++p) {
    for (NormalEquations* equations : {&whole, p < 15 ? &first : &second}) {
      equations->Add(points.residuals.data() + p, points.directions.data() + p, points.stride, points.weights[p],
                     points.rests[p]);
    }
  }
  first.Add(second);
  float together[3];
  float apart[3];
  whole.Solve(together);
  first.Solve(apart);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(apart[i], together[i], 1e-6);
}

TEST(NormalEquationsTest, WithoutWeightTheMinimumIsTheMean) {
  const float residuals[] = {1.0f, 2.0f, 3.0f, 6.0f};  // two points, side by side
  const float directions[] = {0.6f, 1.0f, 0.8f, 0.0f};
  NormalEquations equations(2);
  equations.Add(residuals, directions, 2, 0.0, 5.0);
  equations.Add(residuals + 1, directions + 1, 2, 0.0, -5.0);
  float word[2];
  equations.Solve(word);
  EXPECT_FLOAT_EQ(word[0], 1.5f);
  EXPECT_FLOAT_EQ(word[1], 4.5f);
}

TEST(NormalEquationsTest, WithoutPointsTheWordStays) {
  float word[2] = {7.0f, -7.0f};
  NormalEquations(2).Solve(word);
  EXPECT_EQ(word[0], 7.0f);
  EXPECT_EQ(word[1], -7.0f);
}

}  // namespace
}  // namespace leafscan
