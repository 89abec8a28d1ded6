// A reporter that prints one line a benchmark: what it took, what bounds it, and the fraction of that limit it reached.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace leafscan::benchmarks {

class Table final : public benchmark::BenchmarkReporter {
 public:
  // Prints the headings and what the instruction set can do; lines follow as they are known.
  void Begin(const std::string& instruction_set);

  bool ReportContext(const Context&) override { return true; }
  // All repetitions of one benchmark; the quickest counts.
  void ReportRuns(const std::vector<Run>& runs) override;

 private:
  std::string instruction_set_;
};

}  // namespace leafscan::benchmarks
