// leafscan_kernels [--sets=NAME,NAME|all] [--smoke] [--benchmark_filter=REGEX ...]
//
// Each kernel's time for one unit beside the least that this processor could need for it, for the best instruction set
// and, where that is a wider one, for AVX2; or for those named.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/bound.h"
#include "benchmarks/limits.h"
#include "benchmarks/table.h"
#include "leafscan/simd/instruction_set.h"

namespace leafscan::benchmarks {
namespace {

bool smoke = false;

std::vector<std::string> Sets(const std::string& asked) {
  const std::vector<std::string> all = InstructionSets();
  if (asked == "all") return all;
  std::vector<std::string> sets;
  if (asked.empty()) {
    sets.push_back(all.front());
    if (all.front() != "AVX2" && std::find(all.begin(), all.end(), "AVX2") != all.end()) sets.emplace_back("AVX2");
    return sets;
  }
  std::istringstream names(asked);
  for (std::string name; std::getline(names, name, ',');) sets.push_back(name);
  return sets;
}

void Register() {
  RegisterScan();
  RegisterSelect();
  RegisterRoute();
  RegisterRerank();
  RegisterAssign();
}

int Run(int argc, char** argv) {
  std::string asked;
  std::vector<char*> rest{argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    constexpr std::string_view kSets = "--sets=";
    if (argument.substr(0, kSets.size()) == kSets) {
      asked = argument.substr(kSets.size());
    } else if (argument == "--smoke") {
      smoke = true;
      asked = "all";
    } else {
      rest.push_back(argv[i]);
    }
  }
  // What is given by hand comes later, and wins.
  std::vector<std::string> usual{smoke ? "--benchmark_min_time=0.0001" : "--benchmark_min_time=0.05"};
  if (!smoke) usual.emplace_back("--benchmark_repetitions=5");
  for (std::size_t i = 0; i < usual.size(); ++i) {
    rest.insert(rest.begin() + 1 + static_cast<std::ptrdiff_t>(i), usual[i].data());
  }
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 2;
  Table table;
  for (const std::string& set : Sets(asked)) {
    UseInstructionSet(set);
    ForgetLimits();
    table.Begin(set);
    benchmark::ClearRegisteredBenchmarks();
    Register();
    benchmark::RunSpecifiedBenchmarks(&table);
  }
  UseInstructionSet("");
  benchmark::Shutdown();
  return 0;
}

}  // namespace

bool Smoke() { return smoke; }

}  // namespace leafscan::benchmarks

int main(int argc, char** argv) {
  try {
    return leafscan::benchmarks::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "leafscan_kernels: %s\n", error.what());
    return 1;
  }
}
