// The one check of the numbers that come in.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "leafscan/core/matrix_view.h"

namespace leafscan {

// The largest numbers of rows and queries that are multiplied as they are: products of two are 1e30, and sums of a hundred
// million of them finite still. Beyond, scores would be infinite, and ids those of whatever came first.
constexpr float kMostAsGiven = 1e15f;

// Normalised rows may hold whatever is finite.
constexpr float Most(bool normalize) { return normalize ? std::numeric_limits<float>::max() : kMostAsGiven; }

// The first row that holds NaN, infinity, or a number beyond -most to most, or rows.rows.
std::size_t FirstBadRow(const MatrixView<float>& rows, float most, int threads);

// Throws std::invalid_argument where a row of `what` ("vectors", "queries") is bad.
void CheckNumbers(const MatrixView<float>& rows, const std::string& what, float most, int threads);

}  // namespace leafscan
