// How codes lie in memory. A point has one 4-bit code for each block of dimensions. 32 points make a group: for each
// block 16 bytes, byte j holding point j's code in its low half and point j + 16's in its high half. The blocks of a
// group follow one another, filled up to a multiple of four with code 0, so that a group is whole cache lines.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leafscan {

inline constexpr std::size_t kGroupPoints = 32;
inline constexpr std::size_t kCodeWords = 16;
inline constexpr std::size_t kBlockBytes = 16;
inline constexpr std::size_t kBlockMultiple = 4;

constexpr std::size_t CeilDiv(std::size_t a, std::size_t b) { return (a + b - 1) / b; }
constexpr std::size_t PaddedBlocks(std::size_t blocks) { return CeilDiv(blocks, kBlockMultiple) * kBlockMultiple; }
constexpr std::size_t GroupsOf(std::size_t points) { return CeilDiv(points, kGroupPoints); }

// Writes point `j` of a group; the group's bytes were zero before.
inline void PutCode(std::uint8_t* group, std::size_t block, std::size_t j, std::uint8_t code) {
  group[block * kBlockBytes + j % 16] |= static_cast<std::uint8_t>(j < 16 ? code : code << 4);
}

inline std::uint8_t GetCode(const std::uint8_t* group, std::size_t block, std::size_t j) {
  const std::uint8_t both = group[block * kBlockBytes + j % 16];
  return j < 16 ? both & 15 : both >> 4;
}

}  // namespace leafscan
