// Searches of queries that have lists of their own.
#include <algorithm>
#include <optional>

#include "leafscan/core/thread_pool.h"
#include "leafscan/search/batch_scan.h"
#include "leafscan/search/query_lists.h"
#include "leafscan/search/searcher.h"
#include "leafscan/search/workspace.h"

namespace leafscan {
namespace {

// A thread takes so many queries of a batch at a time.
constexpr std::size_t kQueriesPerChunk = 16;

}  // namespace

void Searcher::SearchAmong(const MatrixView<float>& queries, const SearchOptions& options, std::span<std::int64_t> ids,
                           std::span<float> scores) const {
  const std::size_t k = options.k;
  const std::size_t count = snapshot_->row_end;
  if (options.lists->OnlyFewDenied(count) && (options.filter == nullptr || !options.filter->listed())) {
    if (Whole()) {
      std::vector<DeniedRows> denied(queries.rows);
      for (std::size_t query = 0; query < queries.rows; ++query) {
        denied[query].Read(options.lists->Denied(query), count, false);
      }
      SearchAll(queries, options, denied, ids, scores);
      return;
    }
    const std::size_t wanted =
        Wanted(options) + (snapshot_->lists_rows_once() ? 0 : options.lists->deny.lists->cols);
    const std::size_t at_once =
        options.filter != nullptr
            ? 0
            : BatchScan::QueriesAtOnce(*snapshot_, queries.rows, options.leaves, wanted, options.threads);
    if (at_once > 0) {
      SearchByLeaves(queries, at_once, options, ids, scores);
      return;
    }
  }
  const std::size_t chunks = (queries.rows + kQueriesPerChunk - 1) / kQueriesPerChunk;
  const std::size_t per_chunk =
      chunks >= static_cast<std::size_t>(options.threads) * 4 ? kQueriesPerChunk : std::size_t{1};
  ParallelFor(
      (queries.rows + per_chunk - 1) / per_chunk, options.threads,
      [&](std::size_t chunk) {
        thread_local Workspace space;
        const TracePart traced(options.trace, space.trace);
        const std::size_t end = std::min(queries.rows, (chunk + 1) * per_chunk);
        for (std::size_t query = chunk * per_chunk; query < end; ++query) {
          SearchOneAmong(queries, query, options, space, ids.data() + query * k, scores.data() + query * k);
        }
      },
      options.monitor);
}

void Searcher::SearchOneAmong(const MatrixView<float>& queries, std::size_t which, const SearchOptions& options,
                              Workspace& space, std::int64_t* ids, float* scores) const {
  const std::span<const float> query(queries.row(which), queries.cols);
  const DeniedRows& denied = space.selection.denied();
  StageClock clock(space.trace);
  const QuerySelection::Way way = space.selection.Select(*options.lists, which, options.filter, *snapshot_);
  clock.End(Stage::kFilter);
  switch (way) {
    case QuerySelection::Way::kDenied:
      if (Whole() && (options.filter == nullptr || !options.filter->listed())) {
        SearchAllForOne(query, options, options.filter, {&denied, 1}, ids, scores);
        return;
      }
      space.left_out = 0;
      SearchOne(query, options, space, ids, scores, &denied);
      SearchOnIfShort(query, options, denied, space, ids, scores);
      return;
    case QuerySelection::Way::kListed:
      SearchListed(query, space.selection.rows(), options, space, ids, scores);
      return;
    case QuerySelection::Way::kCompiled:
      SearchOneCompiled(query, options, space, ids, scores);
      return;
  }
}

void Searcher::SearchAllForOne(std::span<const float> query, const SearchOptions& options, const Filter* filter,
                               std::span<const DeniedRows> denied, std::int64_t* ids, float* scores) const {
  SearchOptions own = options;
  own.filter = filter;
  own.threads = 1;
  own.monitor = nullptr;
  SearchAll({query.data(), 1, query.size()}, own, denied, {ids, options.k}, {scores, options.k});
}

void Searcher::SearchOnIfShort(std::span<const float> query, const SearchOptions& options, const DeniedRows& denied,
                               Workspace& space, std::int64_t* ids, float* scores) const {
  const bool denied_some = space.left_out > 0;
  space.left_out = 0;
  // Without leaves everything was gone through.
  if (!denied_some || ids[options.k - 1] >= 0 || !snapshot_->has_tree()) return;
  if (space.trace != nullptr) ++space.trace->repeated;
  StageClock clock(space.trace);
  space.selection.AllowAllBut(denied, options.filter, snapshot_->row_end);
  clock.End(Stage::kFilter);
  SearchOneCompiled(query, options, space, ids, scores);
}

void Searcher::SearchOneCompiled(std::span<const float> query, const SearchOptions& options, Workspace& space,
                                 std::int64_t* ids, float* scores) const {
  StageClock clock(space.trace);
  const Filter filter(*snapshot_, space.selection.allowed());
  clock.End(Stage::kFilter);
  SearchOptions own = options;
  own.filter = &filter;
  if (Whole() && !filter.listed()) {
    SearchAllForOne(query, options, &filter, {}, ids, scores);
    return;
  }
  SearchOne(query, own, space, ids, scores);
}

}  // namespace leafscan
