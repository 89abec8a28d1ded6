// The Python module leafscan._engine; its contract is src/leafscan/_engine.pyi.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "arrays.h"
#include "leafscan/build/builder.h"
#include "leafscan/core/finite.h"
#include "leafscan/core/processors.h"
#include "leafscan/filter/filter.h"
#include "leafscan/hash/layout.h"
#include "leafscan/reorder/row_store.h"
#include "leafscan/search/searcher.h"
#include "leafscan/simd/instruction_set.h"
#include "python_monitor.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace leafscan {
namespace {

Metric MetricOf(const std::string& name) {
  if (name == "dot_product") return Metric::kDotProduct;
  if (name == "squared_l2") return Metric::kSquaredL2;
  throw std::invalid_argument("metric must be \"dot_product\" or \"squared_l2\" here, received \"" + name + "\".");
}

RowType RowTypeOf(const std::string& name) {
  if (name == "float32") return RowType::kFloat32;
  if (name == "bfloat16") return RowType::kBFloat16;
  if (name == "int8") return RowType::kInt8;
  throw std::invalid_argument("row_dtype must be \"float32\", \"bfloat16\" or \"int8\", received \"" + name + "\".");
}

void PutRows(nb::dict& sections, Sections& built, RowType type, std::size_t n, std::size_t dim) {
  switch (type) {
    case RowType::kBFloat16:
      sections["rows"] = ToNumPy(std::move(built.bfloat16_rows), {n, dim});
      break;
    case RowType::kInt8:
      sections["rows"] = ToNumPy(std::move(built.int8_rows), {n, dim});
      sections["row_scales"] = ToNumPy(std::move(built.row_scales), {dim});
      break;
    default:
      sections["rows"] = ToNumPy(std::move(built.rows), {n, dim});
  }
}

void PutCodes(nb::dict& sections, const std::string& prefix, CodeSections&& built, std::size_t blocks) {
  const std::size_t groups = built.live.size();
  sections[(prefix + "codes").c_str()] = ToNumPy(std::move(built.codes), {groups, PaddedBlocks(blocks), kBlockBytes});
  if (!built.terms.empty()) {
    sections[(prefix + "terms").c_str()] = ToNumPy(std::move(built.terms), {groups, kGroupPoints});
  }
  sections[(prefix + "live").c_str()] = ToNumPy(std::move(built.live), {groups});
}

nb::dict BuildIndex(const InArray<float>& vectors, const std::string& metric, bool normalize, std::size_t num_leaves,
                    std::size_t tree_sample_size, int tree_iterations, std::size_t dimensions_per_block,
                    std::size_t code_sample_size, int code_iterations, double anisotropic_threshold, bool keep_rows,
                    std::uint64_t seed, int threads, std::optional<float> soar_lambda,
                    const std::optional<InArray<float>>& projection, nb::object progress, const std::string& row_dtype,
                    double row_threshold) {
  if (vectors.ndim() != 2 || vectors.shape(0) < 1 || vectors.shape(1) < 1) {
    throw std::invalid_argument("vectors must have shape (n, d) with at least one row and one column.");
  }
  if (vectors.shape(0) >= 0xFFFFFFFFu) throw std::invalid_argument("vectors must have fewer than 2^32 - 1 rows.");
  if (num_leaves > vectors.shape(0)) throw std::invalid_argument("num_leaves must not exceed the number of rows.");
  PythonMonitor monitor(std::move(progress));
  BuildOptions options;
  options.metric = MetricOf(metric);
  options.leaves = num_leaves;
  options.tree_sample = tree_sample_size;
  options.tree_iterations = tree_iterations;
  options.width = dimensions_per_block;
  options.code_sample = std::max<std::size_t>(code_sample_size, 1);
  options.code_iterations = code_iterations;
  options.anisotropic_threshold = anisotropic_threshold;
  options.keep_rows = keep_rows;
  options.row_type = RowTypeOf(row_dtype);
  options.row_threshold = row_threshold;
  if (soar_lambda) options.soar_lambda = *soar_lambda;
  if (projection) options.projection = {projection->data(), projection->shape(0), projection->shape(1)};
  options.seed = seed;
  options.threads = threads;
  options.monitor = &monitor;
  const RowSource source{{vectors.data(), vectors.shape(0), vectors.shape(1)}, normalize};
  Sections built;
  {
    const nb::gil_scoped_release released;
    built = Build(source, options);
  }
  const std::size_t n = source.size();
  const std::size_t dim = source.dim();
  nb::dict sections;
  sections["order"] = ToNumPy(std::move(built.order), {n});
  if (keep_rows) PutRows(sections, built, options.row_type, n, dim);
  const std::size_t leaves = built.leaf_offsets.size() - 1;
  sections["leaf_offsets"] = ToNumPy(std::move(built.leaf_offsets), {leaves + 1});
  if (num_leaves > 0) {
    sections["centroids"] = ToNumPy(std::move(built.centroids), {num_leaves, dim});
    if (options.metric == Metric::kDotProduct) {
      sections["leaf_scales"] = ToNumPy(std::move(built.leaf_scales), {num_leaves});
      sections["leaf_biases"] = ToNumPy(std::move(built.leaf_biases), {num_leaves});
    }
  }
  if (!built.center.empty()) sections["center"] = ToNumPy(std::move(built.center), {dim});
  if (dimensions_per_block > 0) {
    const std::size_t coded = projection ? options.projection.rows : dim;
    const std::size_t blocks = CeilDiv(coded, dimensions_per_block);
    sections["codebooks"] = ToNumPy(std::move(built.codebooks), {blocks, kCodeWords, dimensions_per_block});
    PutCodes(sections, "", std::move(built.primary), blocks);
    if (!built.spill_offsets.empty()) {
      sections["spill_offsets"] = ToNumPy(std::move(built.spill_offsets), {leaves + 1});
      sections["spill_rows"] = ToNumPy(std::move(built.spill_rows), {built.spill.live.size(), kGroupPoints});
      PutCodes(sections, "spill_", std::move(built.spill), blocks);
    }
    if (options.metric == Metric::kSquaredL2) {
      sections["term_scale"] = ToNumPy(AlignedVector<float>{built.term_scale}, {1});
    }
  }
  return sections;
}

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
  explicit InRows(const nb::handle& sections)
      : rows(TakeAny(sections, "rows")), scales(Take<float>(sections, "row_scales")) {}

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
        rows_(sections),
        leaf_offsets_(Take<std::uint64_t>(sections, "leaf_offsets")),
        centroids_(Take<float>(sections, "centroids")),
        leaf_scales_(Take<float>(sections, "leaf_scales")),
        leaf_biases_(Take<float>(sections, "leaf_biases")),
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
    arrays.leaf_offsets = {leaf_offsets_.data(), leaf_offsets_.size()};
    if (centroids_.is_valid()) arrays.centroids = {centroids_.data(), centroids_.shape(0), centroids_.shape(1)};
    if (center_.is_valid()) arrays.center = {center_.data(), center_.size()};
    if (projection_.is_valid()) arrays.projection = {projection_.data(), projection_.shape(0), projection_.shape(1)};
    if (leaf_scales_.is_valid()) {
      arrays.leaf_scales = {leaf_scales_.data(), leaf_scales_.size()};
      arrays.leaf_biases = {leaf_biases_.data(), leaf_biases_.size()};
    }
    if (codebooks_.is_valid()) {
      arrays.codebooks = {codebooks_.data(), codebooks_.size()};
      arrays.blocks = codebooks_.shape(0);
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
                   int threads, bool normalize, const PythonFilter* filter) const {
    const Batch batch = Read(queries);
    if (filter != nullptr && filter->filter().snapshot() != &searcher_->snapshot()) {
      throw std::invalid_argument("filter was compiled for another index; compile one for this index.");
    }
    if (k < 1) throw std::invalid_argument("k must be at least 1, received " + std::to_string(k) + ".");
    SearchOptions options;
    options.k = static_cast<std::size_t>(k);
    options.leaves = static_cast<std::size_t>(std::max<std::int64_t>(leaves, 1));
    options.candidates = static_cast<std::size_t>(std::max<std::int64_t>(candidates, 1));
    if (filter != nullptr) options.filter = &filter->filter();
    options.threads = threads;
    PythonMonitor monitor{nb::none()};
    if (batch.matrix.rows > kWatchedQueries) options.monitor = &monitor;
    AlignedVector<std::int64_t> ids(batch.matrix.rows * options.k);
    AlignedVector<float> scores(ids.size());
    {
      const nb::gil_scoped_release released;
      CheckFinite(batch.matrix, "queries", threads);
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

  PythonFilter CompileFilter(const InArray<std::uint8_t>& allowed) const {
    const std::size_t n = searcher_->snapshot().arrays.count;
    if (allowed.ndim() != 1 || allowed.shape(0) != n) {
      throw std::invalid_argument("allowed must have shape (" + std::to_string(n) + ",), one byte for each row.");
    }
    const nb::gil_scoped_release released;
    return PythonFilter(std::make_shared<const Filter>(searcher_->shared_snapshot(),
                                                       std::span<const std::uint8_t>(allowed.data(), n)));
  }

  nb::object Route(const InArray<float>& queries, std::int64_t leaves) const {
    const Batch batch = Read(queries);
    if (!searcher_->snapshot().has_tree()) throw std::invalid_argument("This index has no tree, so no leaves.");
    const auto most = static_cast<std::int64_t>(searcher_->snapshot().router.leaves());
    const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(leaves, 1, most));
    AlignedVector<std::int32_t> out(batch.matrix.rows * count);
    {
      const nb::gil_scoped_release released;
      searcher_->Route(batch.matrix, count, 1, out);
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
  InArray<std::uint64_t> leaf_offsets_;
  InArray<float> centroids_;
  InArray<float> leaf_scales_;
  InArray<float> leaf_biases_;
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
}  // namespace leafscan

NB_MODULE(_engine, module) {
  using leafscan::PythonFilter;
  using leafscan::PythonSearcher;
  module.doc() = "The native engine: arrays in, arrays out.";
  module.def("build", &leafscan::BuildIndex, "vectors"_a, nb::kw_only(), "metric"_a, "normalize"_a, "num_leaves"_a,
             "tree_sample_size"_a, "tree_iterations"_a, "dimensions_per_block"_a, "code_sample_size"_a,
             "code_iterations"_a, "anisotropic_threshold"_a, "keep_rows"_a, "seed"_a, "threads"_a,
             "soar_lambda"_a = nb::none(), "projection"_a = nb::none(), "progress"_a = nb::none(),
             "row_dtype"_a = "float32", "row_threshold"_a = 0.0);
  nb::class_<PythonFilter>(module, "Filter")
      .def_prop_ro("allowed", &PythonFilter::allowed)
      .def_prop_ro("nbytes", &PythonFilter::nbytes);
  nb::class_<PythonSearcher>(module, "Searcher")
      .def(nb::init<const nb::handle&, const std::string&, std::size_t,
                    const std::optional<leafscan::InArray<std::int64_t>>&>(),
           "sections"_a, nb::kw_only(), "metric"_a, "dim"_a, "ids"_a = nb::none())
      .def("search", &PythonSearcher::Search, "queries"_a, "k"_a, "leaves"_a, "candidates"_a, "threads"_a,
           "normalize"_a = false, "filter"_a.none() = nb::none())
      .def("compile_filter", &PythonSearcher::CompileFilter, "allowed"_a)
      .def("route", &PythonSearcher::Route, "queries"_a, "leaves"_a);
  module.def("available_threads", &leafscan::AvailableThreads);
  module.def("instruction_set", &leafscan::InstructionSet);
  module.def("instruction_sets", &leafscan::InstructionSets);
  module.def("use_instruction_set", &leafscan::UseInstructionSet, "name"_a);
}
