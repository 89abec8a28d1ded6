#include "leafscan/search/searcher.h"

#include <algorithm>
#include <limits>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/prefetch.h"
#include "leafscan/core/score_key.h"
#include "leafscan/core/survivors.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/core/top_keys.h"
#include "leafscan/reorder/row_store.h"
#include "leafscan/search/query_table.h"
#include "leafscan/simd/group_scan.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

// A thread takes so many queries of a batch at a time.
constexpr std::size_t kQueriesPerChunk = 16;
// Scores of listed rows wait here for their turn in the best k.
constexpr std::size_t kScoresAtOnce = 1024;
constexpr std::uint64_t kWholeIndex[1] = {0xFFFFFFFFu};  // the key of leaf 0, where there is no tree

// Leaves lie anywhere in memory: while a group is scanned, one this far behind it in the order of the visits is on its
// way to the second-level cache. A line out of DRAM takes some 150 ns, in which the scan goes through 6 KB.
constexpr std::size_t kBytesAhead = 13 * 1024;
// And what says where a leaf's groups are, so many leaves before it is read.
constexpr std::size_t kLeavesAhead = 8;

// A query as centroids see it.
std::span<const float> Center(const Snapshot& snapshot, std::span<const float> query, AlignedVector<float>& to) {
  const std::span<const float> center = snapshot.arrays.center;
  if (center.empty()) return query;
  to.resize(query.size());
  for (std::size_t i = 0; i < query.size(); ++i) to[i] = query[i] - center[i];
  return to;
}

// A centered query as routing and codes see it.
std::span<const float> Project(const Snapshot& snapshot, std::span<const float> query, AlignedVector<float>& to) {
  if (!snapshot.has_projection()) return query;
  const MatrixView<float>& projection = snapshot.arrays.projection;
  to.resize(projection.rows);
  ScoreRowRange(Metric::kDotProduct, query.data(), projection, 0, projection.rows, to.data());
  return to;
}

// Lists the groups that the leaves have, with a filter those that it allows something of, and what follows the last: so
// many times that one again as the number returned, which is how far ahead to fetch. The first so many are fetched here.
std::size_t ListGroups(const Snapshot& snapshot, std::span<const std::uint64_t> leaves, const Filter* filter,
                       AlignedVector<GroupAddress>& groups) {
  const std::size_t bytes = snapshot.group_bytes();
  const std::size_t ahead = std::max<std::size_t>(1, kBytesAhead / bytes);
  const auto prefetch = [&](std::size_t visit) {
    if (visit < leaves.size()) Prefetch(&snapshot.leaves[KeyRow(leaves[visit])]);
  };
  const auto prefetch_segments = [&](std::size_t visit) {
    if (visit < leaves.size()) Prefetch(snapshot.leaves[KeyRow(leaves[visit])].segments.data());
  };
  for (std::size_t visit = 0; visit < 2 * kLeavesAhead; ++visit) prefetch(visit);
  for (std::size_t visit = 0; visit < kLeavesAhead; ++visit) prefetch_segments(visit);
  std::size_t most = 0;
  for (std::size_t visit = 0; visit < leaves.size(); ++visit) {
    prefetch(visit + 2 * kLeavesAhead);
    prefetch_segments(visit + kLeavesAhead);
    for (const Segment& segment : snapshot.leaves[KeyRow(leaves[visit])].segments) most += segment.groups;
  }
  if (groups.size() < most + ahead) groups.resize(most + ahead);
  GroupAddress* next = groups.data();
  for (const std::uint64_t key : leaves) {
    const std::size_t leaf = KeyRow(key);
    const std::uint32_t* words = filter == nullptr ? nullptr : filter->leaf_words(leaf);
    for (const Segment& segment : snapshot.leaves[leaf].segments) {
      const std::size_t term_step = segment.terms == nullptr ? 0 : kGroupPoints;
      for (std::size_t group = 0; group < segment.groups; ++group) {
        *next = {segment.codes + group * bytes, segment.terms + group * term_step};
        next += static_cast<std::size_t>(words == nullptr || *words++ != 0);
      }
    }
  }
  const std::size_t count = static_cast<std::size_t>(next - groups.data());
  for (std::size_t i = 0; i < std::min(ahead, count); ++i) {
    for (std::size_t at = 0; at < bytes; at += kCacheLine) PrefetchFar(groups[i].codes + at);
    if (groups[i].terms != nullptr) PrefetchFar(groups[i].terms);
  }
  std::fill_n(next, ahead, count == 0 ? GroupAddress{} : next[-1]);
  return ahead;
}

}  // namespace

