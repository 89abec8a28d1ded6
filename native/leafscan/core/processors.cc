#include "leafscan/core/processors.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace leafscan {
namespace {

int Affinity() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// Processors that the control group's quota comes to, or a large number without one. Version 2 writes "quota period" or
// "max period" into cpu.max of each group; version 1 has two files of its own.
double Quota() {
  constexpr double kNone = 1e9;
  double least = kNone;
#if defined(__linux__)
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.rfind("0::", 0) != 0) continue;
    for (std::string path = line.substr(3);; path.erase(path.find_last_of('/'))) {
      std::ifstream file("/sys/fs/cgroup" + path + "/cpu.max");
      double quota = 0.0;
      double period = 0.0;
      if (file >> quota >> period && quota > 0.0 && period > 0.0) least = std::min(least, quota / period);
      if (path.find('/') == std::string::npos) break;
    }
  }
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota = 0.0;
  double period = 0.0;
  if (quota_file >> quota && period_file >> period && quota > 0.0 && period > 0.0) {
    least = std::min(least, quota / period);
  }
#endif
  return least;
}

}  // namespace

int AvailableThreads() { return std::max(1, static_cast<int>(std::min<double>(Affinity(), std::ceil(Quota())))); }

}  // namespace leafscan
