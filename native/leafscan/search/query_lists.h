// What each query of a batch may return by itself, beside the filter of all: lists of rows, or masks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/row_set.h"
#include "leafscan/filter/filter.h"
#include "leafscan/search/denied_rows.h"
#include "leafscan/snapshot/snapshot.h"

namespace leafscan {

// Rows named for each query: by a list, by a mask, or not at all.
struct QueryRows {
  std::optional<MatrixView<std::uint32_t>> lists;  // (q, m), in any order, with repeats; RowSet::kNone stands for none
  std::optional<MatrixView<std::uint8_t>> masks;   // (q, places), not 0 where the row of that place is named

  bool given() const { return lists.has_value() || masks.has_value(); }
};

struct QueryLists {
  QueryRows allow;  // not given: all that deny does not name
  QueryRows deny;
  std::span<const std::uint32_t> rows;  // the row of each place of a mask

  // Whether nothing is asked for but to leave out a few rows of each query, of an index of `count`.
  bool OnlyFewDenied(std::size_t count) const;
  // The list of one query, where lists deny.
  std::span<const std::uint32_t> Denied(std::size_t query) const { return {deny.lists->row(query), deny.lists->cols}; }
};

// How to search for one query; a thread keeps its own.
class QuerySelection {
 public:
  enum class Way {
    kDenied,    // as without lists, only that denied() are left out before rows are reranked
    kListed,    // score rows(), which are all that is allowed
    kCompiled,  // with a filter, compiled from allowed()
  };

  // Few denied rows cost some nanoseconds each, where compiling a filter goes through all rows. Rows allowed are scored
  // where that costs less than to compile a filter, which knows for more rows whether to score or to scan.
  Way Select(const QueryLists& lists, std::size_t query, const Filter* filter, const Snapshot& snapshot);

  // Makes allowed() what `filter` (null: all) allows, without `denied`.
  void AllowAllBut(const DeniedRows& denied, const Filter* filter, std::size_t count);

  const DeniedRows& denied() const { return denied_; }
  std::span<const std::uint32_t> rows() const { return rows_; }
  std::span<const std::uint8_t> allowed() const { return allowed_; }  // by row

 private:
  DeniedRows denied_;
  std::vector<std::uint32_t> named_;
  RowSet seen_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint8_t> allowed_;
};

}  // namespace leafscan
