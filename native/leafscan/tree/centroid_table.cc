#include "leafscan/tree/centroid_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "leafscan/core/score_key.h"
#include "leafscan/core/select_best.h"
#include "leafscan/core/sort_keys.h"
#include "leafscan/core/within.h"
#include "leafscan/simd/best_scores.h"
#include "leafscan/simd/centroid_score.h"
#include "leafscan/simd/route_score.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

constexpr double kByteMost = 127.0;
constexpr float kNothing = -std::numeric_limits<float>::infinity();
// So many scores are put in order by rank; of more, keys are sorted.
constexpr std::size_t kRanked = 128;

std::size_t RoundUp(std::size_t count, std::size_t multiple) { return (count + multiple - 1) / multiple * multiple; }

// What one step is worth when values up to `most` are to fit into [-limit, limit].
float StepFor(double most, double limit) {
  const auto step = static_cast<float>(most / limit);
  return step > 0.0f && std::isfinite(1.0f / step) && std::isfinite(step) ? step : 1.0f;
}

template <class T>
T Steps(float value, float inverse, float limit) {
  const float steps = Within(value * inverse, limit);
  return static_cast<T>(steps + (steps < 0.0f ? -0.5f : 0.5f));
}

template <class Vector>
void AtLeast(Vector& vector, std::size_t size) {
  if (vector.size() < size) vector.resize(size);
}

// The centroids as queries see them.
AlignedVector<float> Seen(const TreeLevel& level, const MatrixView<float>& projection, std::size_t dim) {
  AlignedVector<float> seen(level.centroids.rows * dim);
  for (std::size_t i = 0; i < level.centroids.rows; ++i) {
    float* to = seen.data() + i * dim;
    if (projection.rows > 0) {
      ScoreRowRange(Metric::kDotProduct, level.centroids.row(i), projection, 0, dim, to);
    } else {
      std::copy_n(level.centroids.row(i), dim, to);
    }
    if (!level.scales.empty()) std::transform(to, to + dim, to, [&](float value) { return value * level.scales[i]; });
  }
  return seen;
}

}  // namespace

CentroidTable::CentroidTable(Metric metric, const TreeLevel& level, const MatrixView<float>& projection,
                             std::span<const std::uint64_t> parts)
    : metric_(metric),
      size_(level.centroids.rows),
      dim_(projection.rows > 0 ? projection.rows : level.centroids.cols),
      padded_(RoundUp(dim_, kCentroidMultiple)),
      parts_(parts.begin(), parts.end()) {
  if (parts_.empty()) parts_ = {0, size_};
  places_ = {0};
  for (std::size_t part = 0; part + 1 < parts_.size(); ++part) {
    places_.push_back(places_.back() + RoundUp(part_size(part), kRouteLanes));
  }
  const double components = static_cast<double>(RoundUp(dim_, kRouteDepth));
  limit_ = std::min(32767.0f, static_cast<float>(std::floor(std::sqrt(2147483000.0 / components))));
  byte_limit_ = std::min(static_cast<float>(kRouteQueryMost),
                         static_cast<float>(std::floor(2147483000.0 / (kRouteOffset * components))));

  const AlignedVector<float> seen = Seen(level, projection, dim_);
  std::vector<double> mean(dim_, 0.0);
  for (std::size_t i = 0; i < seen.size(); ++i) mean[i % dim_] += seen[i] / static_cast<double>(size_);
  float most = 0.0f;
  double most_off = 0.0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    most = std::max(most, std::abs(seen[i]));
    most_off = std::max(most_off, std::abs(seen[i] - mean[i % dim_]));
  }
  step_ = StepFor(most, limit_);
  byte_step_ = StepFor(most_off, kByteMost);

  const std::size_t depth = query_bytes();
  table_.assign(places_.back() * depth, kRouteOffset);
  place_addends_.assign(places_.back(), 0.0f);
  rows_.assign(size_ * padded_, 0);
  addends_.assign(size_, 0.0f);
  std::size_t part = 0;
  for (std::size_t c = 0; c < size_; ++c) {
    while (c >= parts_[part + 1]) ++part;
    const std::size_t place = places_[part] + (c - parts_[part]);
    std::uint8_t* group = table_.data() + place / kRouteLanes * kRouteLanes * depth;
    for (std::size_t i = 0; i < dim_; ++i) {
      const float value = seen[c * dim_ + i];
      rows_[c * padded_ + i] = static_cast<std::int16_t>(Within(std::round(value / step_), limit_));
      const double off = Within(std::round((value - mean[i]) / byte_step_), kByteMost);
      group[(i / kRouteDepth * kRouteLanes + place % kRouteLanes) * kRouteDepth + i % kRouteDepth] =
          static_cast<std::uint8_t>(static_cast<int>(off) + kRouteOffset);
    }
    if (metric == Metric::kSquaredL2) {
      const float* center = level.centroids.row(c);
      addends_[c] = -RowScore(Metric::kDotProduct, center, center, level.centroids.cols);
    } else if (!level.biases.empty()) {
      addends_[c] = level.biases[c];
    }
    place_addends_[place] = addends_[c];
  }
  if (std::any_of(level.scales.begin(), level.scales.end(), [](float scale) { return scale != 1.0f; })) {
    for (const float scale : level.scales) inverse_scales_.push_back(std::isnormal(scale) ? 1.0f / scale : 0.0f);
  }
}

