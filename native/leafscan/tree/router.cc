#include "leafscan/tree/router.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "leafscan/core/score_key.h"
#include "leafscan/simd/route_score.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

// What one step is worth when values up to `most` are to fit into [-limit, limit].
float StepFor(float most, float limit) {
  const float step = most / limit;
  return step > 0.0f && std::isfinite(1.0f / step) ? step : 1.0f;
}

}  // namespace

Router::Router(Metric metric, const MatrixView<float>& centroids, const MatrixView<float>& projection,
               std::span<const float> scales, std::span<const float> biases)
    : leaves_(centroids.rows), dim_(projection.rows > 0 ? projection.rows : centroids.cols), metric_(metric) {
  AlignedVector<float> seen(leaves_ * dim_);
  for (std::size_t leaf = 0; leaf < leaves_; ++leaf) {
    float* to = seen.data() + leaf * dim_;
    if (projection.rows > 0) {
      ScoreRowRange(Metric::kDotProduct, centroids.row(leaf), projection, 0, dim_, to);
    } else {
      std::copy_n(centroids.row(leaf), dim_, to);
    }
    if (!scales.empty()) std::transform(to, to + dim_, to, [&](float value) { return value * scales[leaf]; });
  }
  const std::size_t pairs = (dim_ + 1) / 2;
  // 2 * pairs * limit^2 must stay below 2^31.
  limit_ = std::min(32767.0f, std::floor(std::sqrt(2147483000.0f / static_cast<float>(2 * pairs))));
  float most = 0.0f;
  for (const float value : seen) most = std::max(most, std::abs(value));
  step_ = StepFor(most, limit_);
  const std::size_t groups = (leaves_ + kRouteLanes - 1) / kRouteLanes;
  table_.assign(groups * pairs * 2 * kRouteLanes, 0);
  addends_.assign(groups * kRouteLanes, 0.0f);
  for (std::size_t leaf = 0; leaf < leaves_; ++leaf) {
    std::int16_t* group = table_.data() + leaf / kRouteLanes * pairs * 2 * kRouteLanes;
    for (std::size_t i = 0; i < dim_; ++i) {
      const float steps = std::clamp(std::round(seen[leaf * dim_ + i] / step_), -limit_, limit_);
      group[(i / 2 * kRouteLanes + leaf % kRouteLanes) * 2 + i % 2] = static_cast<std::int16_t>(steps);
    }
    if (metric == Metric::kSquaredL2) {
      addends_[leaf] = -RowScore(Metric::kDotProduct, centroids.row(leaf), centroids.row(leaf), centroids.cols);
    } else if (!biases.empty()) {
      addends_[leaf] = biases[leaf];
    }
  }
}

std::span<const std::uint64_t> Router::Route(std::span<const float> query, std::size_t count, Scratch& scratch) const {
  const std::size_t pairs = (dim_ + 1) / 2;
  scratch.query.assign(2 * pairs, 0);
  float most = 0.0f;
  for (const float value : query) most = std::max(most, std::abs(value));
  const float step = StepFor(most, limit_);
  const float inverse = 1.0f / step;
  for (std::size_t i = 0; i < dim_; ++i) {
    const float steps = std::clamp(query[i] * inverse, -limit_, limit_);
    scratch.query[i] = static_cast<std::int16_t>(steps + (steps < 0.0f ? -0.5f : 0.5f));
  }
  scratch.products.resize((leaves_ + kRouteLanes - 1) / kRouteLanes * kRouteLanes);
  RouteScores(table_, scratch.query, scratch.products);
  scratch.best.Reset(count);
  const bool l2 = metric_ == Metric::kSquaredL2;
  const float worth = l2 ? 2.0f * (step * step_) : step * step_;
  const float weight = l2 ? 1.0f : std::sqrt(RowScore(Metric::kDotProduct, query.data(), query.data(), dim_));
  for (std::size_t leaf = 0; leaf < leaves_;) {
    const float least =
        scratch.best.least() == 0 ? -std::numeric_limits<float>::infinity() : KeyScore(scratch.best.least());
    const KeepProgress done =
        KeepLeaves({scratch.products, worth, addends_, weight}, leaf, leaves_, least, scratch.best.room());
    scratch.best.Commit(done.kept);
    leaf += done.leaves;
    if (leaf < leaves_) scratch.best.Compact();
  }
  return scratch.best.Sorted();
}

}  // namespace leafscan
