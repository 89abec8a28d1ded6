// k-means' assignment of rows to their nearest centroid.
#include <benchmark/benchmark.h>

#include <string>

#include "benchmarks/bound.h"
#include "benchmarks/limits.h"
#include "benchmarks/noise.h"
#include "leafscan/train/assign.h"

namespace leafscan::benchmarks {
namespace {

constexpr std::size_t kRows = 2048;

// One multiply-add for each row, centroid and dimension.
void Assign(benchmark::State& state, std::size_t centroids, std::size_t dim) {
  Noise noise;
  const AlignedVector<float> rows = noise.Floats(kRows * dim);
  const AlignedVector<float> means = noise.Floats(centroids * dim);
  std::vector<std::uint32_t> nearest(kRows);
  for (auto _ : state) {
    AssignNearest({{rows.data(), kRows, dim}, false}, {means.data(), centroids, dim}, 1, nullptr, nearest);
    benchmark::DoNotOptimize(nearest.data());
    benchmark::ClobberMemory();
  }
  const VectorCosts& costs = Vectors();
  const double vectors = static_cast<double>(centroids * dim * sizeof(float)) / static_cast<double>(costs.bytes);
  HoldTo(state, "row", kRows, {{"multiply-adds", vectors * costs.multiply_add}});
}

}  // namespace

void RegisterAssign() {
  struct Shape {
    std::size_t centroids, dim;
  };
  for (const auto& [centroids, dim] : {Shape{128, 100}, Shape{1000, 100}, Shape{1000, 784}}) {
    const std::string name = "assign/" + std::to_string(centroids) + " x " + std::to_string(dim);
    benchmark::RegisterBenchmark(name.c_str(), Assign, centroids, dim)->Unit(benchmark::kMillisecond);
  }
}

}  // namespace leafscan::benchmarks
