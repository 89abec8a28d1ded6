// The parts of the module, each in a file of its own.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <span>

#include "leafscan/search/searcher.h"

namespace leafscan {

void BindBuild(nanobind::module_& module);
void BindSearcher(nanobind::module_& module);
void BindSlots(nanobind::module_& module);

// What lies in a Searcher of Python's; good for as long as that lives.
struct SearcherParts {
  const Searcher* searcher;
  std::span<const std::uint32_t> order;  // by row: its position
};
SearcherParts PartsOf(const nanobind::handle& searcher);

}  // namespace leafscan
