// leafscan._engine.Searcher and Filter: sections in, ids and scores out.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "arrays.h"
#include "bindings.h"
#include "leafscan/core/finite.h"
#include "leafscan/core/row_source.h"
#include "leafscan/filter/filter.h"
#include "leafscan/search/query_lists.h"
#include "leafscan/search/searcher.h"
#include "names.h"
#include "python_monitor.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace leafscan {
namespace {

struct InCodes {
  InCodes(const nb::handle& sections, const std::string& prefix)
      : codes(Take<std::uint8_t>(sections, (prefix + "codes").c_str())),
        terms(Take<std::int16_t>(sections, (prefix + "terms").c_str())),
        live(Take<std::uint32_t>(sections, (prefix + "live").c_str())) {}

  CodeArrays View() const {
    CodeArrays view;
    view.codes = {codes.data(), codes.size()};
    view.live = {live.data(), live.size()};
    if (terms.is_valid()) view.terms = {terms.data(), terms.size()};
    return view;
  }

  InArray<std::uint8_t> codes;
  InArray<std::int16_t> terms;
  InArray<std::uint32_t> live;
};

// Rows of whichever type they are kept in.
struct InRows {
  InRows(const nb::handle& sections, const std::string& prefix)
      : rows(TakeAny(sections, (prefix + "rows").c_str())),
        scales(Take<float>(sections, (prefix + "row_scales").c_str())) {}

  RowStore View() const {
    if (!rows.is_valid()) return {};
    const std::size_t n = rows.shape(0);
    const std::size_t dim = rows.shape(1);
    if (rows.dtype() == nb::dtype<float>()) return {static_cast<const float*>(rows.data()), n, dim};
    if (rows.dtype() == nb::dtype<std::uint16_t>()) return {static_cast<const std::uint16_t*>(rows.data()), n, dim};
    if (rows.dtype() == nb::dtype<std::int8_t>() && scales.is_valid()) {
      return {static_cast<const std::int8_t*>(rows.data()), scales.data(), n, dim};
    }
    throw std::invalid_argument("rows must be float32, uint16 (bfloat16), or int8 with row_scales.");
  }

  InAnyArray rows;
  InArray<float> scales;
};

class PythonFilter {
 public:
  explicit PythonFilter(std::shared_ptr<const Filter> filter) : filter_(std::move(filter)) {}

  const Filter& filter() const { return *filter_; }
  std::size_t allowed() const { return filter_->allowed(); }
  std::size_t nbytes() const { return filter_->nbytes(); }

