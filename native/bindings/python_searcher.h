// leafscan._engine.Searcher and Filter.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "arrays.h"
#include "leafscan/filter/filter.h"
#include "leafscan/search/query_lists.h"
#include "leafscan/search/searcher.h"
#include "opened_sections.h"

namespace leafscan {

namespace nb = nanobind;

class PythonFilter {
 public:
  explicit PythonFilter(std::shared_ptr<const Filter> filter) : filter_(std::move(filter)) {}

  const Filter& filter() const { return *filter_; }
  std::size_t allowed() const { return filter_->allowed(); }
  std::uint64_t version() const { return filter_->version(); }
  std::size_t nbytes() const { return filter_->nbytes(); }

 private:
  std::shared_ptr<const Filter> filter_;
};

// One version of an index, and the Python arrays that it reads.
class PythonSearcher {
 public:
  PythonSearcher(const nb::handle& sections, const std::string& metric, std::size_t dim,
                 const std::optional<InArray<std::int64_t>>& ids)
      : sections_(std::make_shared<const OpenedSections>(sections, metric, dim, ids)),
        searcher_(OpenSnapshot(sections_->arrays())) {}
  PythonSearcher(std::shared_ptr<const Snapshot> snapshot, const PythonSearcher& earlier)
      : sections_(earlier.sections_), searcher_(std::move(snapshot), earlier.searcher_) {}

  const Searcher& searcher() const { return searcher_; }
  const Snapshot& snapshot() const { return searcher_.snapshot(); }
  std::span<const std::uint32_t> order() const { return sections_->order(); }
  std::size_t count() const { return snapshot().count; }
  std::size_t row_end() const { return snapshot().row_end; }

  nb::tuple Search(const InArray<float>& queries, std::int64_t k, std::int64_t leaves, std::int64_t candidates,
                   int threads, bool normalize, const PythonFilter* filter, std::int64_t refined,
                   std::int64_t upper_leaves, std::optional<float> stop) const;
  // As Search, of rows that each query has for itself.
  nb::tuple SearchAmong(const InArray<float>& queries, std::int64_t k, std::int64_t leaves, std::int64_t candidates,
                        int threads, bool normalize, const PythonFilter* filter, std::int64_t refined,
                        std::int64_t upper_leaves, std::optional<float> stop,
                        const std::optional<InArray<std::uint32_t>>& allow,
                        const std::optional<InArray<std::uint32_t>>& deny,
                        const std::optional<InArray<std::uint8_t>>& allow_mask,
                        const std::optional<InArray<std::uint8_t>>& deny_mask,
                        const std::optional<InArray<std::uint32_t>>& mask_rows) const;
  // As SearchAmong, where the time goes besides: a dict of what search/search_trace.h counts comes third.
  nb::tuple SearchTraced(const InArray<float>& queries, std::int64_t k, std::int64_t leaves, std::int64_t candidates,
                         int threads, bool normalize, const PythonFilter* filter, std::int64_t refined,
                         std::int64_t upper_leaves, std::optional<float> stop,
                        const std::optional<InArray<std::uint32_t>>& allow,
                         const std::optional<InArray<std::uint32_t>>& deny,
                         const std::optional<InArray<std::uint8_t>>& allow_mask,
                         const std::optional<InArray<std::uint8_t>>& deny_mask,
                         const std::optional<InArray<std::uint32_t>>& mask_rows) const;
  PythonFilter CompileFilter(const InArray<std::uint8_t>& allowed, const PythonFilter* before) const;
  nb::object Route(const InArray<float>& queries, std::int64_t leaves, std::int64_t upper_leaves) const;

  // As Search, but every row is scored, whatever the plan.
  nb::tuple SearchExactly(const InArray<float>& queries, std::int64_t k, int threads, bool normalize) const;

  // What is there: rows, leaves and codes.
  std::size_t fresh_nbytes() const;
  std::uint64_t version() const { return searcher_.snapshot().version; }
  nb::object LiveRows() const;
  nb::object ReadRows(const InArray<std::uint32_t>& rows) const;
  nb::object LeafSizes() const;
  nb::tuple CodeErrors(std::int64_t step) const;
  nb::tuple Folded(int threads) const;

 private:
  // Calls of so many queries may take long enough for somebody to want out of them.
  static constexpr std::size_t kWatchedQueries = 256;

  struct Batch {
    MatrixView<float> matrix;
    bool single;
  };

  SearchOptions OptionsOf(std::int64_t k, std::int64_t leaves, std::int64_t candidates, int threads,
                          const PythonFilter* filter, std::int64_t refined, std::int64_t upper_leaves,
                          std::optional<float> stop) const;
  nb::tuple Answer(const Batch& batch, SearchOptions options, bool normalize) const;
  QueryLists ListsOf(const Batch& batch, const std::optional<InArray<std::uint32_t>>& allow,
                     const std::optional<InArray<std::uint32_t>>& deny,
                     const std::optional<InArray<std::uint8_t>>& allow_mask,
                     const std::optional<InArray<std::uint8_t>>& deny_mask,
                     const std::optional<InArray<std::uint32_t>>& mask_rows) const;
  void CheckMasks(const QueryLists& lists) const;
  template <class T>
  static std::optional<MatrixView<T>> OfQueries(const std::optional<InArray<T>>& array, const Batch& batch,
                                                const char* name) {
    if (!array) return std::nullopt;
    if (array->ndim() != 2 || array->shape(0) != batch.matrix.rows) {
      throw std::invalid_argument(std::string(name) + " must have a row for each query.");
    }
    return MatrixView<T>{array->data(), array->shape(0), array->shape(1)};
  }
  Batch Read(const InArray<float>& queries) const;

  std::shared_ptr<const OpenedSections> sections_;
  Searcher searcher_;
};

}  // namespace leafscan
