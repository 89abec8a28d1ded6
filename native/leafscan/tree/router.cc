#include "leafscan/tree/router.h"

#include <algorithm>

#include "leafscan/core/score_key.h"

namespace leafscan {

Router::Router(Metric metric, const TreeLevel& leaves, const MatrixView<float>& projection, const TreeLevel& upper,
               std::span<const std::uint64_t> upper_offsets)
    : leaves_(metric, leaves, projection, upper_offsets) {
  if (upper.centroids.rows > 0) upper_ = CentroidTable(metric, upper, projection, {});
}

std::span<const std::uint64_t> Router::Route(std::span<const float> query, std::size_t count, Scratch& scratch,
                                             std::size_t upper_searched) const {
  Quantize({query.data(), 1, query.size()}, 0, 1, scratch);
  if (count == 0) return {};
  if (CentroidTable::Wanted(count) >= leaves()) {
    return leaves_.BestOfAll(count, scratch.queries[0], scratch.table);
  }
  if (upper_searched > 0 && upper_searched < upper_leaves()) return RouteUpper(0, count, upper_searched, scratch);
  leaves_.Multiply(scratch.bytes, {scratch.sums, 1}, scratch.products);
  leaves_.ScoreAll(scratch.products, scratch.queries[0], scratch.table);
  return leaves_.Best(count, count, leaves(), scratch.queries[0], scratch.table);
}

void Router::RouteBatch(const MatrixView<float>& queries, std::size_t count, Scratch& scratch,
                        std::span<std::uint64_t> keys, std::size_t upper_searched) const {
  const bool all = CentroidTable::Wanted(count) >= leaves();
  const bool upper = !all && upper_searched > 0 && upper_searched < upper_leaves();
  for (std::size_t first = 0; first < queries.rows && count > 0; first += kBatch) {
    const std::size_t some = std::min(kBatch, queries.rows - first);
    Quantize(queries, first, some, scratch);
    if (!all && !upper) leaves_.Multiply(scratch.bytes, {scratch.sums, some}, scratch.products);
    for (std::size_t i = 0; i < some; ++i) {
      std::span<const std::uint64_t> best;
      if (all) {
        best = leaves_.BestOfAll(count, scratch.queries[i], scratch.table);
      } else if (upper) {
        best = RouteUpper(i, count, upper_searched, scratch);
      } else {
        const std::span<const std::int32_t> products = leaves_.ProductsOf(scratch.products, i);
        leaves_.ScoreAll(products, scratch.queries[i], scratch.table);
        best = leaves_.Best(count, count, leaves(), scratch.queries[i], scratch.table);
      }
      std::copy(best.begin(), best.end(), keys.begin() + static_cast<std::ptrdiff_t>((first + i) * count));
    }
  }
}

std::span<const std::uint64_t> Router::RouteAmong(std::span<const std::uint8_t> open, std::span<const float> query,
                                                  std::size_t count, Scratch& scratch,
                                                  std::size_t in_order) const {
  const IntegerQuery& integers = scratch.queries[0];
  Quantize({query.data(), 1, query.size()}, 0, 1, scratch);
  leaves_.Multiply(scratch.bytes, {scratch.sums, 1}, scratch.products);
  leaves_.ScoreAll(scratch.products, integers, scratch.table);
  scratch.top = leaves_.Best(1, 1, leaves(), integers, scratch.table)[0];
  const std::size_t reach = leaves_.Close(open, scratch.table);
  if (count == 0) return {};
  return leaves_.Best(count, std::min(count, in_order), reach, integers, scratch.table);
}

void Router::Quantize(const MatrixView<float>& queries, std::size_t first, std::size_t count, Scratch& scratch) const {
  const std::size_t size = leaves_.query_bytes();
  scratch.bytes.resize(count * size);
  for (std::size_t i = 0; i < count; ++i) {
    scratch.sums[i] = leaves_.Quantize({queries.row(first + i), queries.cols},
                                       std::span(scratch.bytes).subspan(i * size, size), scratch.queries[i]);
  }
}

std::span<const std::uint64_t> Router::RouteUpper(std::size_t query, std::size_t count, std::size_t upper_searched,
                                                  Scratch& scratch) const {
  const std::size_t size = leaves_.query_bytes();
  const std::span<const std::int8_t> bytes = std::span<const std::int8_t>(scratch.bytes).subspan(query * size, size);
  const IntegerQuery& integers = scratch.queries[query];
  const std::int32_t sum = scratch.sums[query];
  std::span<const std::uint64_t> order;
  if (CentroidTable::Wanted(upper_searched) >= upper_.size()) {
    order = upper_.BestOfAll(upper_.size(), integers, scratch.table);
  } else {
    upper_.Multiply(bytes, {&sum, 1}, scratch.products);
    upper_.ScoreAll(scratch.products, integers, scratch.table);
    order = upper_.Best(upper_searched, upper_searched, upper_.size(), integers, scratch.table);
  }
  const std::size_t wanted = CentroidTable::Wanted(count);
  std::size_t reach = 0;
  const auto take = [&](std::size_t least) {
    scratch.upper.clear();
    reach = 0;
    for (const std::uint64_t key : order) {
      if (scratch.upper.size() >= least && reach >= wanted) break;
      scratch.upper.push_back(KeyRow(key));
      reach += leaves_.part_size(KeyRow(key));
    }
  };
  take(upper_searched);
  if (reach < wanted) {
    order = upper_.BestOfAll(upper_.size(), integers, scratch.table);
    take(upper_searched);
  }
  std::sort(scratch.upper.begin(), scratch.upper.end());
  leaves_.ScoreParts(scratch.upper, bytes, sum, integers, scratch.table);
  return leaves_.Best(count, count, reach, integers, scratch.table);
}

}  // namespace leafscan
