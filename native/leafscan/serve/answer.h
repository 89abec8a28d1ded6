// Answers a framework's request from one version of an index: what is found, what it is called, and the rows themselves.
#pragma once

#include <cstdint>
#include <span>

#include "leafscan/core/matrix_view.h"
#include "leafscan/serve/served_index.h"

namespace leafscan {

struct Request {
  MatrixView<float> queries;
  std::size_t k = 10;
  // Rows are called by their positions, not by their ids; in the lists below, too.
  bool positions = false;
  // What each query must not be given: queries.rows lists of one width. -1 and what the index does not have is passed
  // over.
  MatrixView<std::int64_t> deny;
  // All that each query may be given, likewise; no columns allow everything.
  MatrixView<std::int64_t> allow;
  std::span<std::int64_t> ids;  // queries.rows * k; -1 where there is no more
  std::span<float> scores;      // queries.rows * k
  std::span<float> vectors;     // empty, or queries.rows * k * dim: the rows that were found, zeros where there is none
};

// Throws std::invalid_argument where queries are not finite or of another width, or where vectors are asked of an index
// that keeps no rows.
void Answer(const ServedIndex& index, const Request& request);

}  // namespace leafscan
