// bfloat16: the upper half of a float32, as its 16 bits.
#pragma once

#include <bit>
#include <cstdint>

namespace leafscan {

constexpr float FromBFloat16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

// The nearest, ties to even; what would round to infinity becomes the largest finite number. Not for NaN.
constexpr std::uint16_t ToBFloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  return static_cast<std::uint16_t>((rounded & 0x7FFFu) == 0x7F80u ? rounded - 1u : rounded);
}

}  // namespace leafscan
