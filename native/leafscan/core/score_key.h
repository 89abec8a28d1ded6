// A float score and a row as one key: larger scores first, and of equal ones the lower row.
#pragma once

#include <bit>
#include <cstdint>

namespace leafscan {

// The order of floats as unsigned numbers; not for NaN. Both zeros are equal to a reader, so -0 is made 0.
constexpr std::uint32_t OrderedBits(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
constexpr float FromOrderedBits(std::uint32_t ordered) {
  return std::bit_cast<float>(ordered & 0x80000000u ? ordered & 0x7FFFFFFFu : ~ordered);
}

constexpr std::uint64_t ScoreKey(float score, std::uint32_t row) {
  return static_cast<std::uint64_t>(OrderedBits(score)) << 32 | (0xFFFFFFFFu - row);
}
constexpr float KeyScore(std::uint64_t key) { return FromOrderedBits(static_cast<std::uint32_t>(key >> 32)); }
constexpr std::uint32_t KeyRow(std::uint64_t key) { return 0xFFFFFFFFu - static_cast<std::uint32_t>(key); }

}  // namespace leafscan
