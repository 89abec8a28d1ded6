#include "leafscan/core/monitor.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace leafscan {
namespace {

class Recorder final : public Monitor {
 public:
  void Stage(std::string_view) override { ++stages; }
  void Tick(std::size_t done, std::size_t total) override { ticks.emplace_back(done, total); }

  int stages = 0;
  std::vector<std::pair<std::size_t, std::size_t>> ticks;
};

TEST(StepMonitorTest, AStepFillsItsShareOfTheStage) {
  Recorder stage;
  for (std::size_t step = 0; step < 3; ++step) {
    StepMonitor monitor(&stage, step, 3);
    monitor.Stage("inner");
    monitor.Tick(1, 2);
    monitor.Tick(2, 2);
  }
  EXPECT_EQ(stage.stages, 0);
  const std::vector<std::pair<std::size_t, std::size_t>> wanted{{1, 6}, {2, 6}, {3, 6}, {4, 6}, {5, 6}, {6, 6}};
  EXPECT_EQ(stage.ticks, wanted);
}

TEST(StepMonitorTest, NobodyNeedListen) {
  StepMonitor monitor(nullptr, 0, 1);
  monitor.Stage("inner");
  monitor.Tick(1, 1);
}

}  // namespace
}  // namespace leafscan
