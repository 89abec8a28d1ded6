#include "leafscan/search/batch_scan.h"

#include <algorithm>

#include "leafscan/core/prefetch.h"
#include "leafscan/core/score_key.h"
#include "leafscan/search/leaf_scan.h"
#include "leafscan/search/query_view.h"
#include "leafscan/simd/group_scan.h"

namespace leafscan {
namespace {

constexpr std::size_t kLeast = 32;
// Of all queries of a thread: they take 16 bytes each.
constexpr std::size_t kMostSurvivors = std::size_t{1} << 20;
constexpr std::size_t kFirstShare = 8;

// Always inlined: see core/prefetch.h.
HWY_INLINE void FetchCodes(const Leaf& leaf, std::size_t group_bytes) {
  for (const Segment& segment : leaf.segments) {
    const std::size_t bytes = segment.groups * group_bytes;
    for (std::size_t at = 0; at < bytes; at += kCacheLine) PrefetchFar(segment.codes + at);
  }
}

}  // namespace

std::size_t BatchScan::QueriesAtOnce(const Snapshot& snapshot, std::size_t queries, std::size_t leaves,
                                     std::size_t wanted, int threads) {
  if (!snapshot.has_tree() || !snapshot.has_codes()) return 0;
  const std::size_t fit = std::min(kMost, kMostSurvivors / std::max<std::size_t>(wanted, 1));
  // Every thread has some, or a batch of few would be left to one of many threads; and several, where that leaves enough.
  const std::size_t shares = static_cast<std::size_t>(std::max(threads, 1));
  const std::size_t share = (queries + shares - 1) / shares;
  const std::size_t at_once = std::min(share >= 2 * kLeast ? (share + 1) / 2 : share, fit);
  return at_once >= kLeast && at_once * leaves >= snapshot.leaves.size() ? at_once : 0;
}

void BatchScan::Scan(const Snapshot& snapshot, const MatrixView<float>& queries, std::size_t leaves,
                     std::size_t upper_leaves, std::size_t wanted, std::span<const DeniedRows> denied,
                     SearchTrace* trace, const StopOptions* stop) {
  denied_ = denied;
  Route(snapshot, queries, leaves, upper_leaves, wanted, trace, stop);
  StageClock clock(trace);
  // Each wave leaves thresholds nearer to where they end for the larger one that follows.
  const std::size_t first = stop == nullptr ? 1 : LeafStop::kFirst;
  const std::size_t ends[] = {1, first, std::max(first, leaves / kFirstShare), leaves};
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    if (begin < end) ScanWave(snapshot, queries.rows, leaves, begin, end);
    begin = std::max(begin, end);
    if (stop != nullptr && end == first) Stop(snapshot, queries.rows, leaves, stop->k);
  }
  clock.End(Stage::kScan);
  if (trace == nullptr) return;
  // A leaf of several queries is counted once for each.
  for (std::size_t i = 0; i < queries.rows; ++i) {
    trace->leaves += queries_[i].reads;
    for (const Visit& visit : std::span(visits_).subspan(i * leaves, queries_[i].reads)) {
      const std::uint64_t key[] = {ScoreKey(0.0f, visit.leaf)};
      trace->points += CountPoints(snapshot, key, nullptr);
    }
  }
}

void BatchScan::Stop(const Snapshot& snapshot, std::size_t queries, std::size_t leaves, std::size_t k) {
  const bool masked = snapshot.lists_rows_once();
  for (std::size_t i = 0; i < queries; ++i) {
    Query& query = queries_[i];
    const DeniedRows* denied = denied_.empty() || masked ? nullptr : &denied_[i];
    const std::uint64_t kth = KthKey(query.survivors, k, denied, room_);
    if (kth == 0) continue;
    const std::span<const std::uint64_t> keys = std::span<const std::uint64_t>(all_keys_).subspan(i * leaves, leaves);
    query.reads = query.stop.Count(keys, query.table.Score(SurvivorScore(kth)));
  }
}

