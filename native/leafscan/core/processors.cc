#include "leafscan/core/processors.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <memory>
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

#if defined(__linux__)
// What a small file holds; nothing if it cannot be read. By C's own means: a module that links the C++ library into itself
// must not meet another one's streams.
std::string Read(const std::string& path) {
  std::string text;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "r"), [](std::FILE* open) { return std::fclose(open); });
  if (file == nullptr) return text;
  char part[4096];
  while (const std::size_t size = std::fread(part, 1, sizeof(part), file.get())) text.append(part, size);
  return text;
}

// "quota period" as processors, or `none`: also for "max period", and for what is no such pair.
double Share(const std::string& text, double none) {
  double quota = 0.0;
  double period = 0.0;
  const bool both = std::sscanf(text.c_str(), "%lf %lf", &quota, &period) == 2;
  return both && quota > 0.0 && period > 0.0 ? quota / period : none;
}
#endif

// Processors that the control group's quota comes to, or a large number without one. Version 2 writes "quota period" or
// "max period" into cpu.max of each group; version 1 has two files of its own.
double Quota() {
  constexpr double kNone = 1e9;
  double least = kNone;
#if defined(__linux__)
  const std::string groups = Read("/proc/self/cgroup");
  for (std::size_t begin = 0; begin < groups.size();) {
    const std::size_t end = std::min(groups.find('\n', begin), groups.size());
    const std::string line = groups.substr(begin, end - begin);
    begin = end + 1;
    if (line.rfind("0::", 0) != 0) continue;
    for (std::string path = line.substr(3);; path.erase(path.find_last_of('/'))) {
      least = std::min(least, Share(Read("/sys/fs/cgroup" + path + "/cpu.max"), kNone));
      if (path.find('/') == std::string::npos) break;
    }
  }
  const std::string quota = Read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  least = std::min(least, Share(quota + " " + Read("/sys/fs/cgroup/cpu/cpu.cfs_period_us"), kNone));
#endif
  return least;
}

}  // namespace

int AvailableThreads() { return std::max(1, static_cast<int>(std::min<double>(Affinity(), std::ceil(Quota())))); }

}  // namespace leafscan
