// The best N of the keys that a scan writes, with a threshold that follows every write.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/drop_repeats.h"
#include "leafscan/core/key_histogram.h"
#include "leafscan/core/select_best.h"

namespace leafscan {

// All keys are different, larger is better, the low half of a key is its row. What is kept does not depend on the order in
// which keys come: whoever skips keys below least() loses nothing.
class Survivors {
 public:
  // A writer finds room for so many keys at least, right after a compaction, and for few more at a time: a threshold that
  // it does not hear of is of no use to it.
  static constexpr std::size_t kRoom = 64;

  // Where keys may repeat a row once, the best N of different rows are kept, each by its best key.
  void Reset(std::size_t wanted, bool rows_repeat = false) {
    wanted_ = wanted;
    rows_repeat_ = rows_repeat;
    size_ = 0;
    least_ = 0;
    histogram_.Stop();
    counted_ = rows_repeat ? 2 * wanted : wanted;  // so many keys have N rows
    const std::size_t capacity = 2 * counted_ + 16 * kRoom;
    if (keys_.size() < capacity) keys_.resize(capacity);
    capacity_ = capacity;
  }

  // Keys below this one are not among the best N.
  std::uint64_t least() const { return least_; }

  std::span<std::uint64_t> room() {
    const std::size_t missing = histogram_.started() || size_ >= counted_ ? 2 * kRoom : counted_ - size_;
    return {keys_.data() + size_, std::min(capacity_ - size_, missing + kRoom)};
  }

  // The first `count` of the room were written.
  void Commit(std::size_t count) {
    if (count == 0 || wanted_ == 0) return;
    const std::size_t before = size_;
    size_ += count;
    if (histogram_.started()) {
      histogram_.Count({keys_.data() + before, count});
    } else if (size_ >= counted_) {
      histogram_.Start({keys_.data(), size_}, counted_);
    } else {
      return;
    }
    least_ = std::max(least_, histogram_.bound());
  }

  // Makes room: keeps the best N of what is there.
  void Compact() {
    if (rows_repeat_) size_ = drop_repeats_({keys_.data(), size_});
    if (size_ <= wanted_ || wanted_ == 0) {
      size_ = std::min(size_, wanted_);
      return;
    }
    least_ = SelectBest({keys_.data(), size_}, wanted_);
    size_ = wanted_;
  }

  // The k-th best key of different rows so far, k <= N; 0 where there are fewer. Rows of which skip(key) do not count, and
  // no more than N - k are. Like Best() it does not depend on the order in which keys come.
  template <class Skip>
  std::uint64_t KthBest(std::size_t k, const Skip& skip, AlignedVector<std::uint64_t>& room) {
    if (k <= kFew) return KthOfFew(k, skip);
    room.resize(size_);
    std::size_t count = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      room[count] = keys_[i];
      count += static_cast<std::size_t>(!skip(keys_[i]));
    }
    // A row is there twice at most, maybe with the same score, which is no harm here.
    if (rows_repeat_ && count > 2 * k) {
      SelectBest({room.data(), count}, 2 * k);
      count = 2 * k;
    }
    if (rows_repeat_) count = drop_repeats_({room.data(), count});
    if (count < k) return 0;
    if (count == k) return *std::min_element(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(k));
    return SelectBest({room.data(), count}, k);
  }

  // The best N in no order; valid until the next call.
  std::span<std::uint64_t> Best() {
    Compact();
    return {keys_.data(), size_};
  }

 private:
  static constexpr std::size_t kFew = 16;

  // Of so few the best are kept in order: most keys are looked at once.
  template <class Skip>
  std::uint64_t KthOfFew(std::size_t k, const Skip& skip) const {
    std::array<std::uint64_t, kFew> best{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < size_ && k > 0; ++i) {
      const std::uint64_t key = keys_[i];
      if (key <= best[k - 1] || skip(key)) continue;
      std::size_t at = count;
      if (rows_repeat_) {
        const auto row = static_cast<std::uint32_t>(key);
        at = 0;
        while (at < count && static_cast<std::uint32_t>(best[at]) != row) ++at;
        if (at < count && best[at] >= key) continue;
      }
      if (at == count) {
        at = std::min(count, k - 1);
        count = at + 1;
      }
      for (; at > 0 && best[at - 1] < key; --at) best[at] = best[at - 1];
      best[at] = key;
    }
    return count < k || k == 0 ? 0 : best[k - 1];
  }

  AlignedVector<std::uint64_t> keys_;
  std::size_t wanted_ = 0;
  std::size_t counted_ = 0;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::uint64_t least_ = 0;
  bool rows_repeat_ = false;
  KeyHistogram histogram_;
  DropRepeats drop_repeats_;
};

}  // namespace leafscan