 private:
  std::shared_ptr<const Filter> filter_;
};

// A searcher and the Python arrays that it reads.
class PythonSearcher {
 public:
  PythonSearcher(const nb::handle& sections, const std::string& metric, std::size_t dim,
                 const std::optional<InArray<std::int64_t>>& ids)
      : order_(Take<std::uint32_t>(sections, "order")),
        rows_(sections, ""),
        first_rows_(sections, "first_"),
        leaf_offsets_(Take<std::uint64_t>(sections, "leaf_offsets")),
        centroids_(Take<float>(sections, "centroids")),
        routing_centroids_(Take<float>(sections, "routing_centroids")),
        leaf_scales_(Take<float>(sections, "leaf_scales")),
        leaf_biases_(Take<float>(sections, "leaf_biases")),
        upper_centroids_(Take<float>(sections, "upper_centroids")),
        upper_scales_(Take<float>(sections, "upper_scales")),
        upper_biases_(Take<float>(sections, "upper_biases")),
        upper_offsets_(Take<std::uint64_t>(sections, "upper_offsets")),
        center_(Take<float>(sections, "center")),
        projection_(Take<float>(sections, "projection")),
        codebooks_(Take<float>(sections, "codebooks")),
        primary_(sections, ""),
        spill_offsets_(Take<std::uint64_t>(sections, "spill_offsets")),
        spill_rows_(Take<std::uint32_t>(sections, "spill_rows")),
        spill_(sections, "spill_") {
    IndexArrays arrays;
    arrays.metric = MetricOf(metric);
    arrays.dim = dim;
    arrays.count = order_.shape(0);
    arrays.rows = rows_.View();
    arrays.first_rows = first_rows_.View();
    arrays.leaf_offsets = {leaf_offsets_.data(), leaf_offsets_.size()};
    if (centroids_.is_valid()) arrays.centroids = {centroids_.data(), centroids_.shape(0), centroids_.shape(1)};
    if (routing_centroids_.is_valid()) {
      arrays.routing_centroids = {routing_centroids_.data(), routing_centroids_.shape(0), routing_centroids_.shape(1)};
    }
    if (center_.is_valid()) arrays.center = {center_.data(), center_.size()};
    if (projection_.is_valid()) arrays.projection = {projection_.data(), projection_.shape(0), projection_.shape(1)};
    if (leaf_scales_.is_valid()) {
      arrays.leaf_scales = {leaf_scales_.data(), leaf_scales_.size()};
      arrays.leaf_biases = {leaf_biases_.data(), leaf_biases_.size()};
    }
    if (upper_centroids_.is_valid()) {
      arrays.upper_centroids = {upper_centroids_.data(), upper_centroids_.shape(0), upper_centroids_.shape(1)};
      arrays.upper_offsets = {upper_offsets_.data(), upper_offsets_.size()};
    }
    if (upper_scales_.is_valid()) {
      arrays.upper_scales = {upper_scales_.data(), upper_scales_.size()};
      arrays.upper_biases = {upper_biases_.data(), upper_biases_.size()};
    }
    if (codebooks_.is_valid()) {
      arrays.codebooks = {codebooks_.data(), codebooks_.size()};
      arrays.blocks = codebooks_.shape(0);
      arrays.words = codebooks_.shape(1);
      arrays.width = codebooks_.shape(2);
      arrays.primary = primary_.View();
      if (primary_.terms.is_valid()) arrays.term_scale = Take<float>(sections, "term_scale").data()[0];
      if (spill_offsets_.is_valid()) {
        arrays.spill_offsets = {spill_offsets_.data(), spill_offsets_.size()};
        arrays.spill_rows = {spill_rows_.data(), spill_rows_.size()};
        arrays.spill = spill_.View();
      }
    }
    if (ids) {
      ids_ = *ids;
      arrays.ids = {ids_.data(), ids_.size()};
    } else {
      positions_.assign(order_.data(), order_.data() + order_.size());
      arrays.ids = positions_;
    }
    searcher_.emplace(OpenSnapshot(arrays));
  }

  nb::tuple Search(const InArray<float>& queries, std::int64_t k, std::int64_t leaves, std::int64_t candidates,
                   int threads, bool normalize, const PythonFilter* filter, std::int64_t refined,
                   std::int64_t upper_leaves) const {
    return Answer(Read(queries), OptionsOf(k, leaves, candidates, threads, filter, refined, upper_leaves), normalize);
  }

  // As Search, of rows that each query has for itself.
  nb::tuple SearchAmong(const InArray<float>& queries, std::int64_t k, std::int64_t leaves, std::int64_t candidates,
                        int threads, bool normalize, const PythonFilter* filter, std::int64_t refined,
                        std::int64_t upper_leaves, const std::optional<InArray<std::uint32_t>>& allow,
                        const std::optional<InArray<std::uint32_t>>& deny,
                        const std::optional<InArray<std::uint8_t>>& allow_mask,
                        const std::optional<InArray<std::uint8_t>>& deny_mask,
                        const std::optional<InArray<std::uint32_t>>& mask_rows) const {
    const Batch batch = Read(queries);
    QueryLists lists;
    lists.allow = {OfQueries(allow, batch, "allow"), OfQueries(allow_mask, batch, "allow_mask")};
    lists.deny = {OfQueries(deny, batch, "deny"), OfQueries(deny_mask, batch, "deny_mask")};
    if (mask_rows) lists.rows = {mask_rows->data(), mask_rows->size()};
    CheckMasks(lists);
    SearchOptions options = OptionsOf(k, leaves, candidates, threads, filter, refined, upper_leaves);
    options.lists = &lists;
    return Answer(batch, options, normalize);
  }

