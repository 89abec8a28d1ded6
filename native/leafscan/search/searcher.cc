#include "leafscan/search/searcher.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

#include "leafscan/core/score_key.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/search/batch_scan.h"
#include "leafscan/search/leaf_scan.h"
#include "leafscan/search/query_table.h"
#include "leafscan/search/query_view.h"
#include "leafscan/search/workspace.h"

namespace leafscan {
namespace {

// A thread takes so many queries of a batch at a time.
constexpr std::size_t kQueriesPerChunk = 16;
// Scores of listed rows wait here for their turn in the best k.
constexpr std::size_t kScoresAtOnce = 1024;
// Of so many queries of an exact search the best fresh rows are kept until the base's are found, too.
constexpr std::size_t kQueriesWithFresh = 4096;

}  // namespace

// What is there, for exact search; made when it is first asked for.
struct Searcher::Live {
  std::once_flag once;
  std::optional<Filter> filter;
};

Searcher::Searcher(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)),
      exact_(std::make_shared<const ExactSearch>(snapshot_->arrays.rows, snapshot_->arrays.metric)),
      live_(std::make_shared<Live>()) {}

Searcher::Searcher(std::shared_ptr<const Snapshot> snapshot, const Searcher& earlier)
    : snapshot_(std::move(snapshot)), exact_(earlier.exact_), live_(std::make_shared<Live>()) {}

void Searcher::Search(const MatrixView<float>& queries, const SearchOptions& options, std::span<std::int64_t> ids,
                      std::span<float> scores) const {
  if (options.lists != nullptr) {
    SearchAmong(queries, options, ids, scores);
    return;
  }
  const std::size_t k = options.k;
  const bool listed = options.filter != nullptr && options.filter->listed();
  if (options.exact || (Whole() && !listed)) {
    SearchAll(queries, options, {}, ids, scores);
    return;
  }
  if (options.filter == nullptr) {
    const std::size_t at_once =
        BatchScan::QueriesAtOnce(*snapshot_, queries.rows, options.leaves, Wanted(options), options.threads);
    if (at_once > 0) {
      SearchByLeaves(queries, at_once, options, ids, scores);
      return;
    }
  }
  const std::size_t chunks = (queries.rows + kQueriesPerChunk - 1) / kQueriesPerChunk;
  // Few queries are shared out one by one.
  const std::size_t per_chunk =
      chunks >= static_cast<std::size_t>(options.threads) * 4 ? kQueriesPerChunk : std::size_t{1};
  ParallelFor(
      (queries.rows + per_chunk - 1) / per_chunk, options.threads,
      [&](std::size_t chunk) {
        thread_local Workspace space;
        const TracePart traced(options.trace, space.trace);
        const std::size_t end = std::min(queries.rows, (chunk + 1) * per_chunk);
        for (std::size_t query = chunk * per_chunk; query < end; ++query) {
          SearchOne({queries.row(query), queries.cols}, options, space, ids.data() + query * k,
                    scores.data() + query * k);
        }
      },
      options.monitor);
}

void Searcher::SearchAll(const MatrixView<float>& queries, const SearchOptions& options, std::span<const DeniedRows> denied,
                         std::span<std::int64_t> ids, std::span<float> scores) const {
  const std::size_t k = options.k;
  const Filter* filter = options.filter;
  if (filter == nullptr && snapshot_->updated) {
    std::call_once(live_->once, [&] {
      live_->filter.emplace(*snapshot_, std::vector<std::uint8_t>(snapshot_->row_end, 1));
    });
    filter = &*live_->filter;
  }
  SearchTrace* traced = nullptr;
  const TracePart part(options.trace, traced);
  std::vector<TopKeys> best(std::min(queries.rows, kQueriesWithFresh));
  for (std::size_t first = 0; first < queries.rows; first += kQueriesWithFresh) {
    const MatrixView<float> some{queries.row(first), std::min(kQueriesWithFresh, queries.rows - first), queries.cols};
    const std::span<const DeniedRows> not_for_them = denied.empty() ? denied : denied.subspan(first, some.rows);
    ParallelFor(some.rows, options.threads, [&](std::size_t query) {
      best[query].Reset(std::min(k, snapshot_->row_end));
      if (snapshot_->rows.chunks().empty()) return;
      SearchTrace* own = nullptr;
      const TracePart fresh(options.trace, own);
      StageClock clock(own);
      ScoreFresh(some.row(query), *filter, denied.empty() ? nullptr : &not_for_them[query], best[query]);
      clock.End(Stage::kRows);
    });
    const auto put = [&](std::size_t query, std::span<const std::uint64_t> keys) {
      StageClock clock(traced);
      for (const std::uint64_t key : keys) best[query].Push(key);
      Put(best[query].Sorted(), options, ids.data() + (first + query) * k, scores.data() + (first + query) * k);
      clock.End(Stage::kMerge);
    };
    exact_->Search(some, k, options.threads, options.monitor, put, filter, not_for_them, options.trace);
  }
  if (traced != nullptr) traced->rows += queries.rows * (filter == nullptr ? snapshot_->count : filter->allowed());
}

