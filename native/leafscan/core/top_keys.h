// The best N of a stream of 64-bit keys, larger being better, and all keys different; the low half of a key is its row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/select_best.h"

namespace leafscan {

// Keys are appended to a buffer of more than N; when it is full the best N stay. So what is kept does not depend on the
// order in which keys come: whoever skips keys below `least()` loses nothing.
class TopKeys {
 public:
  // Room that a writer finds at least, right after a compaction.
  static constexpr std::size_t kRoom = 256;

  void Reset(std::size_t wanted) {
    wanted_ = wanted;
    size_ = 0;
    least_ = 0;
    const std::size_t capacity = wanted + std::max(wanted, kRoom);
    if (keys_.size() < capacity) keys_.resize(capacity);
    capacity_ = capacity;
  }

  // Keys below this one are not among the best N.
  std::uint64_t least() const { return least_; }

  std::span<std::uint64_t> room() { return {keys_.data() + size_, capacity_ - size_}; }
  void Commit(std::size_t count) { size_ += count; }

  void Push(std::uint64_t key) {
    if (key < least_) return;
    keys_[size_++] = key;
    if (size_ == capacity_) Compact();
  }

  // Keeps the best N of what is there.
  void Compact() {
    if (size_ <= wanted_ || wanted_ == 0) {
      size_ = std::min(size_, wanted_);
      return;
    }
    least_ = SelectBest({keys_.data(), size_}, wanted_);
    size_ = wanted_;
  }

  // The best N in no order; valid until the next call.
  std::span<std::uint64_t> Best() {
    Compact();
    return {keys_.data(), size_};
  }

  // The best N, best first.
  std::span<std::uint64_t> Sorted() {
    const std::span<std::uint64_t> best = Best();
    std::sort(best.begin(), best.end(), std::greater<>());
    return best;
  }

 private:
  AlignedVector<std::uint64_t> keys_;
  std::size_t wanted_ = 0;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::uint64_t least_ = 0;
};

}  // namespace leafscan
