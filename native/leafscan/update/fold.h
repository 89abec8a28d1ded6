// From a version to sections: what is live, as if it had been built so.
#pragma once

#include <cstdint>
#include <vector>

#include "leafscan/build/sections.h"
#include "leafscan/snapshot/snapshot.h"

namespace leafscan {

struct Folded {
  // Rows, codes and what lists them; what an update never changes (centroids, codebooks and the like) is the base's, and
  // `order` is left out.
  Sections sections;
  std::vector<std::uint32_t> rows;  // row r is row rows[r] of the version
};

// Codes and rows are copied, not made anew: all scores stay what they are. (But for int8 rows of which some were written by
// scales of their own: those of a component that has grown are rounded once more.) The version has at least one row.
// Cost: reading and writing everything once; codes point by point in the leaves that have changed.
Folded Fold(const Snapshot& snapshot, int threads);

}  // namespace leafscan
