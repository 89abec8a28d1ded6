// Exact search: every row against every query.
//
// Batches go through the panel kernel, a float32 matrix product whose scores only choose what is worth scoring: a row
// that could be among the best k, rounding errors of both sums included, is scored again as the row store does. So a query
// gets the same ids and scores alone and in a batch. Rows that are not kept as floats are made floats block by block, which
// a panel of sixteen queries shares.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"
#include "leafscan/core/monitor.h"
#include "leafscan/filter/filter.h"
#include "leafscan/reorder/row_store.h"
#include "leafscan/search/denied_rows.h"
#include "leafscan/search/search_trace.h"

namespace leafscan {

class ExactSearch {
 public:
  ExactSearch(const RowStore& rows, Metric metric) : rows_(rows), metric_(metric) {}

  // Gives put(query, keys) the best k of each query as keys (core/score_key.h), best first; without a filter, of all rows.
  // `denied`, where not empty, has rows for each query that are not for it.
  template <class Put>
  void Search(const MatrixView<float>& queries, std::size_t k, int threads, Monitor* monitor, const Put& put,
              const Filter* filter = nullptr, std::span<const DeniedRows> denied = {}, SharedTrace* trace = nullptr) const {
    for (std::size_t first = 0; first < queries.rows; first += kQueriesAtOnce) {
      const std::size_t count = std::min(kQueriesAtOnce, queries.rows - first);
      const auto best = Best({queries.row(first), count, queries.cols}, k, threads, monitor, filter,
                             denied.empty() ? denied : denied.subspan(first, count), trace);
      for (std::size_t query = 0; query < count; ++query) {
        put(first + query, std::span<const std::uint64_t>(best[query]));
      }
    }
  }

 private:
  // Bounds the memory that the keys of a batch take.
  static constexpr std::size_t kQueriesAtOnce = 4096;

  std::vector<std::vector<std::uint64_t>> Best(const MatrixView<float>& queries, std::size_t k, int threads,
                                               Monitor* monitor, const Filter* filter,
                                               std::span<const DeniedRows> denied, SharedTrace* trace) const;
  void Prepare(int threads) const;

  RowStore rows_;
  Metric metric_;
  // Made at the first batch, since it reads every row of a mapped file.
  mutable std::once_flag prepared_;
  mutable std::vector<float> bias_;      // -|x|^2 / 2, squared_l2 alone
  mutable double longest_square_ = 0.0;  // largest |x|^2
};

}  // namespace leafscan
