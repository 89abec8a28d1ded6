// Exact scores of rows that lie anywhere in memory.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "benchmarks/bound.h"
#include "benchmarks/limits.h"
#include "benchmarks/noise.h"
#include "leafscan/simd/bfloat16_score.h"
#include "leafscan/simd/int8_score.h"
#include "leafscan/simd/row_score.h"

namespace leafscan::benchmarks {
namespace {

constexpr std::size_t kRowsAQuery = 120;
constexpr std::size_t kRowsInCache = 40;

using Listed = std::span<const std::uint32_t>;

void Score(const float* query, const MatrixView<float>& rows, Listed which, float* out) {
  ScoreRows(Metric::kDotProduct, query, rows, which, out);
}
void Score(const float* query, const MatrixView<std::uint16_t>& rows, Listed which, float* out) {
  ScoreBFloat16Rows(Metric::kDotProduct, query, rows, which, out);
}
void Score(const float* query, const MatrixView<std::int8_t>& rows, Listed which, float* out) {
  ScoreInt8Rows({Metric::kDotProduct, query, nullptr}, rows, which, out);
}

// The lines of a row, each fetched once, or a product and a sum for each component, whichever takes longer.
template <class T>
void Rerank(benchmark::State& state, std::size_t dim, bool scattered) {
  Noise noise;
  const std::size_t row_bytes = dim * sizeof(T);
  const std::size_t count = Beyond() / row_bytes;
  // Some hundredth in float32 and in bfloat16, 60 in int8; kept, since benchmarks are called again and again.
  static const AlignedVector<std::uint8_t> memory(Beyond(), std::uint8_t{0x3c});
  const MatrixView<T> rows{reinterpret_cast<const T*>(memory.data()), count, dim};
  const AlignedVector<float> query = noise.Floats(dim);
  // So many that a row is not seen again before the caches have forgotten it.
  std::vector<std::uint32_t> which(count / kRowsAQuery * kRowsAQuery);
  for (std::uint32_t& row : which) row = noise.Below(scattered ? count : kRowsInCache);
  float out[kRowsAQuery];
  std::size_t next = 0;
  for (auto _ : state) {
    Score(query.data(), rows, std::span(which).subspan(next, kRowsAQuery), out);
    benchmark::DoNotOptimize(out);
    benchmark::ClobberMemory();
    next = (next + kRowsAQuery) % which.size();
  }
  const VectorCosts& costs = Vectors();
  const double vectors = static_cast<double>(dim * sizeof(float)) / static_cast<double>(costs.bytes);
  const double fetch = scattered ? FetchRow(memory, row_bytes, which) : 0.0;
  HoldTo(state, "row", kRowsAQuery,
         {{"DRAM, scattered", fetch},
          {"products", vectors * costs.multiply_add},
          {"loads", vectors * costs.load + static_cast<double>(row_bytes) / static_cast<double>(costs.bytes) * costs.load}});
}

}  // namespace

void RegisterRerank() {
  for (const std::size_t dim : {100, 784}) {
    for (const bool scattered : {true, false}) {
      const std::string shape = " x " + std::to_string(dim) + (scattered ? ", scattered" : ", in cache");
      benchmark::RegisterBenchmark(("rerank/float32" + shape).c_str(), Rerank<float>, dim, scattered);
      benchmark::RegisterBenchmark(("rerank/bfloat16" + shape).c_str(), Rerank<std::uint16_t>, dim, scattered);
      benchmark::RegisterBenchmark(("rerank/int8" + shape).c_str(), Rerank<std::int8_t>, dim, scattered);
    }
  }
}

}  // namespace leafscan::benchmarks
