// Which row an id or a position names: what ids are looked up in, made when first asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace leafscan {

class RowNames {
 public:
  // By row; all different.
  template <class T>
  explicit RowNames(std::span<const T> names) {
    entries_.reserve(names.size());
    for (std::size_t row = 0; row < names.size(); ++row) {
      entries_.emplace_back(static_cast<std::int64_t>(names[row]), static_cast<std::uint32_t>(row));
    }
    std::sort(entries_.begin(), entries_.end());
  }

  // The rows that are named, ascending, each once; what names none is passed over.
  void Find(std::span<const std::int64_t> names, std::vector<std::uint32_t>& rows) const {
    rows.clear();
    for (const std::int64_t name : names) {
      const auto found = std::lower_bound(entries_.begin(), entries_.end(), std::pair{name, std::uint32_t{0}});
      if (found != entries_.end() && found->first == name) rows.push_back(found->second);
    }
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  }

 private:
  std::vector<std::pair<std::int64_t, std::uint32_t>> entries_;  // ascending
};

}  // namespace leafscan
