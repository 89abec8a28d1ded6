// The selection of the best keys.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "benchmarks/bound.h"
#include "benchmarks/limits.h"
#include "benchmarks/noise.h"
#include "leafscan/core/select_best.h"

namespace leafscan::benchmarks {
namespace {

// Many sets of keys are selected from in a row, since one takes no longer than a look at the clock.
constexpr std::size_t kSets = 64;

// Three stores a key: a count in the histogram, a place in front, and one aside.
void Select(benchmark::State& state, std::size_t wanted, std::size_t keys) {
  Noise noise;
  std::vector<std::uint64_t> drawn(kSets * keys);
  // As survivors are: scores in the high half, spread over a few thousand, and different rows in the low one.
  for (std::size_t i = 0; i < drawn.size(); ++i) drawn[i] = ((std::uint64_t{1} << 31) + noise.Below(4000)) << 32 | i;
  std::vector<std::uint64_t> room(drawn.size());
  for (auto _ : state) {
    std::copy(drawn.begin(), drawn.end(), room.begin());
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t set = 0; set < kSets; ++set) {
      benchmark::DoNotOptimize(SelectBest({room.data() + set * keys, keys}, wanted));
    }
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  HoldTo(state, "key", static_cast<double>(kSets * keys), {{"stores", 3 * Store()}});
}

}  // namespace

void RegisterSelect() {
  for (const std::size_t wanted : {60, 120, 300, 500}) {
    const std::size_t keys = wanted + std::max<std::size_t>(wanted, 256);
    const std::string name = "select/" + std::to_string(wanted) + " of " + std::to_string(keys);
    benchmark::RegisterBenchmark(name.c_str(), Select, wanted, keys)->UseManualTime();
  }
}

}  // namespace leafscan::benchmarks
