#pragma once

namespace leafscan {

// Cosine is the dot product of rows and queries that were normalised at the boundary; the engine knows two metrics.
enum class Metric { kDotProduct, kSquaredL2 };

}  // namespace leafscan