std::size_t CentroidTable::query_bytes() const { return RoundUp(dim_, kRouteDepth); }

std::int32_t CentroidTable::Quantize(std::span<const float> query, std::span<std::int8_t> bytes,
                                     IntegerQuery& to) const {
  float most = 0.0f;
  for (std::size_t i = 0; i < dim_; ++i) most = std::max(most, std::abs(query[i]));
  to.step = StepFor(most, limit_);
  to.byte_step = StepFor(most, byte_limit_);
  const float inverse = 1.0f / to.step;
  const float byte_inverse = 1.0f / to.byte_step;
  to.steps.assign(padded_, 0);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(dim_), bytes.end(), std::int8_t{0});
  for (std::size_t i = 0; i < dim_; ++i) to.steps[i] = Steps<std::int16_t>(query[i], inverse, limit_);
  for (std::size_t i = 0; i < dim_; ++i) bytes[i] = Steps<std::int8_t>(query[i], byte_inverse, byte_limit_);
  to.square = RowScore(Metric::kDotProduct, query.data(), query.data(), dim_);
  to.length = std::sqrt(to.square);
  return std::accumulate(bytes.begin(), bytes.end(), std::int32_t{0});
}

void CentroidTable::Multiply(std::span<const std::int8_t> bytes, std::span<const std::int32_t> sums,
                             AlignedVector<std::int32_t>& products) const {
  AtLeast(products, sums.size() * places_.back());
  RouteScores(table_, bytes, sums, {products.data(), sums.size() * places_.back()});
}

void CentroidTable::ScoreAll(std::span<const std::int32_t> products, const IntegerQuery& query, Scratch& scratch) const {
  const float worth = (metric_ == Metric::kSquaredL2 ? 2.0f : 1.0f) * (query.byte_step * byte_step_);
  const float weight = metric_ == Metric::kSquaredL2 ? 1.0f : query.length;
  scratch.scores.resize(places_.back());
  scratch.groups.clear();
  for (std::size_t part = 0; part + 1 < parts_.size(); ++part) {
    const std::size_t first = places_[part];
    const std::size_t places = places_[part + 1] - first;
    const std::span<const float> addends{place_addends_.data() + first, places};
    ScoreLeaves({products.subspan(first, places), worth, addends, weight}, part_size(part),
                {scratch.scores.data() + first, places});
    if (parts_.size() == 2) return;  // slots are centroids
    for (std::uint64_t c = parts_[part]; c < parts_[part + 1]; c += kRouteLanes) {
      scratch.groups.push_back(static_cast<std::uint32_t>(c));
    }
  }
}

void CentroidTable::ScoreParts(std::span<const std::uint32_t> parts, std::span<const std::int8_t> bytes,
                               std::int32_t sum, const IntegerQuery& query, Scratch& scratch) const {
  const float worth = (metric_ == Metric::kSquaredL2 ? 2.0f : 1.0f) * (query.byte_step * byte_step_);
  const float weight = metric_ == Metric::kSquaredL2 ? 1.0f : query.length;
  std::size_t slots = 0;
  for (const std::uint32_t part : parts) slots += places_[part + 1] - places_[part];
  AtLeast(scratch.products, slots);
  scratch.scores.resize(slots);
  scratch.groups.clear();
  std::size_t slot = 0;
  for (const std::uint32_t part : parts) {
    const std::size_t first = places_[part];
    const std::size_t places = places_[part + 1] - first;
    const std::span<std::int32_t> products{scratch.products.data() + slot, places};
    RouteScores({table_.data() + first * bytes.size(), places * bytes.size()}, bytes, {&sum, 1}, products);
    const std::span<const float> addends{place_addends_.data() + first, places};
    ScoreLeaves({products, worth, addends, weight}, part_size(part), {scratch.scores.data() + slot, places});
    for (std::uint64_t c = parts_[part]; c < parts_[part + 1]; c += kRouteLanes) {
      scratch.groups.push_back(static_cast<std::uint32_t>(c));
    }
    slot += places;
  }
}

