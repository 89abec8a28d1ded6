// leafscan._engine.Searcher and Filter: sections in, ids and scores out.
#include "python_searcher.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bindings.h"
#include "leafscan/core/numbers_in_range.h"
#include "leafscan/core/row_source.h"
#include "leafscan/search/query_lists.h"
#include "leafscan/update/code_error.h"
#include "leafscan/update/fold.h"
#include "put_sections.h"
#include "python_monitor.h"

namespace leafscan {

using namespace nb::literals;

nb::tuple PythonSearcher::Search(const InArray<float>& queries, std::int64_t k, std::int64_t leaves,
                                 std::int64_t candidates, int threads, bool normalize, const PythonFilter* filter,
                                 std::int64_t refined, std::int64_t upper_leaves, std::optional<float> stop) const {
  return Answer(Read(queries), OptionsOf(k, leaves, candidates, threads, filter, refined, upper_leaves, stop), normalize);
}

nb::tuple PythonSearcher::SearchAmong(const InArray<float>& queries, std::int64_t k, std::int64_t leaves, std::int64_t candidates,
                      int threads, bool normalize, const PythonFilter* filter, std::int64_t refined,
                      std::int64_t upper_leaves, std::optional<float> stop,
                        const std::optional<InArray<std::uint32_t>>& allow,
                      const std::optional<InArray<std::uint32_t>>& deny,
                      const std::optional<InArray<std::uint8_t>>& allow_mask,
                      const std::optional<InArray<std::uint8_t>>& deny_mask,
                      const std::optional<InArray<std::uint32_t>>& mask_rows) const {
  const Batch batch = Read(queries);
  const QueryLists lists = ListsOf(batch, allow, deny, allow_mask, deny_mask, mask_rows);
  SearchOptions options = OptionsOf(k, leaves, candidates, threads, filter, refined, upper_leaves, stop);
  options.lists = &lists;
  return Answer(batch, options, normalize);
}

nb::tuple PythonSearcher::SearchTraced(const InArray<float>& queries, std::int64_t k, std::int64_t leaves,
                                       std::int64_t candidates, int threads, bool normalize, const PythonFilter* filter,
                                       std::int64_t refined, std::int64_t upper_leaves, std::optional<float> stop,
                                       const std::optional<InArray<std::uint32_t>>& allow,
                                       const std::optional<InArray<std::uint32_t>>& deny,
                                       const std::optional<InArray<std::uint8_t>>& allow_mask,
                                       const std::optional<InArray<std::uint8_t>>& deny_mask,
                                       const std::optional<InArray<std::uint32_t>>& mask_rows) const {
  const Batch batch = Read(queries);
  SearchOptions options = OptionsOf(k, leaves, candidates, threads, filter, refined, upper_leaves, stop);
  // Without any, a search takes the way of one that has none.
  const QueryLists lists = ListsOf(batch, allow, deny, allow_mask, deny_mask, mask_rows);
  if (allow || deny || allow_mask || deny_mask) options.lists = &lists;
  SharedTrace trace;
  options.trace = &trace;
  const nb::tuple found = Answer(batch, options, normalize);
  static constexpr const char* kNames[kStages] = {"prepare", "filter",     "route", "tables", "scan",
                                                  "select",  "first_rows", "rows",  "merge"};
  const SearchTrace& sum = trace.sum();
  nb::dict nanoseconds;
  for (std::size_t stage = 0; stage < kStages; ++stage) nanoseconds[kNames[stage]] = sum.nanoseconds[stage];
  nb::dict told;
  told["nanoseconds"] = nanoseconds;
  told["leaves"] = sum.leaves;
  told["points"] = sum.points;
  told["survivors"] = sum.survivors;
  told["first_rows"] = sum.first_rows;
  told["rows"] = sum.rows;
  told["listed"] = sum.listed;
  told["repeated"] = sum.repeated;
  return nb::make_tuple(found[0], found[1], told);
}

PythonFilter PythonSearcher::CompileFilter(const InArray<std::uint8_t>& allowed, const PythonFilter* before) const {
  const std::size_t n = searcher_.snapshot().row_end;
  if (allowed.ndim() != 1 || allowed.shape(0) != n) {
    throw std::invalid_argument("allowed must have shape (" + std::to_string(n) + ",), one byte for each row.");
  }
  const nb::gil_scoped_release released;
  return PythonFilter(std::make_shared<const Filter>(
      searcher_.snapshot(), std::span<const std::uint8_t>(allowed.data(), n), before == nullptr ? nullptr : &before->filter()));
}

nb::object PythonSearcher::Route(const InArray<float>& queries, std::int64_t leaves, std::int64_t upper_leaves) const {
  const Batch batch = Read(queries);
  if (!searcher_.snapshot().has_tree()) throw std::invalid_argument("This index has no tree, so no leaves.");
  const auto most = static_cast<std::int64_t>(searcher_.snapshot().router.leaves());
  const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(leaves, 1, most));
  AlignedVector<std::int32_t> out(batch.matrix.rows * count);
  {
    const nb::gil_scoped_release released;
    searcher_.Route(batch.matrix, count, static_cast<std::size_t>(std::max<std::int64_t>(upper_leaves, 0)), 1, out);
  }
  return ToNumPy(std::move(out), {batch.matrix.rows, count});
}

