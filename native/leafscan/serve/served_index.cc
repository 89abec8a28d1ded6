#include "leafscan/serve/served_index.h"

#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

namespace leafscan {

const RowNames& ServedIndex::names(bool positions) const {
  Names& names = names_[positions ? 1 : 0];
  std::call_once(names.once, [&] {
    const Snapshot& snapshot = searcher->snapshot();
    std::vector<RowNames::Entry> entries;
    entries.reserve(snapshot.count);
    for (std::size_t word = 0; word * 32 < snapshot.row_end; ++word) {
      for (std::uint32_t left = snapshot.live.Word(word); left != 0; left &= left - 1) {
        const std::size_t row = word * 32 + static_cast<std::size_t>(std::countr_zero(left));
        entries.emplace_back(Name(row, positions), static_cast<std::uint32_t>(row));
      }
    }
    names.table.emplace(std::move(entries));
  });
  return *names.table;
}

}  // namespace leafscan