void Searcher::ScoreFresh(const float* query, const Filter& filter, const DeniedRows* denied, TopKeys& best) const {
  thread_local AlignedVector<float> scores;
  TableQuery prepared;
  prepared.Prepare(snapshot_->rows, snapshot_->arrays.metric, query);
  std::size_t first = snapshot_->arrays.count;
  for (const RowStore& chunk : snapshot_->rows.chunks()) {
    const std::size_t count = std::min(snapshot_->fresh.chunk_rows, snapshot_->row_end - first);
    const RowQuery& own = prepared.For(chunk);
    // Runs of this version's rows: what lies between them may be written at this moment.
    std::size_t begin = first;
    std::size_t end = first;
    const auto score = [&] {
      scores.resize(end - begin);
      chunk.ScoreRange(own, begin - first, end - begin, scores.data());
      for (std::size_t row = begin; row < end; ++row) {
        const auto number = static_cast<std::uint32_t>(row);
        if (denied == nullptr || !denied->Contains(number)) best.Push(ScoreKey(scores[row - begin], number));
      }
    };
    filter.ForRows(first, first + count, [&](std::uint32_t row) {
      if (row != end) {
        score();
        begin = row;
      }
      end = row + std::size_t{1};
    });
    score();
    first += count;
  }
}

void Searcher::SearchByLeaves(const MatrixView<float>& queries, std::size_t at_once, const SearchOptions& options,
                              std::span<std::int64_t> ids, std::span<float> scores) const {
  const std::size_t k = options.k;
  ParallelFor(
      (queries.rows + at_once - 1) / at_once, options.threads,
      [&](std::size_t chunk) {
        thread_local BatchScan scan;
        thread_local Workspace space;
        const std::size_t first = chunk * at_once;
        const MatrixView<float> some{queries.row(first), std::min(at_once, queries.rows - first), queries.cols};
        const TracePart traced(options.trace, space.trace);
        StageClock clock(space.trace);
        const std::span<const DeniedRows> left_out = space.ReadDenied(options.lists, first, some.rows, *snapshot_);
        clock.End(Stage::kFilter);
        const std::size_t leaves = std::min(options.leaves, snapshot_->router.leaves());
        const StopOptions stop{options.stop.value_or(0.0f), k};
        scan.Scan(*snapshot_, some, leaves, options.upper_leaves, Wanted(options), left_out, space.trace,
                  Stops(options, leaves) ? &stop : nullptr);
        for (std::size_t i = 0; i < some.rows; ++i) {
          clock.Restart();
          const std::span<const std::uint64_t> survivors = scan.Best(i);
          clock.End(Stage::kSelect);
          if (space.trace != nullptr) space.trace->survivors += survivors.size();
          std::int64_t* const its_ids = ids.data() + (first + i) * k;
          float* const its_scores = scores.data() + (first + i) * k;
          const DeniedRows* denied = left_out.empty() ? nullptr : &left_out[i];
          Finish({some.row(i), some.cols}, survivors, scan.table(i), options, space, its_ids, its_scores, denied);
          if (denied != nullptr) {
            space.left_out += scan.passed(i);
            SearchOnIfShort({some.row(i), some.cols}, options, *denied, space, its_ids, its_scores);
          }
        }
      },
      options.monitor);
}

void Searcher::Route(const MatrixView<float>& queries, std::size_t count, std::size_t upper_leaves, int threads,
                     std::span<std::int32_t> leaves) const {
  ParallelFor(queries.rows, threads, [&](std::size_t query) {
    thread_local Router::Scratch scratch;
    AlignedVector<float> centered;
    AlignedVector<float> projected;
    const std::span<const float> all = Center(*snapshot_, {queries.row(query), queries.cols}, centered);
    const std::span<const float> seen = Project(*snapshot_, all, projected);
    const auto keys = snapshot_->router.Route(seen, count, scratch, upper_leaves);
    for (std::size_t i = 0; i < count; ++i) {
      leaves[query * count + i] = static_cast<std::int32_t>(KeyRow(keys[i]));
    }
  });
}

bool Searcher::Stops(const SearchOptions& options, std::size_t leaves) const {
  // No stop before k rows are found, and of fewer survivors than that they would not be.
  return options.stop.has_value() && !snapshot_->arrays.stop_scales.empty() && leaves > LeafStop::kFirst &&
         options.k <= Wanted(options);
}

