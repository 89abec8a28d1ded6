// The products of a query and all centroids.
#include <benchmark/benchmark.h>

#include <string>

#include "benchmarks/bound.h"
#include "benchmarks/limits.h"
#include "benchmarks/noise.h"
#include "leafscan/simd/route_score.h"

namespace leafscan::benchmarks {
namespace {

// Two bytes and half an instruction's lane a component: a vector of 16-bit components is one load and one AddPairs.
void Route(benchmark::State& state, std::size_t centroids, std::size_t dim) {
  Noise noise;
  const std::size_t groups = (centroids + kRouteLanes - 1) / kRouteLanes;
  const std::size_t pairs = (dim + 1) / 2;
  AlignedVector<std::int16_t> table(groups * pairs * 2 * kRouteLanes);
  for (std::int16_t& x : table) x = static_cast<std::int16_t>(noise.Below(4001) - 2000);
  AlignedVector<std::int16_t> query(pairs * 2);
  for (std::int16_t& x : query) x = static_cast<std::int16_t>(noise.Below(4001) - 2000);
  AlignedVector<std::int32_t> out(groups * kRouteLanes);
  for (auto _ : state) {
    RouteScores(table, query, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  const VectorCosts& costs = Vectors();
  const double bytes = static_cast<double>(pairs * 2 * sizeof(std::int16_t));
  HoldTo(state, "centroid", static_cast<double>(groups * kRouteLanes),
         {{"products", bytes / static_cast<double>(costs.bytes) * costs.add_pairs},
          {"cache", bytes * ReadByte(table.size() * sizeof(std::int16_t))}});
}

}  // namespace

void RegisterRoute() {
  struct Shape {
    std::size_t centroids, dim;
  };
  // 64 components of images, words, descriptors, and ten million vectors seen by 32 components.
  for (const auto& [centroids, dim] : {Shape{1000, 64}, Shape{2400, 100}, Shape{4000, 128}, Shape{12649, 32}}) {
    const std::string name = "route/" + std::to_string(centroids) + " x " + std::to_string(dim);
    benchmark::RegisterBenchmark(name.c_str(), Route, centroids, dim);
  }
}

}  // namespace leafscan::benchmarks