// What a query needs room for; a thread keeps its own from query to query.
struct Searcher::Workspace {
  AlignedVector<float> centered;
  AlignedVector<float> projected;
  Router::Scratch route;
  QueryTable table;
  AlignedVector<GroupAddress> groups;  // in the order in which they are read
  Survivors survivors;
  TopKeys best;
  RowQuery row_query;
  AlignedVector<std::uint32_t> rows;
  AlignedVector<float> scores;
  AlignedVector<std::uint64_t> keys;
};

Searcher::Searcher(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)), exact_(snapshot_->arrays.rows, snapshot_->arrays.metric) {}

void Searcher::Search(const MatrixView<float>& queries, const SearchOptions& options, std::span<std::int64_t> ids,
                      std::span<float> scores) const {
  const std::size_t k = options.k;
  const bool listed = options.filter != nullptr && options.filter->listed();
  if (!snapshot_->has_tree() && !snapshot_->has_codes() && !listed) {
    const auto put = [&](std::size_t query, std::span<const std::uint64_t> keys) {
      Put(keys, k, ids.data() + query * k, scores.data() + query * k);
    };
    exact_.Search(queries, k, options.threads, options.monitor, put, options.filter);
    return;
  }
  const std::size_t chunks = (queries.rows + kQueriesPerChunk - 1) / kQueriesPerChunk;
  // Few queries are shared out one by one.
  const std::size_t per_chunk =
      chunks >= static_cast<std::size_t>(options.threads) * 4 ? kQueriesPerChunk : std::size_t{1};
  ParallelFor(
      (queries.rows + per_chunk - 1) / per_chunk, options.threads,
      [&](std::size_t chunk) {
        thread_local Workspace space;
        const std::size_t end = std::min(queries.rows, (chunk + 1) * per_chunk);
        for (std::size_t query = chunk * per_chunk; query < end; ++query) {
          SearchOne({queries.row(query), queries.cols}, options, space, ids.data() + query * k,
                    scores.data() + query * k);
        }
      },
      options.monitor);
}

void Searcher::Route(const MatrixView<float>& queries, std::size_t count, int threads,
                     std::span<std::int32_t> leaves) const {
  ParallelFor(queries.rows, threads, [&](std::size_t query) {
    thread_local Router::Scratch scratch;
    AlignedVector<float> centered;
    AlignedVector<float> projected;
    const std::span<const float> all = Center(*snapshot_, {queries.row(query), queries.cols}, centered);
    const std::span<const float> seen = Project(*snapshot_, all, projected);
    const auto keys = snapshot_->router.Route(seen, count, scratch);
    for (std::size_t i = 0; i < count; ++i) {
      leaves[query * count + i] = static_cast<std::int32_t>(KeyRow(keys[i]));
    }
  });
}

