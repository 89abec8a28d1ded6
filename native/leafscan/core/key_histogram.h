// A bound that N of a stream of keys reach.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace leafscan {

// How many of the keys seen lie in each of some bins, and from it a bound that N of them reach. A few nanoseconds a key,
// where selecting anew each time that some hundred came takes ten and leaves the bound behind meanwhile.
class KeyHistogram {
 public:
  bool started() const { return wanted_ > 0; }
  void Stop() { wanted_ = 0; }

  // Begins with all keys seen so far, at least `wanted` of them.
  void Start(std::span<const std::uint64_t> keys, std::size_t wanted) {
    const auto [least, most] = std::minmax_element(keys.begin(), keys.end());
    base_ = *least;
    // The first keys take a quarter of the bins; better ones come.
    shift_ = std::max(0, static_cast<int>(std::bit_width(*most - base_)) - kFirstBits);
    counts_.fill(0);
    wanted_ = wanted;
    above_ = 0;
    cut_ = 0;
    Count(keys);
  }

  void Count(std::span<const std::uint64_t> keys) {
    for (const std::uint64_t key : keys) {
      if (key < base_) continue;
      const std::size_t bin = std::min<std::uint64_t>((key - base_) >> shift_, kBins - 1);
      ++counts_[bin];
      above_ += bin >= cut_ ? 1 : 0;
    }
    while (above_ - counts_[cut_] >= wanted_) above_ -= counts_[cut_++];
  }

  // At least `wanted` of the keys are this large.
  std::uint64_t bound() const { return base_ + (static_cast<std::uint64_t>(cut_) << shift_); }

 private:
  static constexpr int kFirstBits = 7;
  static constexpr std::size_t kBins = std::size_t{4} << kFirstBits;

  std::array<std::uint32_t, kBins> counts_;
  std::uint64_t base_ = 0;
  std::size_t wanted_ = 0;
  std::size_t above_ = 0;  // keys in bin cut_ and better ones
  std::size_t cut_ = 0;
  int shift_ = 0;
};

}  // namespace leafscan
