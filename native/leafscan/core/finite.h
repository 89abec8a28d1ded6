// The one check of the numbers that come in.
#pragma once

#include <cstddef>
#include <string>

#include "leafscan/core/matrix_view.h"

namespace leafscan {

// The first row that holds NaN or infinity, or rows.rows.
std::size_t FirstBadRow(const MatrixView<float>& rows, int threads);

// Throws std::invalid_argument where a row of `what` ("vectors", "queries") is bad.
void CheckFinite(const MatrixView<float>& rows, const std::string& what, int threads);

}  // namespace leafscan