nb::tuple PythonSearcher::SearchExactly(const InArray<float>& queries, std::int64_t k, int threads,
                                        bool normalize) const {
  if (!snapshot().has_rows()) throw std::invalid_argument("This index keeps no rows.");
  SearchOptions options = OptionsOf(k, 0, 0, threads, nullptr, 0, 0, std::nullopt);
  options.exact = true;
  return Answer(Read(queries), options, normalize);
}

std::size_t PythonSearcher::fresh_nbytes() const {
  std::size_t bytes = 0;
  const auto add = [&](const auto& vector) { bytes += vector.size() * sizeof(vector[0]); };
  for (const auto& chunk : snapshot().fresh.chunks) {
    for (const RowSections* rows : {&chunk->rows, &chunk->first_rows}) {
      add(rows->float32);
      add(rows->bfloat16);
      add(rows->int8);
    }
    add(chunk->ids);
  }
  for (std::size_t leaf = 0; leaf < snapshot().leaves.size(); ++leaf) {
    const ChangedLeaf* changed = snapshot().changed.Find(leaf);
    if (changed == nullptr) continue;
    for (const ChangedListing* listing : {&changed->first, &changed->second}) {
      for (const auto& block : listing->blocks) {
        add(block->codes);
        add(block->terms);
        add(block->rows);
      }
    }
  }
  return bytes;
}

nb::object PythonSearcher::LiveRows() const {
  AlignedVector<std::uint32_t> rows;
  {
    const nb::gil_scoped_release released;
    for (std::size_t word = 0; word * 32 < row_end(); ++word) {
      for (std::uint32_t left = snapshot().live.Word(word); left != 0; left &= left - 1) {
        rows.push_back(static_cast<std::uint32_t>(word * 32 + static_cast<std::size_t>(std::countr_zero(left))));
      }
    }
  }
  const std::size_t count = rows.size();
  return ToNumPy(std::move(rows), {count});
}

nb::object PythonSearcher::ReadRows(const InArray<std::uint32_t>& rows) const {
  if (!snapshot().has_rows()) throw std::invalid_argument("This index keeps no rows.");
  const std::size_t dim = snapshot().arrays.dim;
  const std::size_t count = rows.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (rows.data()[i] >= row_end()) {
      throw std::invalid_argument("rows must be below " + std::to_string(row_end()) + ", received " +
                                  std::to_string(rows.data()[i]) + ".");
    }
  }
  AlignedVector<float> out(count * dim);
  {
    const nb::gil_scoped_release released;
    for (std::size_t i = 0; i < count; ++i) snapshot().rows.Read(rows.data()[i], out.data() + i * dim);
  }
  return ToNumPy(std::move(out), {count, dim});
}

nb::object PythonSearcher::LeafSizes() const {
  AlignedVector<std::uint64_t> sizes;
  for (const Leaf& leaf : snapshot().leaves) {
    std::uint64_t size = 0;
    for (const Segment& segment : leaf.segments) {
      if (segment.second) continue;
      for (std::size_t group = 0; group < segment.groups; ++group) {
        size += static_cast<std::uint64_t>(std::popcount(segment.live[group]));
      }
    }
    sizes.push_back(size);
  }
  const std::size_t leaves = sizes.size();
  return ToNumPy(std::move(sizes), {leaves});
}

nb::tuple PythonSearcher::CodeErrors(std::int64_t step) const {
  if (!snapshot().has_codes() || !snapshot().has_rows() || step < 1) {
    throw std::invalid_argument("code_errors needs codes, rows, and a step of at least 1.");
  }
  leafscan::CodeErrors errors;
  {
    const nb::gil_scoped_release released;
    errors = MeasureCodeErrors(snapshot(), static_cast<std::size_t>(step));
  }
  return nb::make_tuple(errors.built, errors.fresh);
}

