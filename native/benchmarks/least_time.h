// A clock for loops that take microseconds at least.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>

namespace leafscan::benchmarks {

// The least time of `runs` calls of work(), in nanoseconds.
template <class Work>
double LeastTime(int runs, const Work& work) {
  double least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
    least = std::min(least, taken.count());
  }
  return least;
}

}  // namespace leafscan::benchmarks
