// The Python module leafscan._engine; its contract is src/leafscan/_engine.pyi.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "leafscan/core/processors.h"
#include "leafscan/simd/instruction_set.h"

using namespace nanobind::literals;

NB_MODULE(_engine, module) {
  // What torch.compile has compiled lives to the end, and the indexes in it, too.
  nanobind::set_leak_warnings(false);
  module.doc() = "The native engine: arrays in, arrays out.";
  leafscan::BindBuild(module);
  leafscan::BindSearcher(module);
  leafscan::BindWriter(module);
  leafscan::BindSlots(module);
  module.def("available_threads", &leafscan::AvailableThreads);
  module.def("instruction_set", &leafscan::InstructionSet);
  module.def("instruction_sets", &leafscan::InstructionSets);
  module.def("use_instruction_set", &leafscan::UseInstructionSet, "name"_a);
}
