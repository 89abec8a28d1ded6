#include "leafscan/tree/router.h"

#include <algorithm>
#include <cmath>

#include "leafscan/search/score_key.h"
#include "leafscan/simd/route_score.h"

namespace leafscan {
namespace {

// What one step is worth when `values` are to fit into [-limit, limit].
float StepFor(std::span<const float> values, float limit) {
  float most = 0.0f;
  for (const float value : values) most = std::max(most, std::abs(value));
  const float step = most / limit;
  return step > 0.0f && std::isfinite(1.0f / step) ? step : 1.0f;
}

}  // namespace

Router::Router(const MatrixView<float>& centroids, Metric metric)
    : leaves_(centroids.rows), dim_(centroids.cols), metric_(metric) {
  const std::size_t pairs = (dim_ + 1) / 2;
  // 2 * pairs * limit^2 must stay below 2^31.
  limit_ = std::min(32767.0f, std::floor(std::sqrt(2147483000.0f / static_cast<float>(2 * pairs))));
  step_ = StepFor(centroids.span(), limit_);
  const std::size_t groups = (leaves_ + kRouteLanes - 1) / kRouteLanes;
  table_.assign(groups * pairs * 2 * kRouteLanes, 0);
  for (std::size_t leaf = 0; leaf < leaves_; ++leaf) {
    std::int16_t* group = table_.data() + leaf / kRouteLanes * pairs * 2 * kRouteLanes;
    double square = 0.0;
    for (std::size_t i = 0; i < dim_; ++i) {
      const float value = centroids.row(leaf)[i];
      const float steps = std::clamp(std::round(value / step_), -limit_, limit_);
      group[(i / 2 * kRouteLanes + leaf % kRouteLanes) * 2 + i % 2] = static_cast<std::int16_t>(steps);
      square += static_cast<double>(value) * value;
    }
    if (metric == Metric::kSquaredL2) squares_.push_back(static_cast<float>(square));
  }
}

std::span<const std::uint64_t> Router::Route(std::span<const float> query, std::size_t count, Scratch& scratch) const {
  const std::size_t pairs = (dim_ + 1) / 2;
  scratch.query.assign(2 * pairs, 0);
  const float step = StepFor(query, limit_);
  const float inverse = 1.0f / step;
  for (std::size_t i = 0; i < dim_; ++i) {
    const float steps = std::clamp(query[i] * inverse, -limit_, limit_);
    scratch.query[i] = static_cast<std::int16_t>(steps + (steps < 0.0f ? -0.5f : 0.5f));
  }
  scratch.products.resize((leaves_ + kRouteLanes - 1) / kRouteLanes * kRouteLanes);
  RouteScores(table_, scratch.query, scratch.products);
  scratch.best.Reset(count);
  const float worth = step * step_;
  for (std::size_t leaf = 0; leaf < leaves_; ++leaf) {
    float score = static_cast<float>(scratch.products[leaf]) * worth;
    if (metric_ == Metric::kSquaredL2) score = 2.0f * score - squares_[leaf];
    scratch.best.Push(ScoreKey(score, static_cast<std::uint32_t>(leaf)));
  }
  return scratch.best.Sorted();
}

}  // namespace leafscan
