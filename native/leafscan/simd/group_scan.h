// The scan: adds up table entries for the 4-bit codes of 32 points at a time, and keeps the points that reach a
// threshold. The table of a block is sixteen bytes, so that a lookup is one byte shuffle in registers.
//
// Cost, per point and block: one lookup is 1/32 of a shuffle, 1/64 of a load, two masks and a shift, and 3.5/64 of the
// additions (entries of at most six bits add up four at a time in bytes before they are widened). On AVX2 that is
// about 0.0133 ns a point and block out of the cache; out of DRAM half a byte a block at about 20 GB/s bounds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/hash/layout.h"

namespace leafscan {

// Entries add up four at a time in a byte.
inline constexpr int kMaxTableEntry = 63;

// Where a group lies.
struct GroupAddress {
  const std::uint8_t* codes = nullptr;
  const std::int16_t* terms = nullptr;  // null without terms
};

// A run of groups in one leaf, and what turns a point's sum into its score:
//   score = bias + sum - ((terms[j] * term_factor + 2^14) >> 15), the term only where there are terms; with it, all
// but the bias is clamped to [-32767, 32767].
struct GroupRun {
  const std::uint8_t* codes = nullptr;   // groups * padded_blocks * 16 bytes
  const std::int16_t* terms = nullptr;   // groups * 32, or null
  const std::uint32_t* live = nullptr;   // a bit for each point of each group
  const std::uint32_t* rows = nullptr;   // explicit rows, groups * 32, or null: first_row + place
  std::uint32_t first_row = 0;
  std::size_t groups = 0;
  std::int32_t bias = 0;
  bool sparse = false;                   // many groups have no bit in `live`: their codes are not read
  const GroupAddress* ahead = nullptr;   // one for each group that is read: what to fetch meanwhile; or null
};

// The query's side: padded_blocks * words entries, each at most kMaxTableEntry, whose largest sum fits 15 bits.
struct ScanTable {
  const std::uint8_t* entries = nullptr;
  std::size_t padded_blocks = 0;
  std::int16_t term_factor = 0;
  std::size_t words = kCodeWords;  // a block; of kWideWords see simd/wide_scan.h
};

// A survivor: larger is better, and of equal scores the lower row is.
constexpr std::uint64_t SurvivorKey(std::int32_t score, std::uint32_t row) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(score) ^ 0x80000000u) << 32) | (0xFFFFFFFFu - row);
}
constexpr std::uint32_t SurvivorRow(std::uint64_t key) { return 0xFFFFFFFFu - static_cast<std::uint32_t>(key); }
constexpr std::int32_t SurvivorScore(std::uint64_t key) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(key >> 32) ^ 0x80000000u);
}

struct ScanProgress {
  std::size_t groups = 0;  // looked at
  std::size_t read = 0;    // of these, read: all, or those with a bit in `live` where the run is sparse
  std::size_t kept = 0;    // keys written
};

// Scans groups from the front of the run until all are done or fewer than 32 places are left in `keys`, and writes the
// key of every live point whose score is at least `threshold`.
ScanProgress ScanGroups(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                        std::span<std::uint64_t> keys);

// One of two queries that scan the same groups.
struct PairQuery {
  ScanTable table;
  std::int32_t bias = 0;
  std::int32_t threshold = 0;
  std::span<std::uint64_t> keys;
};

struct PairProgress {
  std::size_t groups = 0;
  std::size_t kept[2] = {0, 0};
};

// The same for two queries at once, until all is done or one of them has fewer than 32 places left; both tables have equally
// many blocks. Of the run, bias, sparse and ahead are not looked at.
PairProgress ScanGroupsForTwo(const GroupRun& run, const PairQuery& first, const PairQuery& second);

}  // namespace leafscan