std::size_t CentroidTable::Close(std::span<const std::uint8_t> open, Scratch& scratch) const {
  std::size_t left = 0;
  for (std::size_t part = 0; part + 1 < parts_.size(); ++part) {
    float* scores = scratch.scores.data() + places_[part];
    const std::uint8_t* opens = open.data() + parts_[part];
    for (std::size_t i = 0; i < part_size(part); ++i) {
      scores[i] = opens[i] != 0 ? scores[i] : kNothing;
      left += opens[i] != 0 ? 1 : 0;
    }
  }
  return left;
}

std::span<const std::uint64_t> CentroidTable::Best(std::size_t count, std::size_t in_order, std::size_t reach,
                                                   const IntegerQuery& query, Scratch& scratch) const {
  const std::size_t slots = scratch.scores.size();
  AtLeast(scratch.maxima, slots);
  scratch.listed.resize(slots + kScoreLanes);
  const float cut = CutScores(scratch.scores, std::min(Wanted(count), reach), scratch.maxima);
  scratch.listed.resize(ListScores(scratch.scores, cut, scratch.listed));
  if (!scratch.groups.empty()) {
    for (std::uint32_t& slot : scratch.listed) slot = scratch.groups[slot / kRouteLanes] + slot % kRouteLanes;
  }
  return Read(count, in_order, query, scratch);
}

std::span<const std::uint64_t> CentroidTable::BestOfAll(std::size_t count, const IntegerQuery& query,
                                                        Scratch& scratch) const {
  scratch.listed.resize(size_);
  std::iota(scratch.listed.begin(), scratch.listed.end(), 0u);
  return Read(count, count, query, scratch);
}

std::span<const std::uint64_t> CentroidTable::Read(std::size_t count, std::size_t in_order, const IntegerQuery& query,
                                                   Scratch& scratch) const {
  const std::size_t listed = scratch.listed.size();
  const std::size_t padded = RoundUp(listed, kRouteLanes);
  AtLeast(scratch.fine_products, padded);
  AtLeast(scratch.fine_addends, padded);
  AtLeast(scratch.fine_scores, padded);
  CentroidScores({rows_.data(), size_, padded_}, query.steps, scratch.listed, scratch.fine_products);
  for (std::size_t i = 0; i < listed; ++i) scratch.fine_addends[i] = addends_[scratch.listed[i]];
  std::fill(scratch.fine_products.begin() + static_cast<std::ptrdiff_t>(listed),
            scratch.fine_products.begin() + static_cast<std::ptrdiff_t>(padded), 0);
  std::fill(scratch.fine_addends.begin() + static_cast<std::ptrdiff_t>(listed),
            scratch.fine_addends.begin() + static_cast<std::ptrdiff_t>(padded), 0.0f);
  const bool l2 = metric_ == Metric::kSquaredL2;
  const float worth = (l2 ? 2.0f : 1.0f) * (query.step * step_);
  const std::span<float> scores{scratch.fine_scores.data(), padded};
  ScoreLeaves({scratch.fine_products, worth, scratch.fine_addends, l2 ? 1.0f : query.length}, listed, scores);
  scratch.keys.resize(listed);
  if (listed <= kRanked) {
    scratch.ranks.resize(padded);
    RankScores(scores, scratch.ranks);
    for (std::size_t i = 0; i < listed; ++i) {
      scratch.keys[scratch.ranks[i]] = ScoreKey(scores[i], scratch.listed[i]);
    }
    return std::span<const std::uint64_t>(scratch.keys).first(count);
  }
  for (std::size_t i = 0; i < listed; ++i) scratch.keys[i] = ScoreKey(scores[i], scratch.listed[i]);
  if (count < listed) {
    SelectBest(scratch.keys, count);
    scratch.keys.resize(count);
  }
  if (in_order >= count) {
    SortKeys(scratch.keys, scratch.ordered);
    return scratch.keys;
  }
  // The selection keeps nothing but what it selects: the others come from where they were.
  AlignedVector<std::uint64_t>& ordered = scratch.ordered;
  ordered.assign(scratch.keys.begin(), scratch.keys.end());
  const std::uint64_t least = SelectBest(ordered, in_order);
  SortKeys(std::span(ordered).first(in_order), scratch.room);
  ordered.resize(count + 1);
  std::size_t at = in_order;
  for (const std::uint64_t key : scratch.keys) {
    ordered[at] = key;
    at += static_cast<std::size_t>(key < least);
  }
  return {ordered.data(), count};
}

float CentroidTable::CenterScore(std::uint64_t key, const IntegerQuery& query) const {
  const float score = KeyScore(key);
  if (metric_ == Metric::kSquaredL2) return score - query.square;
  const std::uint32_t centroid = KeyRow(key);
  const float product = score - addends_[centroid] * query.length;
  return inverse_scales_.empty() ? product : product * inverse_scales_[centroid];
}

}  // namespace leafscan
