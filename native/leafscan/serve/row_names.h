// Which row an id or a position names: what names are looked up in, made when first asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "leafscan/core/row_set.h"

namespace leafscan {

class RowNames {
 public:
  using Entry = std::pair<std::int64_t, std::uint32_t>;  // a name, and its row

  // All names are different.
  explicit RowNames(std::vector<Entry> entries) : entries_(std::move(entries)) {
    std::sort(entries_.begin(), entries_.end());
  }

  // The row of a name, or RowSet::kNone.
  std::uint32_t Find(std::int64_t name) const {
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), Entry{name, 0});
    return found != entries_.end() && found->first == name ? found->second : RowSet::kNone;
  }

 private:
  std::vector<Entry> entries_;  // ascending
};

}  // namespace leafscan
