// How a long call tells its caller where it stands, and how the caller stops it.
#pragma once

#include <cstddef>
#include <string_view>

namespace leafscan {

class Monitor {
 public:
  virtual ~Monitor() = default;
  // A new stage begins; ticks count from zero again.
  virtual void Stage(std::string_view name) = 0;
  // Called often, always on the thread that made the call, never while a lock is held. Throws to stop the work.
  virtual void Tick(std::size_t done, std::size_t total) = 0;
};

// A step of a stage that has several: its ticks fill their share of the stage.
class StepMonitor final : public Monitor {
 public:
  StepMonitor(Monitor* stage, std::size_t step, std::size_t steps) : stage_(stage), step_(step), steps_(steps) {}
  void Stage(std::string_view) override {}
  void Tick(std::size_t done, std::size_t total) override {
    if (stage_ != nullptr) stage_->Tick(step_ * total + done, steps_ * total);
  }

 private:
  Monitor* stage_;
  std::size_t step_;
  std::size_t steps_;
};

}  // namespace leafscan
