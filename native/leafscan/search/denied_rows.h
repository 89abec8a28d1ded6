// The rows that one query may not have.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/row_set.h"

namespace leafscan {

// Views a list that is sorted already, which must outlive it, and copies others.
class DeniedRows {
 public:
  // What is not below `count` names no row. `hashed` makes a set of them, for questions about any row.
  void Read(std::span<const std::uint32_t> list, std::size_t count, bool hashed) {
    if (!std::is_sorted(list.begin(), list.end())) {
      own_.assign(list.begin(), list.end());
      std::sort(own_.begin(), own_.end());
      list = own_;
    }
    const auto end = std::lower_bound(list.begin(), list.end(), count);
    sorted_ = list.first(static_cast<std::size_t>(end - list.begin()));
    hashed_ = hashed;
    if (!hashed) return;
    set_.Reset(sorted_.size());
    for (const std::uint32_t row : sorted_) set_.Insert(row);
  }

  // Ascending; a row may be there more than once.
  std::span<const std::uint32_t> sorted() const { return sorted_; }
  std::size_t size() const { return sorted_.size(); }

  // Those of [begin, end).
  std::span<const std::uint32_t> Within(std::uint64_t begin, std::uint64_t end) const {
    const std::size_t first = Below(begin);
    std::size_t last = first;
    while (last < sorted_.size() && sorted_[last] < end) ++last;
    return sorted_.subspan(first, last - first);
  }

  bool Contains(std::uint32_t row) const {
    return hashed_ ? set_.Contains(row) : std::binary_search(sorted_.begin(), sorted_.end(), row);
  }

 private:
  // How many are below `bound`. Asked for every leaf that a query visits: without branches, which nobody could predict.
  std::size_t Below(std::uint64_t bound) const {
    const std::uint32_t* at = sorted_.data();
    std::size_t left = sorted_.size();
    while (left > 0) {
      const std::size_t half = (left + 1) / 2;
      at += half * static_cast<std::size_t>(at[half - 1] < bound);
      left -= half;
    }
    return static_cast<std::size_t>(at - sorted_.data());
  }

  std::span<const std::uint32_t> sorted_;
  std::vector<std::uint32_t> own_;
  RowSet set_;
  bool hashed_ = false;
};

}  // namespace leafscan