std::size_t Searcher::Wanted(const SearchOptions& options) const {
  const std::size_t asked = snapshot_->has_rows() ? std::max(options.candidates, options.k) : options.k;
  return std::min(asked, snapshot_->row_end);  // there are no more, and room is made for each
}

void Searcher::SearchOne(std::span<const float> query, const SearchOptions& options, Workspace& space,
                         std::int64_t* ids, float* scores, const DeniedRows* denied) const {
  const Filter* filter = options.filter;
  const std::size_t wanted = Wanted(options);
  StageClock clock(space.trace);
  std::span<const std::uint64_t> leaves = kWholeIndex;
  const std::span<const float> centered = Center(*snapshot_, query, space.centered);
  const std::span<const float> seen = Project(*snapshot_, centered, space.projected);
  if (filter != nullptr) {
    const std::size_t visits = filter->Visits(options.leaves, wanted);
    if (filter->allowed() == 0 || Whole() || filter->BetterListed(visits, wanted)) {
      SearchListed(query, filter->rows(), options, space, ids, scores, denied);
      return;
    }
    if (snapshot_->has_tree()) {
      const std::size_t in_order = Stops(options, visits) ? visits : Router::kInOrder;
      leaves = snapshot_->router.RouteAmong(filter->open_leaves(), seen, visits, space.route, in_order);
    }
  } else if (snapshot_->has_tree()) {
    leaves = snapshot_->router.Route(seen, std::min(options.leaves, snapshot_->router.leaves()), space.route,
                                      options.upper_leaves);
  }
  clock.End(Stage::kRoute);
  if (!snapshot_->has_codes()) {
    const std::span<const std::uint64_t> best = filter == nullptr
                                                    ? ScanRows(query, leaves, options.k, space, denied)
                                                    : ScanAllowedRows(query, leaves, options.k, *filter, space, denied);
    clock.End(Stage::kRows);
    if (space.trace != nullptr) {
      space.trace->leaves += leaves.size();
      space.trace->rows += CountPoints(*snapshot_, leaves, filter);
    }
    clock.Restart();
    Put(best, options, ids, scores);
    clock.End(Stage::kMerge);
    return;
  }
  const StopOptions stop{options.stop.value_or(0.0f), options.k};
  const std::span<const std::uint64_t> survivors =
      space.scan.Scan(*snapshot_, centered, seen, leaves, space.route,
                      wanted + (denied == nullptr || snapshot_->lists_rows_once() ? 0 : denied->size()), filter, denied,
                      space.trace, Stops(options, leaves.size()) ? &stop : nullptr);
  space.left_out += space.scan.passed();
  Finish(query, survivors, space.scan.table(), options, space, ids, scores, denied);
}

void Searcher::Finish(std::span<const float> query, std::span<const std::uint64_t> survivors, const QueryTable& table,
                      const SearchOptions& options, Workspace& space, std::int64_t* ids, float* scores,
                      const DeniedRows* denied) const {
  StageClock clock(space.trace);
  if (denied != nullptr && !snapshot_->lists_rows_once()) survivors = space.Undenied(survivors, *denied, Wanted(options));
  clock.End(Stage::kSelect);
  if (snapshot_->has_rows()) {
    const std::span<const std::uint64_t> best = Rerank(query, survivors, options, space);
    clock.Restart();
    Put(best, options, ids, scores);
    clock.End(Stage::kMerge);
    return;
  }
  space.keys.resize(survivors.size());
  for (std::size_t i = 0; i < survivors.size(); ++i) {
    space.keys[i] = ScoreKey(table.Score(SurvivorScore(survivors[i])), SurvivorRow(survivors[i]));
  }
  std::sort(space.keys.begin(), space.keys.end(), std::greater<>());
  Put(space.keys, options, ids, scores);
  clock.End(Stage::kMerge);
}

void Searcher::SearchListed(std::span<const float> query, std::span<const std::uint32_t> rows,
                            const SearchOptions& options, Workspace& space, std::int64_t* ids, float* scores,
                            const DeniedRows* denied) const {
  StageClock clock(space.trace);
  const std::span<const std::uint64_t> best = ScoreListed(snapshot_->rows, query, rows, options.k, space, denied);
  clock.End(Stage::kRows);
  if (space.trace != nullptr) {
    space.trace->rows += rows.size();
    ++space.trace->listed;
  }
  Put(best, options, ids, scores);
  clock.End(Stage::kMerge);
}

