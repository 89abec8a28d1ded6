// What a reranked row costs out of cache and in it, in each type, beside what its cache lines alone cost.
//
//   cmake -S . -B build/bench -G Ninja -DLEAFSCAN_BUILD_PYTHON=OFF -DLEAFSCAN_BUILD_BENCHMARKS=ON
//   cmake --build build/bench && build/bench/benchmarks/leafscan_bench_rows 300000 100
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/prefetch.h"
#include "leafscan/core/random.h"
#include "leafscan/reorder/row_store.h"

namespace leafscan {
namespace {

constexpr std::size_t kCandidates = 120;
constexpr std::size_t kQueries = 1000;
constexpr std::size_t kEvictedBytes = std::size_t{256} << 20;
constexpr std::size_t kLinesAhead = 48;

volatile std::uint64_t sink = 0;

double Nanoseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::nano>(time).count();
}

double Median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

// The median time of one call of score(query) for each query in turn, a candidate.
template <class Score>
double PerRow(const Score& score) {
  std::vector<double> times(kQueries);
  for (std::size_t query = 0; query < kQueries; ++query) {
    const auto begin = std::chrono::steady_clock::now();
    score(query);
    times[query] = Nanoseconds(std::chrono::steady_clock::now() - begin) / kCandidates;
  }
  return Median(times);
}

void Evict(const AlignedVector<std::uint8_t>& memory) {
  for (std::size_t at = 0; at < memory.size(); at += kCacheLine) sink = sink + memory[at];
}

// Reads a byte of every line of each row, fetched ahead line by line: what memory alone allows.
double PerRowOfLines(const std::uint8_t* rows, std::size_t bytes, std::span<const std::uint32_t> which) {
  std::vector<const std::uint8_t*> lines;
  for (const std::uint32_t row : which) {
    const std::size_t first = row * bytes / kCacheLine;
    const std::size_t last = (row * bytes + bytes - 1) / kCacheLine;
    for (std::size_t line = first; line <= last; ++line) lines.push_back(rows + line * kCacheLine);
  }
  std::uint64_t sum = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i + kLinesAhead < lines.size()) PrefetchFar(lines[i + kLinesAhead]);
    sum += *lines[i];
  }
  const double time = Nanoseconds(std::chrono::steady_clock::now() - begin);
  sink = sink + sum;
  return time / static_cast<double>(which.size());
}

int Run(std::size_t count, std::size_t dim) {
  Random random(1);
  AlignedVector<float> floats(count * dim);
  AlignedVector<std::uint16_t> bits(count * dim);
  AlignedVector<std::int8_t> levels(count * dim);
  for (float& value : floats) value = static_cast<float>(random.Below(1000)) * 0.001f;
  for (std::uint16_t& value : bits) value = static_cast<std::uint16_t>(0x3F00 + random.Below(128));
  for (std::int8_t& value : levels) value = static_cast<std::int8_t>(static_cast<int>(random.Below(255)) - 127);
  const std::vector<float> scales(dim, 0.01f);
  const std::vector<float> asked(dim, 0.5f);
  std::vector<std::uint32_t> which(kCandidates * kQueries);
  for (std::uint32_t& row : which) row = static_cast<std::uint32_t>(random.Below(count));
  const AlignedVector<std::uint8_t> evicted(kEvictedBytes, std::uint8_t{1});
  std::vector<float> out(kCandidates);

  struct Case {
    const char* name;
    RowStore store;
    const void* data;
    std::size_t bytes;
  };
  const Case cases[] = {{"float32", {floats.data(), count, dim}, floats.data(), 4 * dim},
                        {"bfloat16", {bits.data(), count, dim}, bits.data(), 2 * dim},
                        {"int8", {levels.data(), scales.data(), count, dim}, levels.data(), dim}};
  std::printf("%zu x %zu, %zu rows a query, medians of %zu queries, nanoseconds a row\n", count, dim, kCandidates,
              kQueries);
  for (const Case& one : cases) {
    Evict(evicted);
    const double lines = PerRowOfLines(static_cast<const std::uint8_t*>(one.data), one.bytes, which);
    for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
      RowQuery query;
      query.Prepare(one.store, metric, asked.data());
      const auto score = [&](std::size_t of) {
        one.store.ScoreListed(query, std::span(which).subspan(of * kCandidates, kCandidates), out.data());
        sink = sink + static_cast<std::uint64_t>(out[0] != 0.0f);
      };
      Evict(evicted);
      const double far = PerRow(score);
      const double near = PerRow([&](std::size_t) { score(0); });
      std::printf("%-8s %-11s out of cache %6.1f, lines alone %6.1f (%3.0f %% of the limit), in cache %5.1f\n", one.name,
                  metric == Metric::kSquaredL2 ? "squared_l2" : "dot_product", far, lines, 100.0 * lines / far, near);
    }
  }
  return 0;
}

}  // namespace
}  // namespace leafscan

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 300'000;
  const std::size_t dim = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100;
  if (count == 0 || count > 0xFFFFFFFFu || dim == 0) {
    std::fprintf(stderr, "usage: leafscan_bench_rows [ROWS] [DIMENSIONS], both at least 1\n");
    return 2;
  }
  return leafscan::Run(count, dim);
}