void BatchScan::ScanWave(const Snapshot& snapshot, std::size_t queries, std::size_t leaves, std::size_t begin,
                         std::size_t end) {
  const std::size_t group_bytes = snapshot.group_bytes();
  ends_.assign(snapshot.leaves.size() + 1, 0);
  const auto of = [&](std::size_t query) {
    const std::size_t until = std::max(begin, std::min(end, queries_[query].reads));
    return std::span<const Visit>(visits_).subspan(query * leaves + begin, until - begin);
  };
  for (std::size_t i = 0; i < queries; ++i) {
    for (const Visit& visit : of(i)) ++ends_[visit.leaf + 1];
  }
  for (std::size_t leaf = 0; leaf < snapshot.leaves.size(); ++leaf) ends_[leaf + 1] += ends_[leaf];
  by_leaf_.resize(ends_.back());
  for (std::size_t i = 0; i < queries; ++i) {
    for (const Visit& visit : of(i)) by_leaf_[ends_[visit.leaf]++] = visit;
  }
  const std::span<const Visit> all = by_leaf_;
  std::size_t first = 0;
  for (std::size_t leaf = 0; leaf < snapshot.leaves.size(); ++leaf) {
    const std::size_t last = ends_[leaf];
    if (first == last) continue;
    if (last < all.size()) FetchCodes(snapshot.leaves[by_leaf_[last].leaf], group_bytes);
    ScanLeaf(snapshot.leaves[leaf], all.subspan(first, last - first), group_bytes);
    first = last;
  }
}

void BatchScan::Route(const Snapshot& snapshot, const MatrixView<float>& queries, std::size_t leaves,
                      std::size_t upper_leaves, std::size_t wanted, SearchTrace* trace, const StopOptions* stop) {
  StageClock clock(trace);
  const std::size_t dim = queries.cols;
  const std::size_t seen_dim = snapshot.has_projection() ? snapshot.arrays.projection.rows : dim;
  constexpr std::size_t kBatch = Router::kBatch;
  if (queries_.size() < queries.rows) queries_.resize(queries.rows);
  visits_.resize(queries.rows * leaves);
  keys_.resize(kBatch * leaves);
  if (stop != nullptr) all_keys_.resize(queries.rows * leaves);
  centered_.resize(kBatch * dim);
  seen_.resize(kBatch * seen_dim);
  AlignedVector<float> room;
  for (std::size_t first = 0; first < queries.rows; first += kBatch) {
    const std::size_t some = std::min(kBatch, queries.rows - first);
    for (std::size_t i = 0; i < some; ++i) {
      const std::span<const float> centered = Center(snapshot, {queries.row(first + i), dim}, room);
      std::copy(centered.begin(), centered.end(), centered_.begin() + static_cast<std::ptrdiff_t>(i * dim));
      const std::span<const float> seen = Project(snapshot, {centered_.data() + i * dim, dim}, projected_);
      std::copy(seen.begin(), seen.end(), seen_.begin() + static_cast<std::ptrdiff_t>(i * seen_dim));
    }
    snapshot.router.RouteBatch({seen_.data(), some, seen_dim}, leaves, route_, keys_, upper_leaves);
    clock.End(Stage::kRoute);
    for (std::size_t i = 0; i < some; ++i) {
      Query& query = queries_[first + i];
      query.table.Build(snapshot, {seen_.data() + i * seen_dim, seen_dim});
      const DeniedRows* denied = denied_.empty() ? nullptr : &denied_[first + i];
      const bool masked = denied != nullptr && snapshot.lists_rows_once();
      query.survivors.Reset(wanted + (denied == nullptr || masked ? 0 : denied->size()), snapshot.has_spill());
      query.passed = 0;
      query.reads = leaves;
      if (stop != nullptr) {
        const std::span<const std::uint64_t> keys = std::span<const std::uint64_t>(keys_).subspan(i * leaves, leaves);
        std::copy(keys.begin(), keys.end(), all_keys_.begin() + static_cast<std::ptrdiff_t>((first + i) * leaves));
        const double shift = CenterShift(snapshot, {centered_.data() + i * dim, dim}, keys[0], route_, i);
        query.stop = LeafStop(snapshot.arrays, route_.queries[i], stop->bound, shift);
      }
      query.fresh_denied = masked && !denied->Within(snapshot.arrays.count, snapshot.row_end).empty();
      for (std::size_t visit = 0; visit < leaves; ++visit) {
        const std::uint64_t key = keys_[i * leaves + visit];
        const float center = CenterScore(snapshot, {centered_.data() + i * dim, dim}, key, route_, i);
        if (visit == 0) query.table.SetOrigin(center);
        const std::size_t at = (first + i) * leaves + visit;
        Visit& routed = visits_[at];
        routed = {static_cast<std::uint32_t>(first + i), query.table.Bias(center), KeyRow(key)};
        if (!masked) continue;
        const std::uint64_t* range = snapshot.arrays.leaf_offsets.data() + routed.leaf;
        const std::span<const std::uint32_t> here = denied->Within(range[0], range[1]);
        routed.denied = static_cast<std::uint32_t>(here.size());
        routed.first_denied = static_cast<std::uint32_t>(here.data() - denied->sorted().data());
      }
    }
    clock.End(Stage::kTables);
  }
}

