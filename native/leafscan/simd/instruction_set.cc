#include "leafscan/simd/instruction_set.h"

#include <cstdint>
#include <stdexcept>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/instruction_set.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
std::int64_t ThisTarget() { return HWY_TARGET; }
}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(ThisTarget);

namespace {

// Asked once: asking again makes some versions of Highway forget which target was chosen.
const std::vector<std::int64_t>& Targets() {
  static const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  return targets;
}

}  // namespace

std::vector<std::string> InstructionSets() {
  std::vector<std::string> names;
  for (const std::int64_t target : Targets()) names.emplace_back(hwy::TargetName(target));
  return names;
}

std::string InstructionSet() { return hwy::TargetName(HWY_DYNAMIC_DISPATCH(ThisTarget)()); }

void UseInstructionSet(const std::string& name) {
  std::int64_t chosen = 0;
  for (const std::int64_t target : Targets()) {
    if (name.empty() || name == hwy::TargetName(target)) chosen |= target;
  }
  if (chosen == 0) {
    throw std::invalid_argument("instruction set " + name + " is not built in, or this processor does not run it");
  }
  hwy::GetChosenTarget().Update(chosen);
}

}  // namespace leafscan
#endif
