// How long a kernel must take at least for one of its units, by what it asks of each part of the processor.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <initializer_list>
#include <string>

namespace leafscan::benchmarks {

// One part of the processor, and the nanoseconds that it is busy for one unit: a point, a row, a key, a centroid.
struct Demand {
  const char* part;
  double nanoseconds;
};

// Parts work side by side, so the busiest one is the bound. The reporter reads it from the state.
inline void HoldTo(benchmark::State& state, const char* unit, double units_an_iteration,
                   std::initializer_list<Demand> demands) {
  const Demand busiest = *std::max_element(demands.begin(), demands.end(), [](const Demand& a, const Demand& b) {
    return a.nanoseconds < b.nanoseconds;
  });
  state.counters["units"] = units_an_iteration;
  state.counters["bound"] = busiest.nanoseconds;
  state.SetLabel(std::string(unit) + "|" + busiest.part);
}

// More memory than any cache holds.
inline constexpr std::size_t kBeyondCaches = std::size_t{256} << 20;

// Less of everything, to see that it runs.
bool Smoke();
inline std::size_t Beyond() { return Smoke() ? std::size_t{1} << 20 : kBeyondCaches; }

// Each adds its benchmarks to those that run next.
void RegisterScan();
void RegisterSelect();
void RegisterRoute();
void RegisterRerank();
void RegisterAssign();

}  // namespace leafscan::benchmarks
