// The products of queries and all centroids.
#include <benchmark/benchmark.h>

#include <string>

#include "benchmarks/bound.h"
#include "benchmarks/limits.h"
#include "benchmarks/noise.h"
#include "leafscan/simd/instruction_set.h"
#include "leafscan/simd/route_score.h"
#include "leafscan/simd/route_score_vnni.h"

namespace leafscan::benchmarks {
namespace {

// A byte a component, read once for all queries of a call; and for each vector of components and query three instructions,
// or one where the processor has four products and their sum in one.
void Route(benchmark::State& state, std::size_t centroids, std::size_t dim, std::size_t queries) {
  Noise noise;
  const std::size_t groups = (centroids + kRouteLanes - 1) / kRouteLanes;
  const std::size_t padded = (dim + kRouteDepth - 1) / kRouteDepth * kRouteDepth;
  const AlignedVector<std::uint8_t> bytes = noise.Bytes(groups * kRouteLanes * padded);
  const std::span<const std::uint8_t> table(bytes.data(), groups * kRouteLanes * padded);
  AlignedVector<std::int8_t> asked(queries * padded);
  for (std::int8_t& x : asked) {
    x = static_cast<std::int8_t>(static_cast<int>(noise.Below(2 * kRouteQueryMost + 1)) - kRouteQueryMost);
  }
  AlignedVector<std::int32_t> out(queries * groups * kRouteLanes);
  for (auto _ : state) {
    RouteScores(table, asked, queries, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  const VectorCosts& costs = Vectors();
  const bool wide = InstructionSet().substr(0, 4) == "AVX3";
  const double instructions = wide && UsesVnni() ? 1.0 : 3.0;
  const auto each = static_cast<double>(padded);
  HoldTo(state, "centroid", static_cast<double>(queries * groups * kRouteLanes),
         {{"products", each / static_cast<double>(costs.bytes) * instructions * costs.arithmetic},
          {"cache", each * ReadByte(table.size()) / static_cast<double>(queries)}});
}

}  // namespace

void RegisterRoute() {
  struct Shape {
    std::size_t centroids, dim;
  };
  // 64 components of images, words, descriptors, and ten million vectors seen by 32 components.
  for (const auto& [centroids, dim] : {Shape{1000, 64}, Shape{2400, 100}, Shape{4000, 128}, Shape{12649, 32}}) {
    for (const std::size_t queries : {std::size_t{1}, kRouteQueries}) {
      const std::string name = "route/" + std::to_string(centroids) + " x " + std::to_string(dim) + ", " +
                               std::to_string(queries) + (queries == 1 ? " query" : " queries");
      benchmark::RegisterBenchmark(name.c_str(), Route, centroids, dim, queries);
    }
  }
}

}  // namespace leafscan::benchmarks
