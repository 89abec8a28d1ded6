// One version of an index as slots serve it: whom to ask, how thoroughly, and who keeps its arrays alive.
#pragma once

#include <cstdint>
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
  std::span<const std::uint32_t> order;  // by row: its position
  SearchOptions defaults;                // k, rows, filter and monitor are a request's own
  bool normalize = false;                // queries are scaled to length 1

  // How a row is called.
  std::int64_t Name(std::size_t row, bool positions) const {
    return positions ? order[row] : searcher->snapshot().arrays.ids[row];
  }
  // What names are looked up in: made by whoever asks first, 16 bytes a row.
  const RowNames& names(bool positions) const {
    Names& names = names_[positions ? 1 : 0];
    std::call_once(names.once, [&] {
      if (positions) {
        names.table.emplace(order);
      } else {
        names.table.emplace(searcher->snapshot().arrays.ids);
      }
    });
    return *names.table;
  }

 private:
  struct Names {
    std::once_flag once;
    std::optional<RowNames> table;
  };
  mutable Names names_[2];
};

}  // namespace leafscan
