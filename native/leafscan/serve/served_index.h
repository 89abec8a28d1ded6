// One version of an index as slots serve it: whom to ask, how thoroughly, and who keeps its arrays alive.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "leafscan/search/searcher.h"
#include "leafscan/serve/row_names.h"

namespace leafscan {

class ServedIndex {
 public:
  std::shared_ptr<const void> owner;     // of the searcher and of what it reads
  const Searcher* searcher = nullptr;
  std::span<const std::uint32_t> order;  // of the rows that the index was built with: their positions
  bool ids_are_positions = false;        // as where the caller's ids are strings
  SearchOptions defaults;                // k, rows, filter, lists and monitor are a request's own
  bool normalize = false;                // queries are scaled to length 1
  // No larger one may be returned, for whoever asks has no room for it.
  std::int64_t largest_id = std::numeric_limits<std::int64_t>::max();

  // How a row is called. The position of one that came since is its row, unless ids are positions.
  std::int64_t Name(std::size_t row, bool positions) const {
    if (!positions || ids_are_positions) return searcher->snapshot().id(row);
    return row < order.size() ? order[row] : static_cast<std::int64_t>(row);
  }
  // What names are looked up in: made by whoever asks first, 16 bytes a row.
  const RowNames& names(bool positions) const;

 private:
  struct Names {
    std::once_flag once;
    std::optional<RowNames> table;
  };
  mutable Names names_[2];
};

}  // namespace leafscan
