#include "benchmarks/table.h"

#include <algorithm>
#include <cstdio>

#include "benchmarks/limits.h"

namespace leafscan::benchmarks {

void Table::Begin(const std::string& instruction_set) {
  instruction_set_ = instruction_set;
  const VectorCosts& costs = Vectors();
  std::printf("\n%s: vectors of %zu bytes; ns an instruction: look-up %.3f, arithmetic %.3f, load %.3f, multiply-add "
              "%.3f\n\n",
              instruction_set.c_str(), costs.bytes, costs.look_up, costs.arithmetic, costs.load, costs.multiply_add);
  std::printf("| kernel | shape | instructions | ns | a | limit, ns | set by | reached |\n");
  std::printf("| :--- | :--- | :--- | ---: | :--- | ---: | :--- | ---: |\n");
}

void Table::ReportRuns(const std::vector<Run>& runs) {
  const Run* best = nullptr;
  for (const Run& run : runs) {
    if (run.error_occurred) {
      std::printf("%s: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
      return;
    }
    if (run.run_type != Run::RT_Iteration) continue;
    if (best == nullptr || run.real_accumulated_time / static_cast<double>(run.iterations) <
                               best->real_accumulated_time / static_cast<double>(best->iterations)) {
      best = &run;
    }
  }
  if (best == nullptr) return;
  const std::string& name = best->run_name.function_name;
  const std::string& label = best->report_label;
  const std::size_t slash = name.find('/');
  const std::size_t bar = label.find('|');
  const double units = best->counters.at("units").value;
  const double bound = best->counters.at("bound").value;
  const double taken = 1e9 * best->real_accumulated_time / static_cast<double>(best->iterations) / units;
  std::printf("| %s | %s | %s | %.3f | %s | %.3f | %s | %.0f %% |\n", name.substr(0, slash).c_str(),
              name.substr(slash + 1).c_str(), instruction_set_.c_str(), taken, label.substr(0, bar).c_str(), bound,
              label.substr(bar + 1).c_str(), 100.0 * bound / taken);
  std::fflush(stdout);
}

}  // namespace leafscan::benchmarks
