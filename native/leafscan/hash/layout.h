// How codes lie in memory. A point has one code for each block of dimensions. 32 points make a group, and the blocks of a
// group follow one another, filled up with blocks of code 0 so that a group is whole cache lines.
//   4-bit codes: 16 bytes a block, byte j holding point j's code in its low half and point j + 16's in its high half.
//   8-bit codes: 32 bytes a block, byte j holding point j's code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leafscan {

inline constexpr std::size_t kGroupPoints = 32;
inline constexpr std::size_t kCodeWords = 16;  // of 4-bit codes
inline constexpr std::size_t kBlockBytes = 16;
inline constexpr std::size_t kBlockMultiple = 4;
inline constexpr std::size_t kWideWords = 256;  // of 8-bit codes
inline constexpr std::size_t kWideBlockBytes = 32;
inline constexpr std::size_t kWideBlockMultiple = 2;

constexpr std::size_t CeilDiv(std::size_t a, std::size_t b) { return (a + b - 1) / b; }
constexpr std::size_t PaddedBlocks(std::size_t blocks) { return CeilDiv(blocks, kBlockMultiple) * kBlockMultiple; }
constexpr std::size_t GroupsOf(std::size_t points) { return CeilDiv(points, kGroupPoints); }

// Writes point `j` of a group of 4-bit codes; the group's bytes were zero before.
inline void PutCode(std::uint8_t* group, std::size_t block, std::size_t j, std::uint8_t code) {
  group[block * kBlockBytes + j % 16] |= static_cast<std::uint8_t>(j < 16 ? code : code << 4);
}

inline std::uint8_t GetCode(const std::uint8_t* group, std::size_t block, std::size_t j) {
  const std::uint8_t both = group[block * kBlockBytes + j % 16];
  return static_cast<std::uint8_t>(j < 16 ? both & 15 : both >> 4);
}

// The layout of codes of either kind.
struct CodeLayout {
  std::size_t blocks = 0;
  std::size_t words = kCodeWords;  // a block: kCodeWords or kWideWords

  constexpr bool wide() const { return words == kWideWords; }
  constexpr std::size_t block_bytes() const { return wide() ? kWideBlockBytes : kBlockBytes; }
  constexpr std::size_t padded_blocks() const {
    return wide() ? CeilDiv(blocks, kWideBlockMultiple) * kWideBlockMultiple : PaddedBlocks(blocks);
  }
  constexpr std::size_t group_bytes() const { return padded_blocks() * block_bytes(); }

  // As PutCode, for either kind.
  void Put(std::uint8_t* group, std::size_t block, std::size_t j, std::uint8_t code) const {
    if (wide()) {
      group[block * kWideBlockBytes + j] = code;
    } else {
      PutCode(group, block, j, code);
    }
  }
  std::uint8_t Get(const std::uint8_t* group, std::size_t block, std::size_t j) const {
    return wide() ? group[block * kWideBlockBytes + j] : GetCode(group, block, j);
  }
};

}  // namespace leafscan
