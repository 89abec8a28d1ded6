#include "leafscan/tree/router.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "leafscan/core/score_key.h"
#include "leafscan/core/select_best.h"
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
  if (std::any_of(scales.begin(), scales.end(), [](float scale) { return scale != 1.0f; })) {
    for (const float scale : scales) unscales_.push_back(std::isnormal(scale) ? 1.0f / scale : 0.0f);
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
  Keep({}, query, count, scratch);
  return scratch.best.Sorted();
}

std::span<const std::uint64_t> Router::RouteAmong(std::span<const std::uint8_t> open, std::span<const float> query,
                                                  std::size_t count, Scratch& scratch) const {
  scratch.top = 0;
  Keep(open, query, count, scratch);
  const std::span<std::uint64_t> best = scratch.best.Best();
  if (best.size() <= kInOrder) {
    std::sort(best.begin(), best.end(), std::greater<>());
    return best;
  }
  // The selection keeps nothing but what it selects: the others come from where they were.
  AlignedVector<std::uint64_t>& among = scratch.among;
  among.assign(best.begin(), best.end());
  const std::uint64_t least = SelectBest(among, kInOrder);
  std::sort(among.begin(), among.begin() + static_cast<std::ptrdiff_t>(kInOrder), std::greater<>());
  among.resize(best.size() + 1);
  std::size_t at = kInOrder;
  for (const std::uint64_t key : best) {
    among[at] = key;
    at += static_cast<std::size_t>(key < least);
  }
  return {among.data(), best.size()};
}

void Router::Keep(std::span<const std::uint8_t> open, std::span<const float> query, std::size_t count,
                  Scratch& scratch) const {
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
  scratch.worth = worth;
  scratch.square = RowScore(Metric::kDotProduct, query.data(), query.data(), dim_);
  const float weight = l2 ? 1.0f : std::sqrt(scratch.square);
  for (std::size_t leaf = 0; leaf < leaves_;) {
    const float least =
        scratch.best.least() == 0 ? -std::numeric_limits<float>::infinity() : KeyScore(scratch.best.least());
    const KeepProgress done =
        KeepLeaves({scratch.products, worth, addends_, weight}, leaf, leaves_, least, scratch.best.room());
    std::size_t kept = done.kept;
    if (!open.empty()) {
      const std::span<std::uint64_t> keys = scratch.best.room().first(kept);
      for (const std::uint64_t key : keys) scratch.top = std::max(scratch.top, key);
      const auto closed = [&](std::uint64_t key) { return open[KeyRow(key)] == 0; };
      kept = static_cast<std::size_t>(std::remove_if(keys.begin(), keys.end(), closed) - keys.begin());
    }
    scratch.best.Commit(kept);
    leaf += done.leaves;
    if (leaf < leaves_) scratch.best.Compact();
  }
}

}  // namespace leafscan
