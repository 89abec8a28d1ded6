// The scan of codes, in cache and out of DRAM.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "benchmarks/bound.h"
#include "benchmarks/limits.h"
#include "benchmarks/noise.h"
#include "leafscan/simd/group_scan.h"

namespace leafscan::benchmarks {
namespace {

constexpr std::size_t kPointsInCache = 16384;
constexpr std::size_t kBytesAhead = 13 * 1024;
constexpr double kMeanEntry = 31.5;
constexpr double kEntryDeviation = 18.5;

// Per vector of codes: two loads (codes and table), two look-ups, and of everything that computes, look-ups included,
// 2 look-ups + 2 masks + 1 shift + 2 additions, and for every fourth vector 4 additions and 2 shifts that widen.
void Scan(benchmark::State& state, std::size_t blocks, bool terms, std::size_t groups) {
  Noise noise;
  const std::size_t padded = PaddedBlocks(blocks);
  const std::size_t bytes = groups * padded * kBlockBytes;
  static const AlignedVector<std::uint8_t> codes = Noise().Bytes(std::max(Beyond(), kPointsInCache * kGroupPoints));
  const std::vector<std::uint32_t> live(groups, 0xFFFFFFFFu);
  const std::vector<std::int16_t> term_of(terms ? groups * kGroupPoints : 0, std::int16_t{100});
  AlignedVector<std::uint8_t> entries(padded * kCodeWords, std::uint8_t{0});
  for (std::size_t i = 0; i < blocks * kCodeWords; ++i) {
    entries[i] = static_cast<std::uint8_t>(noise.Below(kMaxTableEntry + 1));
  }
  GroupRun run;
  run.codes = codes.data();
  run.terms = terms ? term_of.data() : nullptr;
  run.live = live.data();
  run.groups = groups;
  // Out of DRAM groups are asked for ahead, as a search does.
  std::vector<GroupAddress> next;
  if (bytes >= Beyond() / 2) {
    const std::size_t ahead = kBytesAhead / (padded * kBlockBytes);
    for (std::size_t group = 0; group < groups; ++group) {
      const std::size_t later = std::min(group + ahead, groups - 1);
      next.push_back({run.codes + later * padded * kBlockBytes, terms ? run.terms + later * kGroupPoints : nullptr});
    }
    run.ahead = next.data();
  }
  ScanTable table;
  table.entries = entries.data();
  table.padded_blocks = padded;
  table.term_factor = 1 << 14;
  // One point in a thousand or so survives, as where the best hundreds of a hundred thousand are wanted.
  const auto summed = static_cast<double>(blocks);
  const double high = kMeanEntry * summed + 3.1 * kEntryDeviation * std::sqrt(summed);
  const std::size_t points = groups * kGroupPoints;
  std::vector<std::uint64_t> keys(points + kGroupPoints);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ScanGroups(run, table, static_cast<std::int32_t>(high), keys));
  }
  const VectorCosts& costs = Vectors();
  const double vectors = static_cast<double>(padded * kBlockBytes) / static_cast<double>(costs.bytes) / kGroupPoints;
  const double point_bytes = static_cast<double>(padded) / 2 + (terms ? 2 : 0);
  HoldTo(state, "point", static_cast<double>(points),
         {{"look-ups", vectors * 2 * costs.look_up},
          {"arithmetic", vectors * (2 * costs.look_up + 6.5 * costs.arithmetic)},
          {"loads", vectors * 2 * costs.load},
          {groups * kGroupPoints == kPointsInCache ? "cache" : "DRAM", point_bytes * ReadByte(bytes)}});
}

}  // namespace

void RegisterScan() {
  for (const std::size_t blocks : {16, 32, 50}) {
    for (const bool terms : {false, true}) {
      if (terms && blocks != 50) continue;
      const std::string shape = std::to_string(blocks) + " blocks" + (terms ? ", terms" : "");
      benchmark::RegisterBenchmark(("scan/" + shape + ", in cache").c_str(), Scan, blocks, terms,
                                   kPointsInCache / kGroupPoints);
      benchmark::RegisterBenchmark(("scan/" + shape + ", DRAM").c_str(), Scan, blocks, terms,
                                   Beyond() / (PaddedBlocks(blocks) * kBlockBytes));
    }
  }
}

}  // namespace leafscan::benchmarks