void Searcher::SearchOne(std::span<const float> query, const SearchOptions& options, Workspace& space,
                         std::int64_t* ids, float* scores) const {
  const Filter* filter = options.filter;
  const std::size_t asked = snapshot_->has_rows() ? std::max(options.candidates, options.k) : options.k;
  const std::size_t wanted = std::min(asked, snapshot_->arrays.count);  // there are no more, and room is made for each
  std::span<const std::uint64_t> leaves = kWholeIndex;
  const std::span<const float> centered = Center(*snapshot_, query, space.centered);
  const std::span<const float> seen = Project(*snapshot_, centered, space.projected);
  if (filter != nullptr) {
    const bool whole = !snapshot_->has_tree() && !snapshot_->has_codes();
    const std::size_t visits = filter->Visits(options.leaves, wanted);
    if (filter->allowed() == 0 || whole || filter->BetterListed(visits, wanted)) {
      Put(ScoreListed(snapshot_->arrays.rows, query, filter->rows(), options.k, space), options.k, ids, scores);
      return;
    }
    if (snapshot_->has_tree()) leaves = snapshot_->router.RouteAmong(filter->open_leaves(), seen, visits, space.route);
  } else if (snapshot_->has_tree()) {
    leaves = snapshot_->router.Route(seen, std::min(options.leaves, snapshot_->router.leaves()), space.route);
  }
  if (!snapshot_->has_codes()) {
    Put(filter == nullptr ? ScanRows(query, leaves, options.k, space)
                          : ScanAllowedRows(query, leaves, options.k, *filter, space),
        options.k, ids, scores);
    return;
  }
  const std::span<const std::uint64_t> survivors = ScanCodes(centered, seen, leaves, wanted, filter, space);
  if (snapshot_->has_rows()) {
    Put(Rerank(query, survivors, options, space), options.k, ids, scores);
    return;
  }
  space.keys.resize(survivors.size());
  for (std::size_t i = 0; i < survivors.size(); ++i) {
    space.keys[i] = ScoreKey(space.table.Score(SurvivorScore(survivors[i])), SurvivorRow(survivors[i]));
  }
  std::sort(space.keys.begin(), space.keys.end(), std::greater<>());
  Put(space.keys, options.k, ids, scores);
}

std::span<const std::uint64_t> Searcher::ScanCodes(std::span<const float> query, std::span<const float> seen,
                                                   std::span<const std::uint64_t> leaves, std::size_t wanted,
                                                   const Filter* filter,
                                                   Workspace& space) const {
  const IndexArrays& arrays = snapshot_->arrays;
  const std::size_t group_bytes = snapshot_->group_bytes();
  const std::size_t ahead = ListGroups(*snapshot_, leaves, filter, space.groups);
  space.table.Build(*snapshot_, seen);
  const auto center_score = [&](std::uint64_t key) {
    if (snapshot_->has_projection() && snapshot_->has_tree()) {  // routing does not see all of it
      return RowScore(arrays.metric, query.data(), arrays.centroids.row(KeyRow(key)), arrays.dim);
    }
    if (snapshot_->has_tree()) return snapshot_->router.CenterScore(key, space.route);
    if (arrays.metric == Metric::kDotProduct) return 0.0f;
    const AlignedVector<float> zero(arrays.dim, 0.0f);
    return RowScore(arrays.metric, query.data(), zero.data(), arrays.dim);
  };
  const ScanTable table = space.table.view();
  Survivors& survivors = space.survivors;
  survivors.Reset(wanted, snapshot_->has_spill());
  // The best leaf of all sets the origin, visited or not: a filter does not change a row's score.
  const bool routed_among = filter != nullptr && snapshot_->has_tree();
  if (routed_among) space.table.SetOrigin(center_score(space.route.top));
  const GroupAddress* next = space.groups.data() + ahead;
  for (std::size_t visit = 0; visit < leaves.size(); ++visit) {
    const std::size_t leaf = KeyRow(leaves[visit]);
    const float center = center_score(leaves[visit]);
    if (visit == 0 && !routed_among) space.table.SetOrigin(center);
    const std::uint32_t* words = filter == nullptr ? nullptr : filter->leaf_words(leaf);
    for (const Segment& segment : snapshot_->leaves[leaf].segments) {
      GroupRun run{segment.codes,     segment.terms,  segment.live,             segment.rows,
                   segment.first_row, segment.groups, space.table.Bias(center), false,
                   next};
      if (words != nullptr) {
        run.live = words;
        run.sparse = true;
        words += segment.groups;
      }
      while (run.groups > 0) {
        const std::int32_t threshold = SurvivorScore(survivors.least());
        const ScanProgress done = ScanGroups(run, table, threshold, survivors.room());
        survivors.Commit(done.kept);
        run.groups -= done.groups;
        next += done.read;
        if (run.groups == 0) break;
        survivors.Compact();
        run.codes += done.groups * group_bytes;
        if (run.terms != nullptr) run.terms += done.groups * kGroupPoints;
        if (run.rows != nullptr) run.rows += done.groups * kGroupPoints;
        run.live += done.groups;
        run.ahead = next;
        run.first_row += static_cast<std::uint32_t>(done.groups * kGroupPoints);
      }
    }
  }
  return survivors.Best();
}

