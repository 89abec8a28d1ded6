// A hint that a cache line will be read soon; never a fault, wherever it points.
#pragma once

#include "hwy/cache_control.h"

namespace leafscan {

template <class T>
inline void Prefetch(const T* line) {
  hwy::Prefetch(line);
}

}  // namespace leafscan