void BatchScan::ScanLeaf(const Leaf& leaf, std::span<const Visit> visits, std::size_t group_bytes) {
  for (const Segment& segment : leaf.segments) {
    const Visit* waiting = nullptr;
    for (const Visit& visit : visits) {
      if (!Denied(segment, visit).empty()) {
        ScanAlone(segment, visit, group_bytes);
      } else if (waiting == nullptr) {
        waiting = &visit;
      } else {
        ScanTogether(segment, *waiting, visit, group_bytes);
        waiting = nullptr;
      }
    }
    if (waiting != nullptr) ScanAlone(segment, *waiting, group_bytes);
  }
}

std::span<const std::uint32_t> BatchScan::Denied(const Segment& segment, const Visit& visit) const {
  const bool listed = segment.rows != nullptr;  // what came since, beside what is left of the base
  if (visit.denied == 0 && !(listed && queries_[visit.query].fresh_denied)) return {};
  const std::span<const std::uint32_t> all = denied_[visit.query].sorted();
  return listed ? all : all.subspan(visit.first_denied, visit.denied);
}

void BatchScan::ScanAlone(const Segment& segment, const Visit& visit, std::size_t group_bytes) {
  Query& query = queries_[visit.query];
  GroupRun run = RunOf(segment, visit.bias);
  const std::span<const std::uint32_t> denied = Denied(segment, visit);
  if (!denied.empty()) {
    query.passed += WithoutDenied(segment, run.live, denied, undenied_);
    run.live = undenied_.data();
  }
  ScanRun(run, query.table.view(), group_bytes, query.survivors);
}

void BatchScan::ScanTogether(const Segment& segment, const Visit& one, const Visit& other, std::size_t group_bytes) {
  Query& first = queries_[one.query];
  Query& second = queries_[other.query];
  GroupRun run = RunOf(segment, 0);
  while (run.groups > 0) {
    const PairProgress done = ScanGroupsForTwo(
        run, {first.table.view(), one.bias, SurvivorScore(first.survivors.least()), first.survivors.room()},
        {second.table.view(), other.bias, SurvivorScore(second.survivors.least()), second.survivors.room()});
    first.survivors.Commit(done.kept[0]);
    second.survivors.Commit(done.kept[1]);
    if (first.survivors.room().size() < Survivors::kRoom) first.survivors.Compact();
    if (second.survivors.room().size() < Survivors::kRoom) second.survivors.Compact();
    Skip(run, done.groups, group_bytes);
  }
}

}  // namespace leafscan
