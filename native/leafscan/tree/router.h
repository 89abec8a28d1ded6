// Which leaves a query visits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"
#include "leafscan/tree/centroid_table.h"

namespace leafscan {

// A query's score for a leaf is 2 <q, c> - |c|^2 for squared_l2, the nearest centroid first, and
//   scale <q, c> + bias |q|
// for dot products. For unit rows (cosine) scale is 1 / |c| and bias 0: a leaf of much spread has a short mean, which would
// put it behind every tight one. For other rows scale is 1 and bias some standard deviations of the leaf's residuals: the
// best row of a leaf lies beyond its mean, the more so the wider the leaf (Bruch, Krishnan and Nardini, "Optimistic Query
// Routing in Clustering-based ANN Search", 2024, have the idea; theirs sketches a covariance for each leaf).
//
// With an upper tree, leaves that lie near one another follow one another and share an upper leaf, which has a centroid
// of its own, scored in the same way; a query goes through the leaves of its best upper leaves alone.
//
// The centroids in integers, made when an index is opened (tree/centroid_table.h): a query takes the same leaves alone and
// in a batch, with every instruction set.
//
// Cost of one query over L leaves, count visited, d dimensions: L d bytes from the cache at 32 a cycle, some twenty operations
// for sixteen leaves to score and select them, 1.2 to 1.6 times count rows of 2 d bytes, and their ranks. Measured on a Zen 4: 2,000
// leaves x 100, 48 visited, 3.9 us alone and 3.4 us in a batch; the products are half of that.
class Router {
 public:
  // Queries of a batch are taken so many at a time: the table is read once for all.
  static constexpr std::size_t kBatch = 4;

  struct Scratch {
    AlignedVector<std::int8_t> bytes;  // of the queries, one after the other
    std::int32_t sums[kBatch];         // of each one's bytes
    IntegerQuery queries[kBatch];
    AlignedVector<std::int32_t> products;
    CentroidTable::Scratch table;
    std::vector<std::uint32_t> upper;
    std::uint64_t top = 0;  // RouteAmong: the key of the best leaf of all, open or not
  };

  Router() = default;
  // Scales and biases are there for dot products alone. With a projection (orthonormal rows), queries come projected, and
  // of <q, c> the part that it leaves out is neglected. Upper leaf u holds leaves upper_offsets[u] ... upper_offsets[u + 1];
  // without an upper tree `upper` and the offsets are empty.
  Router(Metric metric, const TreeLevel& leaves, const MatrixView<float>& projection, const TreeLevel& upper = {},
         std::span<const std::uint64_t> upper_offsets = {});

  std::size_t leaves() const { return leaves_.size(); }
  std::size_t upper_leaves() const { return upper_.size(); }  // 0 without an upper tree

  // The best `count` <= leaves() leaves, best first, as keys (core/score_key.h): of those in the best `upper_searched` upper
  // leaves, and in more where these hold too few; 0 stands for all. `query` is as long as the projection has rows, or a
  // centroid. Valid until the scratch is used again.
  //
  // Leaves are picked by 8-bit scores and put in order by 16-bit ones: where leaves differ by less than 8 bits tell,
  // asking for more may bring one that comes earlier.
  std::span<const std::uint64_t> Route(std::span<const float> query, std::size_t count, Scratch& scratch,
                                       std::size_t upper_searched = 0) const;

  // The same of many queries, one after the other: keys.size() == queries.rows * count.
  void RouteBatch(const MatrixView<float>& queries, std::size_t count, Scratch& scratch, std::span<std::uint64_t> keys,
                  std::size_t upper_searched = 0) const;

  // The best `count` of the leaves that are `open` (not 0), at least so many, whatever upper leaf they are in. The
  // first `in_order` of them come best first, which brings a scan's threshold near to where it ends; the others, which may be
  // thousands, in no order. scratch.top is what Route would put first.
  static constexpr std::size_t kInOrder = 64;
  std::span<const std::uint64_t> RouteAmong(std::span<const std::uint8_t> open, std::span<const float> query,
                                            std::size_t count, Scratch& scratch,
                                            std::size_t in_order = kInOrder) const;

  // The score of a leaf's centroid by itself, <q, c> or -|q - c|^2 as far as routing sees them (a projection leaves the same
  // out for the query of all leaves), from its key and the query that was routed last, by Route or RouteAmong, or as query
  // `which` < kBatch of the last that RouteBatch took.
  float CenterScore(std::uint64_t key, const Scratch& scratch, std::size_t which = 0) const {
    return leaves_.CenterScore(key, scratch.queries[which]);
  }

 private:
  void Quantize(const MatrixView<float>& queries, std::size_t first, std::size_t count, Scratch& scratch) const;
  std::span<const std::uint64_t> RouteUpper(std::size_t query, std::size_t count, std::size_t upper_searched,
                                            Scratch& scratch) const;

  CentroidTable leaves_;
  CentroidTable upper_;
};

}  // namespace leafscan