nb::tuple PythonSearcher::Folded(int threads) const {
  if (count() == 0) throw std::invalid_argument("There is no row to fold.");
  leafscan::Folded folded;
  {
    const nb::gil_scoped_release released;
    folded = Fold(snapshot(), threads);
  }
  const std::size_t n = folded.rows.size();
  const std::size_t dim = snapshot().arrays.dim;
  Sections& made = folded.sections;
  nb::dict sections;
  if (snapshot().has_rows()) PutRows(sections, "", std::move(made.rows), snapshot().arrays.rows.type(), n, dim);
  if (!snapshot().first_rows.empty()) {
    PutRows(sections, "first_", std::move(made.first_rows), snapshot().arrays.first_rows.type(), n, dim);
  }
  const std::size_t leaves = made.leaf_offsets.size();
  sections["leaf_offsets"] = ToNumPy(std::move(made.leaf_offsets), {leaves});
  if (snapshot().has_codes()) PutCodes(sections, "", std::move(made.primary), snapshot().layout());
  if (snapshot().has_spill()) {
    const std::size_t groups = made.spill.live.size();
    sections["spill_offsets"] = ToNumPy(std::move(made.spill_offsets), {leaves});
    sections["spill_rows"] = ToNumPy(std::move(made.spill_rows), {groups, kGroupPoints});
    PutCodes(sections, "spill_", std::move(made.spill), snapshot().layout());
  }
  return nb::make_tuple(sections, ToNumPy(std::move(folded.rows), {n}));
}

SearchOptions PythonSearcher::OptionsOf(std::int64_t k, std::int64_t leaves, std::int64_t candidates, int threads,
                        const PythonFilter* filter, std::int64_t refined, std::int64_t upper_leaves,
                        std::optional<float> stop) const {
  if (filter != nullptr && filter->filter().version() != searcher_.snapshot().version) {
    throw std::invalid_argument("filter was compiled for another index; compile one for this index.");
  }
  if (k < 1) throw std::invalid_argument("k must be at least 1, received " + std::to_string(k) + ".");
  SearchOptions options;
  options.k = static_cast<std::size_t>(k);
  options.leaves = static_cast<std::size_t>(std::max<std::int64_t>(leaves, 1));
  options.candidates = static_cast<std::size_t>(std::max<std::int64_t>(candidates, 1));
  options.refined = static_cast<std::size_t>(std::max<std::int64_t>(refined, 0));
  options.upper_leaves = static_cast<std::size_t>(std::max<std::int64_t>(upper_leaves, 0));
  if (stop && std::isnan(*stop)) throw std::invalid_argument("stop must be a number, received NaN.");
  options.stop = stop;
  if (filter != nullptr) options.filter = &filter->filter();
  options.threads = threads;
  return options;
}

nb::tuple PythonSearcher::Answer(const Batch& batch, SearchOptions options, bool normalize) const {
  PythonMonitor monitor{nb::none()};
  if (batch.matrix.rows > kWatchedQueries) options.monitor = &monitor;
  AlignedVector<std::int64_t> ids(batch.matrix.rows * options.k);
  AlignedVector<float> scores(ids.size());
  {
    const nb::gil_scoped_release released;
    SearchTrace* traced = nullptr;
    const TracePart part(options.trace, traced);
    StageClock clock(traced);
    CheckNumbers(batch.matrix, "queries", Most(normalize), options.threads);
    if (normalize) {
      AlignedVector<float> unit(batch.matrix.rows * batch.matrix.cols);
      for (std::size_t i = 0; i < batch.matrix.rows; ++i) {
        Normalize(batch.matrix.row(i), batch.matrix.cols, unit.data() + i * batch.matrix.cols);
      }
      clock.End(Stage::kPrepare);
      searcher_.Search({unit.data(), batch.matrix.rows, batch.matrix.cols}, options, ids, scores);
    } else {
      clock.End(Stage::kPrepare);
      searcher_.Search(batch.matrix, options, ids, scores);
    }
  }
  if (batch.single) {
    return nb::make_tuple(ToNumPy(std::move(ids), {options.k}), ToNumPy(std::move(scores), {options.k}));
  }
  const std::size_t rows = batch.matrix.rows;
  return nb::make_tuple(ToNumPy(std::move(ids), {rows, options.k}), ToNumPy(std::move(scores), {rows, options.k}));
}

