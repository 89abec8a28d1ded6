#include "leafscan/core/select_best.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <vector>

namespace leafscan {
namespace {

constexpr int kBinBits = 9;
constexpr std::size_t kBins = std::size_t{1} << kBinBits;

}  // namespace

std::uint64_t SelectBest(std::span<std::uint64_t> keys, std::size_t wanted) {
  std::uint64_t most = 0;
  std::uint64_t least = ~std::uint64_t{0};
  for (const std::uint64_t key : keys) {
    most = std::max(most, key);
    least = std::min(least, key);
  }
  const int shift = std::max(0, static_cast<int>(std::bit_width(most - least)) - kBinBits);
  const auto bin_of = [&](std::uint64_t key) { return static_cast<std::size_t>((key - least) >> shift); };
  std::array<std::uint32_t, kBins> counts{};
  for (const std::uint64_t key : keys) ++counts[bin_of(key)];
  std::size_t above = 0;
  std::size_t cut = kBins;
  while (above + counts[cut - 1] < wanted) above += counts[--cut];
  --cut;  // the bin that holds the last key that is wanted

  // Better bins move to the front; the cut's own bin goes aside.
  thread_local std::vector<std::uint64_t> aside;
  if (aside.size() < keys.size() + 1) aside.resize(keys.size() + 1);
  std::size_t kept = 0;
  std::size_t tied = 0;
  for (const std::uint64_t key : keys) {
    const std::size_t bin = bin_of(key);
    keys[kept] = key;
    aside[tied] = key;
    kept += bin > cut;
    tied += bin == cut;
  }
  const std::size_t missing = wanted - kept;
  const auto last = aside.begin() + static_cast<std::ptrdiff_t>(missing - 1);
  std::nth_element(aside.begin(), last, aside.begin() + static_cast<std::ptrdiff_t>(tied), std::greater<>());
  std::copy(aside.begin(), last + 1, keys.begin() + static_cast<std::ptrdiff_t>(kept));
  return *last;
}

}  // namespace leafscan
