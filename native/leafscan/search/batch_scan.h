// Scans leaf by leaf for many queries at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/survivors.h"
#include "leafscan/search/denied_rows.h"
#include "leafscan/search/leaf_stop.h"
#include "leafscan/search/query_table.h"
#include "leafscan/search/search_trace.h"
#include "leafscan/snapshot/snapshot.h"
#include "leafscan/tree/router.h"

namespace leafscan {

// Visits are sorted by leaf, so that a leaf's codes come out of memory once for all that visit it, and two queries share a
// pass. First every query's best leaf, then its best eighth, which bring thresholds near to where they end, then the others.
// What survives does not depend on the order of the visits, so that the answers are those of LeafScan.
//
// Cost: that of the scan in cache (simd/group_scan.h), and some 20 ns a visit to sort it and to fetch the query's table and
// threshold, which for kMost queries fit the second-level cache.
class BatchScan {
 public:
  static constexpr std::size_t kMost = 256;

  // How many queries to give to a thread at a time, each with `leaves` to visit and room for `wanted` survivors; 0 where those
  // of a thread are so few that they would meet in a leaf too seldom for it to pay.
  static std::size_t QueriesAtOnce(const Snapshot& snapshot, std::size_t queries, std::size_t leaves,
                                   std::size_t wanted, int threads);

  // Needs a tree and codes. `leaves` are visited by each query, of those in its best `upper_leaves` (0: of all); `wanted` rows
  // survive. `denied`, where not empty, has rows for each query: they are passed over where rows are listed once, and
  // elsewhere as many more rows survive. With `stop` a query reads as many of its leaves as are of use, the first
  // LeafStop::kFirst in any case, and there are more than these.
  void Scan(const Snapshot& snapshot, const MatrixView<float>& queries, std::size_t leaves, std::size_t upper_leaves,
            std::size_t wanted, std::span<const DeniedRows> denied = {}, SearchTrace* trace = nullptr,
            const StopOptions* stop = nullptr);

  // What survived for query i, as survivor keys (simd/group_scan.h) in no order; valid until the next scan.
  std::span<const std::uint64_t> Best(std::size_t i) { return queries_[i].survivors.Best(); }
  const QueryTable& table(std::size_t i) const { return queries_[i].table; }
  // How many denied points of query i were passed over.
  std::size_t passed(std::size_t i) const { return queries_[i].passed; }

 private:
  struct Query {
    QueryTable table;
    Survivors survivors;
    std::size_t passed = 0;
    bool fresh_denied = false;  // whether some of what came since is
    std::size_t reads = 0;      // how many of its leaves
    LeafStop stop;              // with a stop alone
  };
  struct Visit {
    std::uint32_t query = 0;
    std::int32_t bias = 0;
    std::uint32_t leaf = 0;
    std::uint32_t denied = 0;  // how many of the leaf's rows are, and the place of the first in the query's list
    std::uint32_t first_denied = 0;
  };

  void Route(const Snapshot& snapshot, const MatrixView<float>& queries, std::size_t leaves, std::size_t upper_leaves,
             std::size_t wanted, SearchTrace* trace, const StopOptions* stop);
  // How many leaves each query reads, the first ones being scanned.
  void Stop(const Snapshot& snapshot, std::size_t queries, std::size_t leaves, std::size_t k);
  // Visits begin ... end of each query, as far as it reads them, leaf by leaf.
  void ScanWave(const Snapshot& snapshot, std::size_t queries, std::size_t leaves, std::size_t begin, std::size_t end);
  void ScanLeaf(const Leaf& leaf, std::span<const Visit> visits, std::size_t group_bytes);

  // One visit by itself, or two in one pass.
  // The rows that a visit may not have of a segment.
  std::span<const std::uint32_t> Denied(const Segment& segment, const Visit& visit) const;
  void ScanAlone(const Segment& segment, const Visit& visit, std::size_t group_bytes);
  void ScanTogether(const Segment& segment, const Visit& one, const Visit& other, std::size_t group_bytes);

  std::vector<Query> queries_;
  std::span<const DeniedRows> denied_;
  AlignedVector<std::uint32_t> undenied_;
  AlignedVector<float> centered_;
  AlignedVector<float> projected_;
  AlignedVector<float> seen_;
  Router::Scratch route_;
  AlignedVector<std::uint64_t> keys_;
  AlignedVector<std::uint64_t> all_keys_;  // of all queries, and room for some; with a stop alone
  AlignedVector<std::uint64_t> room_;
  std::vector<Visit> visits_;          // as they were routed
  std::vector<std::uint32_t> ends_;    // by leaf, where its visits end
  std::vector<Visit> by_leaf_;
};

}  // namespace leafscan
