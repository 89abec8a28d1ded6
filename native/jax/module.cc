// The Python module leafscan.jax._ffi: hands XLA the handlers, and them the engine's slots.
#include <nanobind/nanobind.h>

#include <stdexcept>

#include "handler.h"

namespace nb = nanobind;
using namespace nb::literals;

NB_MODULE(_ffi, module) {
  module.doc() = "XLA's way into the engine.";
  module.def(
      "use",
      [](const nb::capsule& slots) {
        const auto* table = static_cast<const LeafscanSlots*>(slots.data(LEAFSCAN_SLOTS_CAPSULE));
        if (table->version != LEAFSCAN_SLOTS_VERSION) {
          throw std::invalid_argument("leafscan._engine and leafscan.jax._ffi are of different versions; reinstall leafscan.");
        }
        leafscan::jax::Use(table);
      },
      "slots"_a);
  module.def("handlers", [] {
    nb::dict handlers;
    handlers["leafscan_search_ids"] = nb::capsule(reinterpret_cast<const void*>(&leafscan::jax::SearchIds));
    handlers["leafscan_search_positions"] = nb::capsule(reinterpret_cast<const void*>(&leafscan::jax::SearchPositions));
    return handlers;
  });
}
