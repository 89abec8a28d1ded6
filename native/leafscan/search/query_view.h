// A query as the parts of an index see it.
#pragma once

#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/snapshot/snapshot.h"

namespace leafscan {

// As centroids see it: without the rows' center, where the index has one. `to` is room that may be used.
std::span<const float> Center(const Snapshot& snapshot, std::span<const float> query, AlignedVector<float>& to);

// A centered query as routing and codes see it: projected, where the index has a projection.
std::span<const float> Project(const Snapshot& snapshot, std::span<const float> query, AlignedVector<float>& to);

}  // namespace leafscan
