// The centroids of a level of the tree in integers, and the search for the best of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"

namespace leafscan {

// What a level of the tree scores by (tree/router.h). Scales and biases are empty, or one for each centroid.
struct TreeLevel {
  MatrixView<float> centroids;
  std::span<const float> scales;
  std::span<const float> biases;
};

// A query in integers.
struct IntegerQuery {
  AlignedVector<std::int16_t> steps;  // of worth `step`, zeros behind them
  float step = 1.0f;
  float byte_step = 1.0f;  // what one step of its bytes is worth
  float square = 0.0f;     // its squared length, and its length
  float length = 0.0f;
};

// Twice: in 8 bits, which cost little and tell nearly which centroids are the best, and in 16 bits, of which those that
// may be among the best are read. Of 8 bits alone one visited leaf in seventy would be another one, and a query at a
// recall of .95 scans 1.6 % more points (GloVe-100, 2,000 leaves); with an eighth more leaves read in 16 bits
// none of the best is missed on any of the packaged sets (benchmarks/LOG.md).
//
// Integers are exact, and the few float operations that follow are the same everywhere: scores do not depend on the
// batch or the instruction set.
class CentroidTable {
 public:
  struct Scratch {
    AlignedVector<std::int32_t> products;
    AlignedVector<float> scores;  // by slot: places of the parts that are looked at, one part after the other
    AlignedVector<float> maxima;
    AlignedVector<std::uint32_t> groups;  // the centroid that a group of sixteen slots begins with
    AlignedVector<std::uint32_t> listed;
    AlignedVector<std::int32_t> fine_products;
    AlignedVector<float> fine_addends;
    AlignedVector<float> fine_scores;
    AlignedVector<std::uint32_t> ranks;
    AlignedVector<std::uint64_t> keys;
    AlignedVector<std::uint64_t> ordered;
    AlignedVector<std::uint64_t> room;
  };

  CentroidTable() = default;
  // Part p of the centroids is parts[p] ... parts[p + 1]; without parts all are one.
  CentroidTable(Metric metric, const TreeLevel& level, const MatrixView<float>& projection,
                std::span<const std::uint64_t> parts);

  std::size_t size() const { return size_; }
  std::size_t part_size(std::size_t part) const { return parts_[part + 1] - parts_[part]; }
  // The bytes of a query; queries of tables of equal dimension are the same.
  std::size_t query_bytes() const;

  // Returns the sum of the bytes.
  std::int32_t Quantize(std::span<const float> query, std::span<std::int8_t> bytes, IntegerQuery& to) const;

  // 8-bit scores of all centroids: products by RouteScores of some queries at once, then scores of one.
  void Multiply(std::span<const std::int8_t> bytes, std::span<const std::int32_t> sums,
                AlignedVector<std::int32_t>& products) const;
  std::span<const std::int32_t> ProductsOf(const AlignedVector<std::int32_t>& products, std::size_t query) const {
    return {products.data() + query * places_.back(), places_.back()};
  }
  void ScoreAll(std::span<const std::int32_t> products, const IntegerQuery& query, Scratch& scratch) const;
  // 8-bit scores of the centroids of some parts, in ascending order.
  void ScoreParts(std::span<const std::uint32_t> parts, std::span<const std::int8_t> bytes, std::int32_t sum,
                  const IntegerQuery& query, Scratch& scratch) const;
  // Scores what is not open out of reach; all must have been scored. Returns how many are left.
  std::size_t Close(std::span<const std::uint8_t> open, Scratch& scratch) const;

  // How many are read in 16 bits, so that the best `count` are among them.
  static std::size_t Wanted(std::size_t count) { return count + count / 8 + 8; }

  // The best `count` of what was scored as keys (core/score_key.h), by 16-bit scores: the first `in_order` best first, the
  // others in no order. Within reach are `reach` >= count centroids. Valid until the next call.
  std::span<const std::uint64_t> Best(std::size_t count, std::size_t in_order, std::size_t reach,
                                      const IntegerQuery& query, Scratch& scratch) const;
  // The best `count` of all centroids, best first, none of them scored before.
  std::span<const std::uint64_t> BestOfAll(std::size_t count, const IntegerQuery& query, Scratch& scratch) const;

  // The score of a centroid by itself, <q, c> or -|q - c|^2 as routing sees both, from its key for this query.
  float CenterScore(std::uint64_t key, const IntegerQuery& query) const;

 private:
  std::span<const std::uint64_t> Read(std::size_t count, std::size_t in_order, const IntegerQuery& query,
                                      Scratch& scratch) const;

  Metric metric_ = Metric::kDotProduct;
  std::size_t size_ = 0;
  std::size_t dim_ = 0;
  std::size_t padded_ = 0;               // a row of 16-bit numbers
  float limit_ = 0.0f;                   // largest magnitude of an integer component, so that no sum leaves 32 bits
  float byte_limit_ = 0.0f;              // and of a query's bytes
  float step_ = 1.0f;                    // what one step of a centroid's component is worth
  float byte_step_ = 1.0f;
  std::vector<std::uint64_t> parts_;     // the first centroid of each, and the end
  std::vector<std::size_t> places_;      // the first place of each, whole groups of sixteen, and the end
  AlignedVector<std::uint8_t> table_;    // by place (simd/route_score.h); from it the mean of all is taken, which ranks nothing
  AlignedVector<float> place_addends_;   // bias, or -|c|^2
  AlignedVector<std::int16_t> rows_;     // by centroid
  std::vector<float> addends_;
  std::vector<float> inverse_scales_;    // empty where scales are 1
};

}  // namespace leafscan
