// Scans the leaves that a query visits and keeps the best rows by their codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/survivors.h"
#include "leafscan/filter/filter.h"
#include "leafscan/search/denied_rows.h"
#include "leafscan/search/leaf_stop.h"
#include "leafscan/search/query_table.h"
#include "leafscan/search/search_trace.h"
#include "leafscan/simd/group_scan.h"
#include "leafscan/snapshot/snapshot.h"
#include "leafscan/tree/router.h"

namespace leafscan {

// Leaf 0, where there is no tree: what the router would give.
inline constexpr std::uint64_t kWholeIndex[1] = {0xFFFFFFFFu};

// A segment as the scan takes it, for a query of which the leaf's scores are `bias` off.
GroupRun RunOf(const Segment& segment, std::int32_t bias);

// Scans all of a run, and returns how many groups were read.
std::size_t ScanRun(GroupRun run, const ScanTable& table, std::size_t group_bytes, Survivors& survivors);

// The live points of a segment by `words`, a word a group, without the `denied` rows, ascending, in `room`. Returns how many
// were taken out.
// Cost: of a segment whose rows follow from places a nanosecond a denied row, of others some ten a point.
std::size_t WithoutDenied(const Segment& segment, const std::uint32_t* words, std::span<const std::uint32_t> denied,
                          AlignedVector<std::uint32_t>& room);

// Goes on behind the first `groups` groups of a run, all of them read.
void Skip(GroupRun& run, std::size_t groups, std::size_t group_bytes);

// The score of a leaf's centroid by itself: <q, c> or -|q - c|^2. `centered` is the query as centroids see it, `key` the
// leaf's by the router, `route` what it was routed with, as query `which` of a batch.
float CenterScore(const Snapshot& snapshot, std::span<const float> centered, std::uint64_t key,
                  const Router::Scratch& route, std::size_t which = 0);

// By how much that is above what routing sees of it: 0 where routing sees all.
double CenterShift(const Snapshot& snapshot, std::span<const float> centered, std::uint64_t key,
                   const Router::Scratch& route, std::size_t which = 0);

// The key of the k-th best row so far that is not denied, 0 where there are fewer; `denied` is null where the scan passes
// denied points over.
std::uint64_t KthKey(Survivors& survivors, std::size_t k, const DeniedRows* denied, AlignedVector<std::uint64_t>& room);

// The points of leaves that a scan goes through, in each listing of them; with a filter those that it allows.
std::size_t CountPoints(const Snapshot& snapshot, std::span<const std::uint64_t> leaves, const Filter* filter);

// One query at a time; a thread keeps its own.
class LeafScan {
 public:
  // The best `wanted` rows of the leaves, as survivor keys (simd/group_scan.h) in no order. `centered` and `seen` are
  // the query as centroids and as codes see it; `route` is what the leaves came out of. Denied points are passed over where
  // rows follow from places. With `stop`, of an index that has what it takes, the first of the leaves, best first, are
  // scanned, and then as many as are of use (search/leaf_stop.h); there are more than LeafStop::kFirst. Valid until the
  // next call.
  std::span<const std::uint64_t> Scan(const Snapshot& snapshot, std::span<const float> centered,
                                      std::span<const float> seen, std::span<const std::uint64_t> leaves,
                                      const Router::Scratch& route, std::size_t wanted, const Filter* filter,
                                      const DeniedRows* denied = nullptr, SearchTrace* trace = nullptr,
                                      const StopOptions* stop = nullptr);

  // What turns the survivors' scores into real ones.
  const QueryTable& table() const { return table_; }
  // How many denied points the latest scan passed over.
  std::size_t passed() const { return passed_; }

 private:
  struct Visits;

  std::size_t ListGroups(const Snapshot& snapshot, std::span<const std::uint64_t> leaves, std::size_t count,
                         const Filter* filter);
  // Scans leaves that were listed, `ahead` being what ListGroups returned.
  void ScanListed(const Visits& visits, std::span<const std::uint64_t> leaves, std::size_t ahead);

  QueryTable table_;
  AlignedVector<GroupAddress> groups_;  // in the order in which they are read
  Survivors survivors_;
  AlignedVector<std::uint32_t> undenied_;
  AlignedVector<std::uint64_t> keys_;  // a stop alone
  std::size_t passed_ = 0;
};

}  // namespace leafscan
