// From rows to the sections of an index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "leafscan/build/sections.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/metric.h"
#include "leafscan/core/monitor.h"
#include "leafscan/core/row_source.h"
#include "leafscan/reorder/row_store.h"

namespace leafscan {

struct BuildOptions {
  Metric metric = Metric::kDotProduct;
  std::size_t leaves = 0;  // 0: no tree
  std::size_t tree_sample = 100'000;
  int tree_iterations = 12;
  std::size_t upper_leaves = 0;  // groups of leaves that a query goes through first; 0: no upper tree
  std::optional<bool> spherical;  // leaves are directions, and rows their members by direction; none: for normalised rows
  double avq_eta = 1.0;  // dot products: weight of errors along a row in the centroids that route; 1: the means route
  float soar_lambda = -1.0f;  // weight of SOAR's penalty; negative: no second leaves
  std::size_t width = 2;  // dimensions a block; 0: no codes
  std::size_t words = 16;  // a block: 16 (4-bit codes) or 256 (8-bit codes)
  MatrixView<float> projection;  // orthonormal rows: codes see <row, x> alone; no rows: everything
  std::size_t code_sample = 100'000;
  int code_iterations = 10;
  double anisotropic_threshold = 0.0;  // ScaNN's T; 0: plain squared error
  bool keep_rows = true;
  RowType row_type = RowType::kFloat32;  // what rows are kept in
  // Rows kept once more, in fewer bytes, for the first of two stages of reordering.
  std::optional<RowType> first_row_type;
  double row_threshold = 0.0;  // ScaNN's T in the rounding of kept rows; 0: to the nearest
  std::uint64_t seed = 0;
  int threads = 1;
  Monitor* monitor = nullptr;
};

// Throws std::invalid_argument, naming the first bad row, where a value is not finite, and whatever the monitor throws.
// The source has at least one row, one dimension and `leaves` rows, and fewer than 2^32 rows.
Sections Build(const RowSource& source, const BuildOptions& options);

}  // namespace leafscan
