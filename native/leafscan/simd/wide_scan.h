// The scan of 8-bit codes: a table of 256 bytes for each block, in the first-level cache for as many blocks as matter.
//
// A lookup in 256 bytes is sixteen byte shuffles in registers, one for each sixteenth of the table, and fifteen choices by
// the bits of a code's high half; 16 or 32 codes go through it at a time.
//
// Cost, per point and block: 1/32 (128-bit vectors: 1/16) of 16 loads, 16 shuffles, 15 choices, and a dozen other
// operations. Bound by the vector units: some 15 cycles for 32 points on AVX-512, 0.15 ns a point and block, ten times a
// block of 4-bit codes (simd/group_scan.h), which stands for half of the bits; AVX2, whose choices take longer, 0.25 ns.
#pragma once

#include <cstdint>
#include <span>

#include "leafscan/simd/group_scan.h"

namespace leafscan {

// Entries are bytes, and the largest sum still fits 15 bits.
inline constexpr int kMaxWideEntry = 255;

// As ScanGroups, of groups of 8-bit codes (hash/layout.h) and a table of kWideWords entries a block. All instruction sets
// agree to the bit.
ScanProgress ScanWideGroups(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                            std::span<std::uint64_t> keys);

// As ScanGroupsForTwo, but for where it stops: after as many groups as there are surely places for in the keys of both.
PairProgress ScanWideGroupsForTwo(const GroupRun& run, const PairQuery& first, const PairQuery& second);

}  // namespace leafscan
