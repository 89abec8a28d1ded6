// The parts of the module, each in a file of its own.
#pragma once

#include <nanobind/nanobind.h>

namespace leafscan {

void BindBuild(nanobind::module_& module);
void BindSearcher(nanobind::module_& module);
void BindWriter(nanobind::module_& module);
void BindSlots(nanobind::module_& module);

}  // namespace leafscan
