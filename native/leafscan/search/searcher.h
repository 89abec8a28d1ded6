// Searches one snapshot: route, scan, rerank.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "leafscan/core/matrix_view.h"
#include "leafscan/core/monitor.h"
#include "leafscan/core/top_keys.h"
#include "leafscan/filter/filter.h"
#include "leafscan/search/exact.h"
#include "leafscan/search/query_lists.h"
#include "leafscan/search/query_table.h"
#include "leafscan/search/search_trace.h"
#include "leafscan/snapshot/snapshot.h"

namespace leafscan {

struct SearchOptions {
  std::size_t k = 10;
  std::size_t leaves = 1;       // visited by each query; clamped to the leaves there are
  std::size_t upper_leaves = 0;  // whose leaves a query looks at; 0 for all, as without an upper tree
  std::size_t candidates = 100;  // rows reranked; raised to k
  // Where given, `leaves` is the most that a query visits, and how many of them it reads follows from this bound
  // (search/leaf_stop.h); of no effect without a tree, codes and stop_scales.
  std::optional<float> stop;
  // Of these, rows that the full rows score where first rows chose them; raised to k. 0: RefinedRows(k).
  std::size_t refined = 0;
  bool rows = false;               // write the numbers of rows in place of ids
  const Filter* filter = nullptr;  // of this snapshot; null allows every row
  const QueryLists* lists = nullptr;  // a row of them for each query; null for none
  bool exact = false;  // score every row, whatever the plan; needs rows, and goes with neither filter nor lists
  int threads = 1;
  Monitor* monitor = nullptr;
  SharedTrace* trace = nullptr;  // where the time went is added to it; null for nothing
};

// First rows put the best few in a wrong order now and then: so many of theirs hold nearly always the full rows' best k.
constexpr std::size_t RefinedRows(std::size_t k) { return std::max(2 * k, k + 10); }

class Searcher {
 public:
  explicit Searcher(std::shared_ptr<const Snapshot> snapshot);
  // Of another version of the same base; what exact search has made of the base is shared.
  Searcher(std::shared_ptr<const Snapshot> snapshot, const Searcher& earlier);

  const Snapshot& snapshot() const { return *snapshot_; }
  const std::shared_ptr<const Snapshot>& shared_snapshot() const { return snapshot_; }

  // Writes queries.rows * k ids and scores, best first; -1 and the worst score where there are no more. Queries are
  // finite, and normalised where the metric wants it. The answer to a query does not depend on the batch it is in, on
  // the threads, or on the instruction set.
  //
  // With a filter nothing but allowed rows is returned. Leaves without any are not visited and groups without any are
  // not scanned, more leaves are visited where they hold few (Filter::Visits), and where it costs less all that is
  // allowed is scored exactly (Filter::BetterListed). With lists each query has its own rows (search/query_lists.h).
  void Search(const MatrixView<float>& queries, const SearchOptions& options, std::span<std::int64_t> ids,
              std::span<float> scores) const;

  // The leaves that each query visits, best first: queries.rows * count. Needs a tree.
  void Route(const MatrixView<float>& queries, std::size_t count, std::size_t upper_leaves, int threads,
             std::span<std::int32_t> leaves) const;

 private:
  struct Workspace;
  struct Live;

  // Exact search of all rows there are; `denied` is empty, or has a set for each query.
  void SearchAll(const MatrixView<float>& queries, const SearchOptions& options, std::span<const DeniedRows> denied,
                 std::span<std::int64_t> ids, std::span<float> scores) const;
  void SearchAllForOne(std::span<const float> query, const SearchOptions& options, const Filter* filter,
                       std::span<const DeniedRows> denied, std::int64_t* ids, float* scores) const;
  void ScoreFresh(const float* query, const Filter& filter, const DeniedRows* denied, TopKeys& best) const;
  // Denied rows are dropped before any is reranked.
  void SearchOne(std::span<const float> query, const SearchOptions& options, Workspace& space, std::int64_t* ids,
                 float* scores, const DeniedRows* denied = nullptr) const;
  // Queries that have lists, all of them and one of them (search/search_among.cc).
  void SearchAmong(const MatrixView<float>& queries, const SearchOptions& options, std::span<std::int64_t> ids,
                   std::span<float> scores) const;
  void SearchOneAmong(const MatrixView<float>& queries, std::size_t which, const SearchOptions& options,
                      Workspace& space, std::int64_t* ids, float* scores) const;
  // Where denied rows left fewer than k of what the scan went through: searches again, where others are.
  void SearchOnIfShort(std::span<const float> query, const SearchOptions& options, const DeniedRows& denied,
                       Workspace& space, std::int64_t* ids, float* scores) const;
  void SearchOneCompiled(std::span<const float> query, const SearchOptions& options, Workspace& space,
                         std::int64_t* ids, float* scores) const;
  bool Whole() const { return !snapshot_->has_tree() && !snapshot_->has_codes(); }
  // Many queries, `at_once` to a thread, leaf by leaf (search/batch_scan.h); the answers are the same.
  void SearchByLeaves(const MatrixView<float>& queries, std::size_t at_once, const SearchOptions& options,
                      std::span<std::int64_t> ids, std::span<float> scores) const;
  // Whether a query that may visit `leaves` of them reads only as many as are of use.
  bool Stops(const SearchOptions& options, std::size_t leaves) const;
  // How many survivors of a scan.
  std::size_t Wanted(const SearchOptions& options) const;
  void Finish(std::span<const float> query, std::span<const std::uint64_t> survivors, const QueryTable& table,
              const SearchOptions& options, Workspace& space, std::int64_t* ids, float* scores,
              const DeniedRows* denied = nullptr) const;
  // Scores all of some rows in place of a scan.
  void SearchListed(std::span<const float> query, std::span<const std::uint32_t> rows, const SearchOptions& options,
                    Workspace& space, std::int64_t* ids, float* scores, const DeniedRows* denied = nullptr) const;
  std::span<const std::uint64_t> ScanRows(std::span<const float> query, std::span<const std::uint64_t> leaves,
                                          std::size_t k, Workspace& space, const DeniedRows* denied) const;
  std::span<const std::uint64_t> ScanAllowedRows(std::span<const float> query, std::span<const std::uint64_t> leaves,
                                                 std::size_t k, const Filter& filter, Workspace& space,
                                                 const DeniedRows* denied) const;
  std::span<const std::uint64_t> ScoreListed(const RowTable& table, std::span<const float> query,
                                             std::span<const std::uint32_t> rows, std::size_t k, Workspace& space,
                                             const DeniedRows* denied = nullptr) const;
  // Scores rows for the query that was prepared, into the best there are.
  void PushListed(const RowTable& table, std::span<const std::uint32_t> rows, Workspace& space,
                  const DeniedRows* denied) const;
  std::span<const std::uint64_t> Rerank(std::span<const float> query, std::span<const std::uint64_t> survivors,
                                        const SearchOptions& options, Workspace& space) const;
  void Put(std::span<const std::uint64_t> keys, const SearchOptions& options, std::int64_t* ids, float* scores) const;

  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const ExactSearch> exact_;  // of the base's rows
  std::shared_ptr<Live> live_;
};

}  // namespace leafscan
