// The names that Python has for the engine's choices.
#pragma once

#include <stdexcept>
#include <string>

#include "leafscan/core/metric.h"
#include "leafscan/reorder/row_store.h"

namespace leafscan {

inline Metric MetricOf(const std::string& name) {
  if (name == "dot_product") return Metric::kDotProduct;
  if (name == "squared_l2") return Metric::kSquaredL2;
  throw std::invalid_argument("metric must be \"dot_product\" or \"squared_l2\" here, received \"" + name + "\".");
}

inline RowType RowTypeOf(const std::string& name) {
  if (name == "float32") return RowType::kFloat32;
  if (name == "bfloat16") return RowType::kBFloat16;
  if (name == "int8") return RowType::kInt8;
  throw std::invalid_argument("row_dtype must be \"float32\", \"bfloat16\" or \"int8\", received \"" + name + "\".");
}

}  // namespace leafscan