  PythonFilter CompileFilter(const InArray<std::uint8_t>& allowed) const {
    const std::size_t n = searcher_->snapshot().arrays.count;
    if (allowed.ndim() != 1 || allowed.shape(0) != n) {
      throw std::invalid_argument("allowed must have shape (" + std::to_string(n) + ",), one byte for each row.");
    }
    const nb::gil_scoped_release released;
    return PythonFilter(std::make_shared<const Filter>(searcher_->shared_snapshot(),
                                                       std::span<const std::uint8_t>(allowed.data(), n)));
  }

  nb::object Route(const InArray<float>& queries, std::int64_t leaves, std::int64_t upper_leaves) const {
    const Batch batch = Read(queries);
    if (!searcher_->snapshot().has_tree()) throw std::invalid_argument("This index has no tree, so no leaves.");
    const auto most = static_cast<std::int64_t>(searcher_->snapshot().router.leaves());
    const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(leaves, 1, most));
    AlignedVector<std::int32_t> out(batch.matrix.rows * count);
    {
      const nb::gil_scoped_release released;
      searcher_->Route(batch.matrix, count, static_cast<std::size_t>(std::max<std::int64_t>(upper_leaves, 0)), 1, out);
    }
    return ToNumPy(std::move(out), {batch.matrix.rows, count});
  }

 private:
  // Calls of so many queries may take long enough for somebody to want out of them.
  static constexpr std::size_t kWatchedQueries = 256;

  struct Batch {
    MatrixView<float> matrix;
    bool single;
  };

  SearchOptions OptionsOf(std::int64_t k, std::int64_t leaves, std::int64_t candidates, int threads,
                          const PythonFilter* filter, std::int64_t refined, std::int64_t upper_leaves) const {
    if (filter != nullptr && filter->filter().snapshot() != &searcher_->snapshot()) {
      throw std::invalid_argument("filter was compiled for another index; compile one for this index.");
    }
    if (k < 1) throw std::invalid_argument("k must be at least 1, received " + std::to_string(k) + ".");
    SearchOptions options;
    options.k = static_cast<std::size_t>(k);
    options.leaves = static_cast<std::size_t>(std::max<std::int64_t>(leaves, 1));
    options.candidates = static_cast<std::size_t>(std::max<std::int64_t>(candidates, 1));
    options.refined = static_cast<std::size_t>(std::max<std::int64_t>(refined, 0));
    options.upper_leaves = static_cast<std::size_t>(std::max<std::int64_t>(upper_leaves, 0));
    if (filter != nullptr) options.filter = &filter->filter();
    options.threads = threads;
    return options;
  }

  nb::tuple Answer(const Batch& batch, SearchOptions options, bool normalize) const {
    PythonMonitor monitor{nb::none()};
    if (batch.matrix.rows > kWatchedQueries) options.monitor = &monitor;
    AlignedVector<std::int64_t> ids(batch.matrix.rows * options.k);
    AlignedVector<float> scores(ids.size());
    {
      const nb::gil_scoped_release released;
      CheckFinite(batch.matrix, "queries", options.threads);
      if (normalize) {
        AlignedVector<float> unit(batch.matrix.rows * batch.matrix.cols);
        for (std::size_t i = 0; i < batch.matrix.rows; ++i) {
          Normalize(batch.matrix.row(i), batch.matrix.cols, unit.data() + i * batch.matrix.cols);
        }
        searcher_->Search({unit.data(), batch.matrix.rows, batch.matrix.cols}, options, ids, scores);
      } else {
        searcher_->Search(batch.matrix, options, ids, scores);
      }
    }
    if (batch.single) {
      return nb::make_tuple(ToNumPy(std::move(ids), {options.k}), ToNumPy(std::move(scores), {options.k}));
    }
    const std::size_t rows = batch.matrix.rows;
    return nb::make_tuple(ToNumPy(std::move(ids), {rows, options.k}), ToNumPy(std::move(scores), {rows, options.k}));
  }

