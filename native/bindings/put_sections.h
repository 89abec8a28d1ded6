// Sections that were made here, as Python has them.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <string>

#include "arrays.h"
#include "leafscan/build/sections.h"
#include "leafscan/hash/layout.h"
#include "leafscan/reorder/row_store.h"

namespace leafscan {

namespace nb = nanobind;

inline void PutRows(nb::dict& sections, const std::string& prefix, RowSections&& built, RowType type, std::size_t n,
             std::size_t dim) {
  const std::string name = prefix + "rows";
  switch (type) {
    case RowType::kBFloat16:
      sections[name.c_str()] = ToNumPy(std::move(built.bfloat16), {n, dim});
      break;
    case RowType::kInt8:
      sections[name.c_str()] = ToNumPy(std::move(built.int8), {n, dim});
      sections[(prefix + "row_scales").c_str()] = ToNumPy(std::move(built.scales), {dim});
      break;
    default:
      sections[name.c_str()] = ToNumPy(std::move(built.float32), {n, dim});
  }
}

inline void PutCodes(nb::dict& sections, const std::string& prefix, CodeSections&& built, const CodeLayout& layout) {
  const std::size_t groups = built.live.size();
  sections[(prefix + "codes").c_str()] =
      ToNumPy(std::move(built.codes), {groups, layout.padded_blocks(), layout.block_bytes()});
  if (!built.terms.empty()) {
    sections[(prefix + "terms").c_str()] = ToNumPy(std::move(built.terms), {groups, kGroupPoints});
  }
  sections[(prefix + "live").c_str()] = ToNumPy(std::move(built.live), {groups});
}

}  // namespace leafscan
