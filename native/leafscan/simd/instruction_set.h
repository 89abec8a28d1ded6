// The instruction sets that this build carries and this processor runs, by Highway's names ("AVX2", "NEON", ...).
#pragma once

#include <string>
#include <vector>

namespace leafscan {

// Best first.
std::vector<std::string> InstructionSets();

// The one in use.
std::string InstructionSet();

// Uses only the named one from now on ("" restores the best). For tests and benchmarks; not for use beside running
// searches. Throws std::invalid_argument where it is not in InstructionSets().
void UseInstructionSet(const std::string& name);

}  // namespace leafscan
