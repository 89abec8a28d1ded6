// leafscan._engine.build: rows in, sections out.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "arrays.h"
#include "bindings.h"
#include "leafscan/build/builder.h"
#include "leafscan/build/kept_rows.h"
#include "leafscan/hash/layout.h"
#include "leafscan/snapshot/base.h"
#include "names.h"
#include "put_sections.h"
#include "python_monitor.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace leafscan {
namespace {

void PutUpper(nb::dict& sections, Sections& built, std::size_t upper_leaves, std::size_t dim) {
  sections["upper_centroids"] = ToNumPy(std::move(built.upper_centroids), {upper_leaves, dim});
  sections["upper_offsets"] = ToNumPy(std::move(built.upper_offsets), {upper_leaves + 1});
  if (built.upper_scales.empty()) return;
  sections["upper_scales"] = ToNumPy(std::move(built.upper_scales), {upper_leaves});
  sections["upper_biases"] = ToNumPy(std::move(built.upper_biases), {upper_leaves});
}

nb::dict BuildIndex(const InArray<float>& vectors, const std::string& metric, bool normalize, std::size_t num_leaves,
                    std::size_t tree_sample_size, int tree_iterations, std::size_t dimensions_per_block,
                    std::size_t code_sample_size, int code_iterations, double anisotropic_threshold, bool keep_rows,
                    std::uint64_t seed, int threads, std::optional<float> soar_lambda,
                    const std::optional<InArray<float>>& projection, nb::object progress, const std::string& row_dtype,
                    double row_threshold, const std::optional<std::string>& first_row_dtype,
                    std::size_t upper_leaves, std::optional<bool> spherical, double avq_eta,
                    int lookup_bits) {
  if (vectors.ndim() != 2 || vectors.shape(0) < 1 || vectors.shape(1) < 1) {
    throw std::invalid_argument("vectors must have shape (n, d) with at least one row and one column.");
  }
  if (vectors.shape(0) >= 0xFFFFFFFFu) throw std::invalid_argument("vectors must have fewer than 2^32 - 1 rows.");
  if (num_leaves > vectors.shape(0)) throw std::invalid_argument("num_leaves must not exceed the number of rows.");
  if (upper_leaves > num_leaves) throw std::invalid_argument("upper_leaves must not exceed num_leaves.");
  PythonMonitor monitor(std::move(progress));
  BuildOptions options;
  options.metric = MetricOf(metric);
  options.leaves = num_leaves;
  options.upper_leaves = upper_leaves;
  options.tree_sample = tree_sample_size;
  options.tree_iterations = tree_iterations;
  options.width = dimensions_per_block;
  if (lookup_bits != 4 && lookup_bits != 8) throw std::invalid_argument("lookup_bits must be 4 or 8.");
  options.words = lookup_bits == 8 ? kWideWords : kCodeWords;
  options.code_sample = std::max<std::size_t>(code_sample_size, 1);
  options.code_iterations = code_iterations;
  options.anisotropic_threshold = anisotropic_threshold;
  options.keep_rows = keep_rows;
  options.row_type = RowTypeOf(row_dtype);
  options.row_threshold = row_threshold;
  if (first_row_dtype) options.first_row_type = RowTypeOf(*first_row_dtype);
  options.spherical = spherical;
  options.avq_eta = avq_eta;
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
  if (keep_rows) {
    PutRows(sections, "", std::move(built.rows), options.row_type, n, dim);
    if (options.first_row_type) PutRows(sections, "first_", std::move(built.first_rows), *options.first_row_type, n, dim);
  }
  const std::size_t leaves = built.leaf_offsets.size() - 1;
  sections["leaf_offsets"] = ToNumPy(std::move(built.leaf_offsets), {leaves + 1});
  if (num_leaves > 0) {
    sections["centroids"] = ToNumPy(std::move(built.centroids), {num_leaves, dim});
    if (!built.routing_centroids.empty()) {
      sections["routing_centroids"] = ToNumPy(std::move(built.routing_centroids), {num_leaves, dim});
    }
    if (options.metric == Metric::kDotProduct) {
      sections["leaf_scales"] = ToNumPy(std::move(built.leaf_scales), {num_leaves});
      sections["leaf_biases"] = ToNumPy(std::move(built.leaf_biases), {num_leaves});
    }
    if (upper_leaves > 0) PutUpper(sections, built, upper_leaves, dim);
  }
  if (!built.stop_scales.empty()) {
    sections["stop_scales"] = ToNumPy(std::move(built.stop_scales), {StopScales::kCount});
  }
  if (!built.center.empty()) sections["center"] = ToNumPy(std::move(built.center), {dim});
  if (dimensions_per_block > 0) {
    const std::size_t coded = projection ? options.projection.rows : dim;
    const std::size_t blocks = CeilDiv(coded, dimensions_per_block);
    sections["codebooks"] = ToNumPy(std::move(built.codebooks), {blocks, options.words, dimensions_per_block});
    const CodeLayout layout{blocks, options.words};
    PutCodes(sections, "", std::move(built.primary), layout);
    if (!built.spill_offsets.empty()) {
      sections["spill_offsets"] = ToNumPy(std::move(built.spill_offsets), {leaves + 1});
      sections["spill_rows"] = ToNumPy(std::move(built.spill_rows), {built.spill.live.size(), kGroupPoints});
      PutCodes(sections, "spill_", std::move(built.spill), layout);
    }
    if (options.metric == Metric::kSquaredL2) {
      sections["term_scale"] = ToNumPy(AlignedVector<float>{built.term_scale}, {1});
    }
  }
  return sections;
}

nb::dict KeepRowsOf(const InArray<float>& vectors, const InArray<std::uint32_t>& order, bool normalize,
                    const std::string& dtype, double threshold, int threads, const std::string& prefix) {
  if (vectors.ndim() != 2 || vectors.shape(0) < 1 || vectors.shape(1) < 1) {
    throw std::invalid_argument("vectors must have shape (n, d) with at least one row and one column.");
  }
  if (order.ndim() != 1) throw std::invalid_argument("order must have shape (m,).");
  const std::span<const std::uint32_t> rows{order.data(), order.shape(0)};
  if (std::any_of(rows.begin(), rows.end(), [&](std::uint32_t row) { return row >= vectors.shape(0); })) {
    throw std::invalid_argument("order must hold rows of vectors.");
  }
  const RowType type = RowTypeOf(dtype);
  const RowSource source{{vectors.data(), vectors.shape(0), vectors.shape(1)}, normalize};
  RowSections kept;
  {
    const nb::gil_scoped_release released;
    kept = KeepRows(source, rows, type, {threshold, threads, nullptr});
  }
  nb::dict sections;
  PutRows(sections, prefix, std::move(kept), type, rows.size(), source.dim());
  return sections;
}

}  // namespace

void BindBuild(nb::module_& module) {
  module.def("build", &BuildIndex, "vectors"_a, nb::kw_only(), "metric"_a, "normalize"_a, "num_leaves"_a,
             "tree_sample_size"_a, "tree_iterations"_a, "dimensions_per_block"_a, "code_sample_size"_a,
             "code_iterations"_a, "anisotropic_threshold"_a, "keep_rows"_a, "seed"_a, "threads"_a,
             "soar_lambda"_a = nb::none(), "projection"_a = nb::none(), "progress"_a = nb::none(),
             "row_dtype"_a = "float32", "row_threshold"_a = 0.0, "first_row_dtype"_a = nb::none(),
             "upper_leaves"_a = 0, "spherical"_a = nb::none(), "avq_eta"_a = 1.0, "lookup_bits"_a = 4);
  module.def("keep_rows", &KeepRowsOf, "vectors"_a, "order"_a, nb::kw_only(), "normalize"_a, "dtype"_a,
             "threshold"_a, "threads"_a, "prefix"_a = "");
}

}  // namespace leafscan
