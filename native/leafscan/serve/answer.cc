#include "leafscan/serve/answer.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/numbers_in_range.h"
#include "leafscan/core/row_source.h"
#include "leafscan/search/query_lists.h"

namespace leafscan {
namespace {

constexpr std::int64_t kNone = -1;

SearchOptions Options(const ServedIndex& index, const Request& request) {
  SearchOptions options = index.defaults;
  options.k = request.k;
  // One query is no batch worth waking threads for.
  if (request.queries.rows <= 1) options.threads = 1;
  return options;
}

void Check(const ServedIndex& index, const Request& request, int threads) {
  const Snapshot& snapshot = index.searcher->snapshot();
  if (request.queries.cols != snapshot.arrays.dim) {
    throw std::invalid_argument("queries must have " + std::to_string(snapshot.arrays.dim) +
                                " dimensions, as the index has; received " + std::to_string(request.queries.cols) + ".");
  }
  if (request.k < 1) throw std::invalid_argument("k must be at least 1.");
  if (!request.vectors.empty() && !snapshot.has_rows()) {
    throw std::invalid_argument(
        "this index keeps codes alone, so that scores have no derivative; build it with reorder=Reorder(...).");
  }
  CheckNumbers(request.queries, "queries", Most(index.normalize), threads);
}

// The rows that lists name, into `room`.
QueryRows Rows(const ServedIndex& index, bool positions, const MatrixView<std::int64_t>& lists,
               std::vector<std::uint32_t>& room) {
  QueryRows rows;
  if (lists.cols == 0) return rows;
  const RowNames& names = index.names(positions);
  room.resize(lists.rows * lists.cols);
  std::transform(lists.data, lists.data + room.size(), room.begin(),
                 [&](std::int64_t name) { return names.Find(name); });
  rows.lists = MatrixView<std::uint32_t>{room.data(), lists.rows, lists.cols};
  return rows;
}

void TakeVectors(const Snapshot& snapshot, const Request& request) {
  const std::size_t dim = snapshot.arrays.dim;
  for (std::size_t i = 0; i < request.ids.size(); ++i) {
    float* to = request.vectors.data() + i * dim;
    if (request.ids[i] == kNone) {
      std::fill_n(to, dim, 0.0f);
    } else {
      snapshot.rows.Read(static_cast<std::size_t>(request.ids[i]), to);
    }
  }
}

void CheckRoom(const ServedIndex& index, std::span<const std::int64_t> ids) {
  for (const std::int64_t id : ids) {
    if (id > index.largest_id) {
      throw std::invalid_argument("the id " + std::to_string(id) + " is beyond " + std::to_string(index.largest_id) +
                                  ", the largest that there is room for; ask for positions, and decode them.");
    }
  }
}

}  // namespace

void Answer(const ServedIndex& index, const Request& request) {
  SearchOptions options = Options(index, request);
  Check(index, request, options.threads);
  MatrixView<float> queries = request.queries;
  AlignedVector<float> unit;
  if (index.normalize) {
    unit.resize(queries.rows * queries.cols);
    for (std::size_t i = 0; i < queries.rows; ++i) Normalize(queries.row(i), queries.cols, unit.data() + i * queries.cols);
    queries.data = unit.data();
  }
  QueryLists lists;
  std::vector<std::uint32_t> allow;
  std::vector<std::uint32_t> deny;
  lists.allow = Rows(index, request.positions, request.allow, allow);
  lists.deny = Rows(index, request.positions, request.deny, deny);
  if (lists.allow.given() || lists.deny.given()) options.lists = &lists;
  options.rows = !request.vectors.empty() || (request.positions && !index.ids_are_positions);
  index.searcher->Search(queries, options, request.ids, request.scores);
  if (options.rows) {
    if (!request.vectors.empty()) TakeVectors(index.searcher->snapshot(), request);
    for (std::int64_t& id : request.ids) {
      if (id != kNone) id = index.Name(static_cast<std::size_t>(id), request.positions);
    }
  }
  CheckRoom(index, request.ids);
}

}  // namespace leafscan