  template <class T>
  static std::optional<MatrixView<T>> OfQueries(const std::optional<InArray<T>>& array, const Batch& batch,
                                                const char* name) {
    if (!array) return std::nullopt;
    if (array->ndim() != 2 || array->shape(0) != batch.matrix.rows) {
      throw std::invalid_argument(std::string(name) + " must have a row for each query.");
    }
    return MatrixView<T>{array->data(), array->shape(0), array->shape(1)};
  }

  void CheckMasks(const QueryLists& lists) const {
    for (const auto& masks : {lists.allow.masks, lists.deny.masks}) {
      if (masks && masks->cols != lists.rows.size()) throw std::invalid_argument("mask_rows must name a row for each place.");
    }
    for (const std::uint32_t row : lists.rows) {
      if (row >= searcher_->snapshot().arrays.count) throw std::invalid_argument("mask_rows names no row of the index.");
    }
  }

  Batch Read(const InArray<float>& queries) const {
    const std::size_t dim = searcher_->snapshot().arrays.dim;
    const bool single = queries.ndim() == 1;
    if ((!single && queries.ndim() != 2) || queries.shape(queries.ndim() - 1) != dim) {
      throw std::invalid_argument("queries must have shape (" + std::to_string(dim) + ",) or (q, " +
                                  std::to_string(dim) + ").");
    }
    return {{queries.data(), single ? std::size_t{1} : queries.shape(0), dim}, single};
  }

  InArray<std::uint32_t> order_;
  InRows rows_;
  InRows first_rows_;
  InArray<std::uint64_t> leaf_offsets_;
  InArray<float> centroids_;
  InArray<float> routing_centroids_;
  InArray<float> leaf_scales_;
  InArray<float> leaf_biases_;
  InArray<float> upper_centroids_;
  InArray<float> upper_scales_;
  InArray<float> upper_biases_;
  InArray<std::uint64_t> upper_offsets_;
  InArray<float> center_;
  InArray<float> projection_;
  InArray<float> codebooks_;
  InCodes primary_;
  InArray<std::uint64_t> spill_offsets_;
  InArray<std::uint32_t> spill_rows_;
  InCodes spill_;
  InArray<std::int64_t> ids_;
  AlignedVector<std::int64_t> positions_;
  std::optional<Searcher> searcher_;
};

}  // namespace

void BindSearcher(nb::module_& module) {
  nb::class_<PythonFilter>(module, "Filter")
      .def_prop_ro("allowed", &PythonFilter::allowed)
      .def_prop_ro("nbytes", &PythonFilter::nbytes);
  nb::class_<PythonSearcher>(module, "Searcher")
      .def(nb::init<const nb::handle&, const std::string&, std::size_t,
                    const std::optional<InArray<std::int64_t>>&>(),
           "sections"_a, nb::kw_only(), "metric"_a, "dim"_a, "ids"_a = nb::none())
      .def("search", &PythonSearcher::Search, "queries"_a, "k"_a, "leaves"_a, "candidates"_a, "threads"_a,
           "normalize"_a = false, "filter"_a.none() = nb::none(), "refined"_a = 0, "upper_leaves"_a = 0)
      .def("search_among", &PythonSearcher::SearchAmong, "queries"_a, "k"_a, "leaves"_a, "candidates"_a, "threads"_a,
           "normalize"_a = false, "filter"_a.none() = nb::none(), "refined"_a = 0, "upper_leaves"_a = 0,
           "allow"_a = nb::none(), "deny"_a = nb::none(), "allow_mask"_a = nb::none(), "deny_mask"_a = nb::none(),
           "mask_rows"_a = nb::none())
      .def("compile_filter", &PythonSearcher::CompileFilter, "allowed"_a)
      .def("route", &PythonSearcher::Route, "queries"_a, "leaves"_a, "upper_leaves"_a = 0);
}

}  // namespace leafscan
