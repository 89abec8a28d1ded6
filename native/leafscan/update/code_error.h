// How well codes tell where rows are, for those an index was built with and for those that came since.
#pragma once

#include <cstddef>

#include "leafscan/snapshot/snapshot.h"

namespace leafscan {

struct CodeErrors {
  double built = 0.0;  // the mean squared distance between what codes see of a row and what they say of it; 0 without rows
  double fresh = 0.0;
};

// Of every `step`-th point of each kind. Needs codes and rows.
CodeErrors MeasureCodeErrors(const Snapshot& snapshot, std::size_t step);

}  // namespace leafscan
