// The arrays of an index as Python has them.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "arrays.h"
#include "leafscan/core/aligned_vector.h"
#include "leafscan/snapshot/base.h"
#include "names.h"

namespace leafscan {

namespace nb = nanobind;

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

// Keeps the arrays alive; all versions of an index share it. Made and destroyed with the interpreter's lock held.
class OpenedSections {
 public:
  OpenedSections(const nb::handle& sections, const std::string& metric, std::size_t dim,
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
        stop_scales_(Take<float>(sections, "stop_scales")),
        center_(Take<float>(sections, "center")),
        projection_(Take<float>(sections, "projection")),
        codebooks_(Take<float>(sections, "codebooks")),
        primary_(sections, ""),
        spill_offsets_(Take<std::uint64_t>(sections, "spill_offsets")),
        spill_rows_(Take<std::uint32_t>(sections, "spill_rows")),
        spill_(sections, "spill_") {
    arrays_.metric = MetricOf(metric);
    arrays_.dim = dim;
    arrays_.count = order_.shape(0);
    arrays_.rows = rows_.View();
    arrays_.first_rows = first_rows_.View();
    arrays_.leaf_offsets = {leaf_offsets_.data(), leaf_offsets_.size()};
    if (centroids_.is_valid()) arrays_.centroids = {centroids_.data(), centroids_.shape(0), centroids_.shape(1)};
    if (routing_centroids_.is_valid()) {
      arrays_.routing_centroids = {routing_centroids_.data(), routing_centroids_.shape(0), routing_centroids_.shape(1)};
    }
    if (stop_scales_.is_valid()) {
      if (stop_scales_.size() != StopScales::kCount) throw std::invalid_argument("stop_scales must have shape (3,).");
      arrays_.stop_scales.values = {stop_scales_.data(), stop_scales_.size()};
    }
    if (center_.is_valid()) arrays_.center = {center_.data(), center_.size()};
    if (projection_.is_valid()) arrays_.projection = {projection_.data(), projection_.shape(0), projection_.shape(1)};
    if (leaf_scales_.is_valid()) {
      arrays_.leaf_scales = {leaf_scales_.data(), leaf_scales_.size()};
      arrays_.leaf_biases = {leaf_biases_.data(), leaf_biases_.size()};
    }
    if (upper_centroids_.is_valid()) {
      arrays_.upper_centroids = {upper_centroids_.data(), upper_centroids_.shape(0), upper_centroids_.shape(1)};
      arrays_.upper_offsets = {upper_offsets_.data(), upper_offsets_.size()};
    }
    if (upper_scales_.is_valid()) {
      arrays_.upper_scales = {upper_scales_.data(), upper_scales_.size()};
      arrays_.upper_biases = {upper_biases_.data(), upper_biases_.size()};
    }
    if (codebooks_.is_valid()) {
      arrays_.codebooks = {codebooks_.data(), codebooks_.size()};
      arrays_.blocks = codebooks_.shape(0);
      arrays_.words = codebooks_.shape(1);
      arrays_.width = codebooks_.shape(2);
      arrays_.primary = primary_.View();
      if (primary_.terms.is_valid()) arrays_.term_scale = Take<float>(sections, "term_scale").data()[0];
      if (spill_offsets_.is_valid()) {
        arrays_.spill_offsets = {spill_offsets_.data(), spill_offsets_.size()};
        arrays_.spill_rows = {spill_rows_.data(), spill_rows_.size()};
        arrays_.spill = spill_.View();
      }
    }
    if (ids) {
      ids_ = *ids;
      arrays_.ids = {ids_.data(), ids_.size()};
    } else {
      positions_.assign(order_.data(), order_.data() + order_.size());
      arrays_.ids = positions_;
    }
  }

  const IndexArrays& arrays() const { return arrays_; }
  std::span<const std::uint32_t> order() const { return {order_.data(), order_.size()}; }

 private:
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
  InArray<float> stop_scales_;
  InArray<float> center_;
  InArray<float> projection_;
  InArray<float> codebooks_;
  InCodes primary_;
  InArray<std::uint64_t> spill_offsets_;
  InArray<std::uint32_t> spill_rows_;
  InCodes spill_;
  InArray<std::int64_t> ids_;
  AlignedVector<std::int64_t> positions_;
  IndexArrays arrays_;
};

}  // namespace leafscan