std::span<const std::uint64_t> Searcher::ScanRows(std::span<const float> query, std::span<const std::uint64_t> leaves,
                                                  std::size_t k, Workspace& space) const {
  const IndexArrays& arrays = snapshot_->arrays;
  space.row_query.Prepare(arrays.rows, arrays.metric, query.data());
  space.best.Reset(k);
  for (const std::uint64_t key : leaves) {
    const Leaf& leaf = snapshot_->leaves[KeyRow(key)];
    space.scores.resize(leaf.count);
    arrays.rows.ScoreRange(space.row_query, leaf.first_row, leaf.count, space.scores.data());
    for (std::size_t i = 0; i < leaf.count; ++i) {
      space.best.Push(ScoreKey(space.scores[i], static_cast<std::uint32_t>(leaf.first_row + i)));
    }
  }
  return space.best.Sorted();
}

std::span<const std::uint64_t> Searcher::ScanAllowedRows(std::span<const float> query,
                                                         std::span<const std::uint64_t> leaves, std::size_t k,
                                                         const Filter& filter, Workspace& space) const {
  // One list for all leaves: where each holds a row or two, rows of the next ones are fetched ahead.
  space.rows.clear();
  for (const std::uint64_t key : leaves) {
    const Leaf& leaf = snapshot_->leaves[KeyRow(key)];
    filter.ForRows(leaf.first_row, leaf.first_row + leaf.count, [&](std::uint32_t row) { space.rows.push_back(row); });
  }
  return ScoreListed(snapshot_->arrays.rows, query, space.rows, k, space);
}

std::span<const std::uint64_t> Searcher::ScoreListed(const RowStore& store, std::span<const float> query,
                                                     std::span<const std::uint32_t> rows, std::size_t k,
                                                     Workspace& space) const {
  space.scores.resize(std::min(rows.size(), kScoresAtOnce));
  space.row_query.Prepare(store, snapshot_->arrays.metric, query.data());
  space.best.Reset(k);
  for (; !rows.empty(); rows = rows.subspan(std::min(rows.size(), kScoresAtOnce))) {
    const std::span<const std::uint32_t> some = rows.first(std::min(rows.size(), kScoresAtOnce));
    store.ScoreListed(space.row_query, some, space.scores.data());
    for (std::size_t i = 0; i < some.size(); ++i) space.best.Push(ScoreKey(space.scores[i], some[i]));
  }
  return space.best.Sorted();
}

std::span<const std::uint64_t> Searcher::Rerank(std::span<const float> query, std::span<const std::uint64_t> survivors,
                                                const SearchOptions& options, Workspace& space) const {
  const IndexArrays& arrays = snapshot_->arrays;
  space.rows.resize(survivors.size());
  for (std::size_t i = 0; i < survivors.size(); ++i) space.rows[i] = SurvivorRow(survivors[i]);
  const std::size_t refined = options.refined > 0 ? std::max(options.refined, options.k) : RefinedRows(options.k);
  if (!arrays.first_rows.empty() && refined < space.rows.size()) {
    const auto best = ScoreListed(arrays.first_rows, query, space.rows, refined, space);
    space.rows.resize(best.size());
    for (std::size_t i = 0; i < best.size(); ++i) space.rows[i] = KeyRow(best[i]);
  }
  return ScoreListed(arrays.rows, query, space.rows, options.k, space);
}

void Searcher::Put(std::span<const std::uint64_t> keys, std::size_t k, std::int64_t* ids, float* scores) const {
  const IndexArrays& arrays = snapshot_->arrays;
  const bool l2 = arrays.metric == Metric::kSquaredL2;
  const std::size_t found = std::min(k, keys.size());
  for (std::size_t i = 0; i < found; ++i) {
    const float score = KeyScore(keys[i]);
    ids[i] = arrays.ids[KeyRow(keys[i])];
    scores[i] = l2 ? std::max(0.0f, -score) : score;
  }
  const float worst = std::numeric_limits<float>::infinity();
  std::fill(ids + found, ids + k, std::int64_t{-1});
  std::fill(scores + found, scores + k, l2 ? worst : -worst);
}

}  // namespace leafscan
