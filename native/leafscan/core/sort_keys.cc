#include "leafscan/core/sort_keys.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

namespace leafscan {
namespace {

constexpr int kMostBinBits = 11;
constexpr std::size_t kFew = 16;

void Insert(std::span<std::uint64_t> keys) {
  for (std::size_t i = 1; i < keys.size(); ++i) {
    const std::uint64_t key = keys[i];
    std::size_t at = i;
    for (; at > 0 && keys[at - 1] < key; --at) keys[at] = keys[at - 1];
    keys[at] = key;
  }
}

}  // namespace

void SortKeys(std::span<std::uint64_t> keys, AlignedVector<std::uint64_t>& room) {
  if (keys.size() <= kFew) {
    Insert(keys);
    return;
  }
  std::uint64_t most = 0;
  std::uint64_t least = ~std::uint64_t{0};
  for (const std::uint64_t key : keys) {
    most = std::max(most, key);
    least = std::min(least, key);
  }
  const int bits = std::min(kMostBinBits, static_cast<int>(std::bit_width(keys.size())));
  const int shift = std::max(0, static_cast<int>(std::bit_width(most - least)) - bits);
  std::array<std::uint32_t, (std::size_t{1} << kMostBinBits)> ends;  // of the bins, the best first
  const std::size_t bins = std::size_t{1} << bits;
  std::fill_n(ends.begin(), bins, 0u);
  const auto bin_of = [&](std::uint64_t key) { return bins - 1 - static_cast<std::size_t>((key - least) >> shift); };
  for (const std::uint64_t key : keys) ++ends[bin_of(key)];
  std::uint32_t sum = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const std::uint32_t count = ends[bin];
    ends[bin] = sum;
    sum += count;
  }
  room.assign(keys.begin(), keys.end());
  for (const std::uint64_t key : room) keys[ends[bin_of(key)]++] = key;
  std::uint32_t begin = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const std::span<std::uint64_t> in_bin = keys.subspan(begin, ends[bin] - begin);
    if (in_bin.size() <= kFew) {
      Insert(in_bin);
    } else {
      std::sort(in_bin.begin(), in_bin.end(), std::greater<>());
    }
    begin = ends[bin];
  }
}

}  // namespace leafscan
