// RouteScores by AVX-512's four products at a time (VNNI), an instruction of its own beside the sets that Highway
// knows: Highway 1.0.3 has no target for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leafscan {

// Whether this processor has it and it is not put aside. Ask only where AVX-512 is in use.
bool UsesVnni();

// Puts it aside, or takes it up again where there is one; for tests and benchmarks.
void AllowVnni(bool allowed);

// RouteScores, for something to write. Call only where UsesVnni().
void RouteScoresVnni(std::span<const std::uint8_t> table, std::span<const std::int8_t> queries,
                     std::span<const std::int32_t> sums, std::span<std::int32_t> out);

}  // namespace leafscan