QueryLists PythonSearcher::ListsOf(const Batch& batch, const std::optional<InArray<std::uint32_t>>& allow,
                                   const std::optional<InArray<std::uint32_t>>& deny,
                                   const std::optional<InArray<std::uint8_t>>& allow_mask,
                                   const std::optional<InArray<std::uint8_t>>& deny_mask,
                                   const std::optional<InArray<std::uint32_t>>& mask_rows) const {
  QueryLists lists;
  lists.allow = {OfQueries(allow, batch, "allow"), OfQueries(allow_mask, batch, "allow_mask")};
  lists.deny = {OfQueries(deny, batch, "deny"), OfQueries(deny_mask, batch, "deny_mask")};
  if (mask_rows) lists.rows = {mask_rows->data(), mask_rows->size()};
  CheckMasks(lists);
  return lists;
}

void PythonSearcher::CheckMasks(const QueryLists& lists) const {
  for (const auto& masks : {lists.allow.masks, lists.deny.masks}) {
    if (masks && masks->cols != lists.rows.size()) throw std::invalid_argument("mask_rows must name a row for each place.");
  }
  for (const std::uint32_t row : lists.rows) {
    if (row >= row_end()) throw std::invalid_argument("mask_rows names no row of the index.");
  }
}

PythonSearcher::Batch PythonSearcher::Read(const InArray<float>& queries) const {
  const std::size_t dim = searcher_.snapshot().arrays.dim;
  const bool single = queries.ndim() == 1;
  if ((!single && queries.ndim() != 2) || queries.shape(queries.ndim() - 1) != dim) {
    throw std::invalid_argument("queries must have shape (" + std::to_string(dim) + ",) or (q, " +
                                std::to_string(dim) + ").");
  }
  return {{queries.data(), single ? std::size_t{1} : queries.shape(0), dim}, single};
}

void BindSearcher(nb::module_& module) {
  nb::class_<PythonFilter>(module, "Filter")
      .def_prop_ro("allowed", &PythonFilter::allowed)
      .def_prop_ro("version", &PythonFilter::version)
      .def_prop_ro("nbytes", &PythonFilter::nbytes);
  nb::class_<PythonSearcher>(module, "Searcher")
      .def(nb::init<const nb::handle&, const std::string&, std::size_t,
                    const std::optional<InArray<std::int64_t>>&>(),
           "sections"_a, nb::kw_only(), "metric"_a, "dim"_a, "ids"_a = nb::none())
      .def("search", &PythonSearcher::Search, "queries"_a, "k"_a, "leaves"_a, "candidates"_a, "threads"_a,
           "normalize"_a = false, "filter"_a.none() = nb::none(), "refined"_a = 0, "upper_leaves"_a = 0,
           "stop"_a = nb::none())
      .def("search_among", &PythonSearcher::SearchAmong, "queries"_a, "k"_a, "leaves"_a, "candidates"_a, "threads"_a,
           "normalize"_a = false, "filter"_a.none() = nb::none(), "refined"_a = 0, "upper_leaves"_a = 0,
           "stop"_a = nb::none(), "allow"_a = nb::none(), "deny"_a = nb::none(), "allow_mask"_a = nb::none(), "deny_mask"_a = nb::none(),
           "mask_rows"_a = nb::none())
      .def("search_traced", &PythonSearcher::SearchTraced, "queries"_a, "k"_a, "leaves"_a, "candidates"_a, "threads"_a,
           "normalize"_a = false, "filter"_a.none() = nb::none(), "refined"_a = 0, "upper_leaves"_a = 0,
           "stop"_a = nb::none(), "allow"_a = nb::none(), "deny"_a = nb::none(), "allow_mask"_a = nb::none(), "deny_mask"_a = nb::none(),
           "mask_rows"_a = nb::none())
      .def_prop_ro("count", &PythonSearcher::count)
      .def_prop_ro("row_end", &PythonSearcher::row_end)
      .def_prop_ro("fresh_nbytes", &PythonSearcher::fresh_nbytes)
      .def_prop_ro("version", &PythonSearcher::version)
      .def("search_exactly", &PythonSearcher::SearchExactly, "queries"_a, "k"_a, "threads"_a, "normalize"_a = false)
      .def("live_rows", &PythonSearcher::LiveRows)
      .def("read_rows", &PythonSearcher::ReadRows, "rows"_a)
      .def("leaf_sizes", &PythonSearcher::LeafSizes)
      .def("code_errors", &PythonSearcher::CodeErrors, "step"_a)
      .def("folded", &PythonSearcher::Folded, "threads"_a)
      .def("compile_filter", &PythonSearcher::CompileFilter, "allowed"_a, "before"_a.none() = nb::none())
      .def("route", &PythonSearcher::Route, "queries"_a, "leaves"_a, "upper_leaves"_a = 0);
}

}  // namespace leafscan
