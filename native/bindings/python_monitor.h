// Progress to Python, and Ctrl-C from it, in the middle of a call that has let go of the interpreter.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "leafscan/core/monitor.h"

namespace leafscan {

class PythonMonitor final : public Monitor {
 public:
  // `progress` is None or takes (stage, done, total).
  explicit PythonMonitor(nanobind::object progress) : progress_(std::move(progress)) {}

  void Stage(std::string_view name) override {
    stage_ = name;
    last_ = {};
    Tick(0, 1);  // every stage is told of, however short
  }

  void Tick(std::size_t done, std::size_t total) override {
    const auto now = std::chrono::steady_clock::now();
    if (done != total && now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    const nanobind::gil_scoped_acquire interpreter;
    if (PyErr_CheckSignals() != 0) throw nanobind::python_error();
    if (!progress_.is_none()) progress_(stage_, done, total);
  }

 private:
  nanobind::object progress_;
  std::string stage_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace leafscan