std::span<const std::uint64_t> Searcher::ScanRows(std::span<const float> query, std::span<const std::uint64_t> leaves,
                                                  std::size_t k, Workspace& space, const DeniedRows* denied) const {
  const RowStore& base = snapshot_->rows.base();
  space.table_query.Prepare(snapshot_->rows, snapshot_->arrays.metric, query.data());
  space.best.Reset(k);
  space.rows.clear();
  for (const std::uint64_t key : leaves) {
    for (const Segment& segment : snapshot_->leaves[KeyRow(key)].segments) {
      if (segment.rows != nullptr) {
        ForPoints(segment, segment.live, [&](std::uint32_t row) { space.rows.push_back(row); });
        continue;
      }
      const std::size_t count = std::min(segment.groups * kGroupPoints, base.rows() - segment.first_row);
      space.scores.resize(count);
      base.ScoreRange(space.table_query.base(), segment.first_row, count, space.scores.data());
      ForPoints(segment, segment.live, [&](std::uint32_t row) {
        space.Push(ScoreKey(space.scores[row - segment.first_row], row), denied);
      });
    }
  }
  snapshot_->rows.Arrange(space.rows);
  if (!space.rows.empty()) PushListed(snapshot_->rows, space.rows, space, denied);
  return space.best.Sorted();
}

std::span<const std::uint64_t> Searcher::ScanAllowedRows(std::span<const float> query,
                                                         std::span<const std::uint64_t> leaves, std::size_t k,
                                                         const Filter& filter, Workspace& space,
                                                         const DeniedRows* denied) const {
  // One list for all leaves: where each holds a row or two, rows of the next ones are fetched ahead.
  space.rows.clear();
  for (const std::uint64_t key : leaves) {
    const std::uint32_t* words = filter.leaf_words(KeyRow(key));
    for (const Segment& segment : snapshot_->leaves[KeyRow(key)].segments) {
      ForPoints(segment, words, [&](std::uint32_t row) { space.rows.push_back(row); });
      words += segment.groups;
    }
  }
  return ScoreListed(snapshot_->rows, query, space.rows, k, space, denied);
}

std::span<const std::uint64_t> Searcher::ScoreListed(const RowTable& table, std::span<const float> query,
                                                     std::span<const std::uint32_t> rows, std::size_t k,
                                                     Workspace& space, const DeniedRows* denied) const {
  space.table_query.Prepare(table, snapshot_->arrays.metric, query.data());
  space.best.Reset(k);
  PushListed(table, rows, space, denied);
  return space.best.Sorted();
}

void Searcher::PushListed(const RowTable& table, std::span<const std::uint32_t> rows, Workspace& space,
                          const DeniedRows* denied) const {
  space.scores.resize(std::min(rows.size(), kScoresAtOnce));
  for (; !rows.empty(); rows = rows.subspan(std::min(rows.size(), kScoresAtOnce))) {
    const std::span<const std::uint32_t> some = rows.first(std::min(rows.size(), kScoresAtOnce));
    table.ScoreListed(space.table_query, some, space.scores.data());
    for (std::size_t i = 0; i < some.size(); ++i) space.Push(ScoreKey(space.scores[i], some[i]), denied);
  }
}

std::span<const std::uint64_t> Searcher::Rerank(std::span<const float> query, std::span<const std::uint64_t> survivors,
                                                const SearchOptions& options, Workspace& space) const {
  StageClock clock(space.trace);
  space.rows.resize(survivors.size());
  for (std::size_t i = 0; i < survivors.size(); ++i) space.rows[i] = SurvivorRow(survivors[i]);
  snapshot_->rows.Arrange(space.rows);
  const std::size_t refined = options.refined > 0 ? std::max(options.refined, options.k) : RefinedRows(options.k);
  if (!snapshot_->first_rows.empty() && refined < space.rows.size()) {
    if (space.trace != nullptr) space.trace->first_rows += space.rows.size();
    const auto best = ScoreListed(snapshot_->first_rows, query, space.rows, refined, space);
    space.rows.resize(best.size());
    for (std::size_t i = 0; i < best.size(); ++i) space.rows[i] = KeyRow(best[i]);
    clock.End(Stage::kFirstRows);
  }
  if (space.trace != nullptr) space.trace->rows += space.rows.size();
  const std::span<const std::uint64_t> best = ScoreListed(snapshot_->rows, query, space.rows, options.k, space);
  clock.End(Stage::kRows);
  return best;
}

void Searcher::Put(std::span<const std::uint64_t> keys, const SearchOptions& options, std::int64_t* ids,
                   float* scores) const {
  const std::size_t k = options.k;
  const bool l2 = snapshot_->arrays.metric == Metric::kSquaredL2;
  const std::size_t found = std::min(k, keys.size());
  for (std::size_t i = 0; i < found; ++i) {
    const float score = KeyScore(keys[i]);
    ids[i] = options.rows ? KeyRow(keys[i]) : snapshot_->id(KeyRow(keys[i]));
    scores[i] = l2 ? std::max(0.0f, -score) : score;
  }
  const float worst = std::numeric_limits<float>::infinity();
  std::fill(ids + found, ids + k, std::int64_t{-1});
  std::fill(scores + found, scores + k, l2 ? worst : -worst);
}

}  // namespace leafscan
