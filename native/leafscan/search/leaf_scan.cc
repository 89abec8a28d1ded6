#include "leafscan/search/leaf_scan.h"

#include <algorithm>
#include <bit>

#include "leafscan/core/prefetch.h"
#include "leafscan/core/score_key.h"
#include "leafscan/simd/row_score.h"

namespace leafscan {
namespace {

// Leaves lie anywhere in memory: while a group is scanned, one this far behind it in the order of the visits is on its
// way to the second-level cache. A line out of DRAM takes some 150 ns, in which the scan goes through 6 KB.
constexpr std::size_t kBytesAhead = 13 * 1024;
// And what says where a leaf's groups are, so many leaves before it is read.
constexpr std::size_t kLeavesAhead = 8;

// Always inlined: see core/prefetch.h.
HWY_INLINE void FetchLeaf(const Snapshot& snapshot, std::span<const std::uint64_t> leaves, std::size_t visit) {
  if (visit < leaves.size()) Prefetch(&snapshot.leaves[KeyRow(leaves[visit])]);
}
HWY_INLINE void FetchSegments(const Snapshot& snapshot, std::span<const std::uint64_t> leaves, std::size_t visit) {
  if (visit < leaves.size()) Prefetch(snapshot.leaves[KeyRow(leaves[visit])].segments.data());
}

}  // namespace

GroupRun RunOf(const Segment& segment, std::int32_t bias) {
  GroupRun run;
  run.codes = segment.codes;
  run.terms = segment.terms;
  run.live = segment.live;
  run.rows = segment.rows;
  run.first_row = segment.first_row;
  run.groups = segment.groups;
  run.bias = bias;
  return run;
}

void Skip(GroupRun& run, std::size_t groups, std::size_t group_bytes) {
  run.groups -= groups;
  run.codes += groups * group_bytes;
  if (run.terms != nullptr) run.terms += groups * kGroupPoints;
  if (run.rows != nullptr) run.rows += groups * kGroupPoints;
  run.live += groups;
  run.first_row += static_cast<std::uint32_t>(groups * kGroupPoints);
}

std::size_t WithoutDenied(const Segment& segment, const std::uint32_t* words, std::span<const std::uint32_t> denied,
                          AlignedVector<std::uint32_t>& room) {
  room.assign(words, words + segment.groups);
  std::size_t out = 0;
  if (segment.rows != nullptr) {
    for (std::size_t group = 0; group < segment.groups; ++group) {
      for (std::uint32_t left = words[group]; left != 0; left &= left - 1) {
        const auto place = static_cast<std::size_t>(std::countr_zero(left));
        if (!std::binary_search(denied.begin(), denied.end(), segment.rows[group * kGroupPoints + place])) continue;
        room[group] &= ~(1u << place);
        ++out;
      }
    }
    return out;
  }
  for (const std::uint32_t row : denied) {
    const std::size_t place = std::size_t{row} - segment.first_row;
    if (place >= segment.groups * kGroupPoints) continue;  // of another segment
    std::uint32_t& word = room[place / kGroupPoints];
    out += word >> (place % kGroupPoints) & 1u;
    word &= ~(1u << (place % kGroupPoints));
  }
  return out;
}

std::size_t ScanRun(GroupRun run, const ScanTable& table, std::size_t group_bytes, Survivors& survivors) {
  std::size_t read = 0;
  while (run.groups > 0) {
    const ScanProgress done = ScanGroups(run, table, SurvivorScore(survivors.least()), survivors.room());
    survivors.Commit(done.kept);
    read += done.read;
    if (survivors.room().size() < Survivors::kRoom) survivors.Compact();
    if (run.ahead != nullptr) run.ahead += done.read;
    Skip(run, done.groups, group_bytes);
  }
  return read;
}

float CenterScore(const Snapshot& snapshot, std::span<const float> centered, std::uint64_t key,
                  const Router::Scratch& route, std::size_t which) {
  const IndexArrays& arrays = snapshot.arrays;
  // Where routing does not see all of the centroid, or another one.
  const bool apart = snapshot.has_projection() || arrays.routing_centroids.data != nullptr;
  if (apart && snapshot.has_tree()) {
    return RowScore(arrays.metric, centered.data(), arrays.centroids.row(KeyRow(key)), arrays.dim);
  }
  if (snapshot.has_tree()) return snapshot.router.CenterScore(key, route, which);
  if (arrays.metric == Metric::kDotProduct) return 0.0f;
  return 0.0f - RowScore(Metric::kDotProduct, centered.data(), centered.data(), arrays.dim);
}

double CenterShift(const Snapshot& snapshot, std::span<const float> centered, std::uint64_t key,
                   const Router::Scratch& route, std::size_t which) {
  if (!snapshot.has_projection()) return 0.0;
  return static_cast<double>(CenterScore(snapshot, centered, key, route, which)) -
         snapshot.router.CenterScore(key, route, which);
}

std::uint64_t KthKey(Survivors& survivors, std::size_t k, const DeniedRows* denied,
                     AlignedVector<std::uint64_t>& room) {
  return survivors.KthBest(
      k, [&](std::uint64_t key) { return denied != nullptr && denied->Contains(SurvivorRow(key)); }, room);
}

std::size_t CountPoints(const Snapshot& snapshot, std::span<const std::uint64_t> leaves, const Filter* filter) {
  std::size_t points = 0;
  for (const std::uint64_t key : leaves) {
    const std::uint32_t* words = filter == nullptr ? nullptr : filter->leaf_words(KeyRow(key));
    for (const Segment& segment : snapshot.leaves[KeyRow(key)].segments) {
      for (std::size_t group = 0; group < segment.groups; ++group) {
        points += static_cast<std::size_t>(std::popcount(words == nullptr ? segment.live[group] : *words++));
      }
    }
  }
  return points;
}

// Lists the groups that the first `count` leaves have, with a filter those that it allows something of, and what follows the
// last: so many times that one again as the number returned, which is how far ahead to fetch. The first so many are fetched
// here, and what says where the groups of some leaves behind are.
std::size_t LeafScan::ListGroups(const Snapshot& snapshot, std::span<const std::uint64_t> leaves, std::size_t count,
                                 const Filter* filter) {
  const std::size_t bytes = snapshot.group_bytes();
  const std::size_t ahead = std::max<std::size_t>(1, kBytesAhead / bytes);
  for (std::size_t visit = 0; visit < 2 * kLeavesAhead; ++visit) FetchLeaf(snapshot, leaves, visit);
  for (std::size_t visit = 0; visit < kLeavesAhead; ++visit) FetchSegments(snapshot, leaves, visit);
  std::size_t most = 0;
  for (std::size_t visit = 0; visit < count; ++visit) {
    FetchLeaf(snapshot, leaves, visit + 2 * kLeavesAhead);
    FetchSegments(snapshot, leaves, visit + kLeavesAhead);
    for (const Segment& segment : snapshot.leaves[KeyRow(leaves[visit])].segments) most += segment.groups;
  }
  if (groups_.size() < most + ahead) groups_.resize(most + ahead);
  GroupAddress* next = groups_.data();
  for (const std::uint64_t key : leaves.first(count)) {
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
  const std::size_t listed = static_cast<std::size_t>(next - groups_.data());
  for (std::size_t i = 0; i < std::min(ahead, listed); ++i) {
    for (std::size_t at = 0; at < bytes; at += kCacheLine) PrefetchFar(groups_[i].codes + at);
    if (groups_[i].terms != nullptr) PrefetchFar(groups_[i].terms);
  }
  std::fill_n(next, ahead, listed == 0 ? GroupAddress{} : next[-1]);
  return ahead;
}

// What all leaves of a query have in common.
struct LeafScan::Visits {
  const Snapshot& snapshot;
  std::span<const float> centered;
  const Router::Scratch& route;
  const Filter* filter;
  const DeniedRows* masked;  // passed over, unless null
  std::span<const std::uint32_t> fresh_denied;
  std::size_t group_bytes;
};

void LeafScan::ScanListed(const Visits& visits, std::span<const std::uint64_t> leaves, std::size_t ahead) {
  const Snapshot& snapshot = visits.snapshot;
  const ScanTable table = table_.view();
  const GroupAddress* next = groups_.data() + ahead;
  for (const std::uint64_t key : leaves) {
    const std::size_t leaf = KeyRow(key);
    const std::int32_t bias = table_.Bias(CenterScore(snapshot, visits.centered, key, visits.route));
    const std::uint32_t* words = visits.filter == nullptr ? nullptr : visits.filter->leaf_words(leaf);
    const Leaf& visited = snapshot.leaves[leaf];
    std::span<const std::uint32_t> denied_here;
    if (visits.masked != nullptr) {
      const std::uint64_t* range = snapshot.arrays.leaf_offsets.data() + leaf;
      denied_here = visits.masked->Within(range[0], range[1]);
    }
    for (const Segment& segment : visited.segments) {
      GroupRun run = RunOf(segment, bias);
      run.ahead = next;
      if (words != nullptr) {
        run.live = words;
        run.sparse = true;
        words += segment.groups;
      }
      // What came since lies beside what is left of the base.
      const bool listed = segment.rows != nullptr;
      if (!denied_here.empty() || (listed && !visits.fresh_denied.empty())) {
        passed_ += WithoutDenied(segment, run.live, listed ? visits.masked->sorted() : denied_here, undenied_);
        run.live = undenied_.data();
      }
      next += ScanRun(run, table, visits.group_bytes, survivors_);
    }
  }
}

std::span<const std::uint64_t> LeafScan::Scan(const Snapshot& snapshot, std::span<const float> centered,
                                              std::span<const float> seen, std::span<const std::uint64_t> leaves,
                                              const Router::Scratch& route, std::size_t wanted, const Filter* filter,
                                              const DeniedRows* denied, SearchTrace* trace, const StopOptions* stop) {
  StageClock clock(trace);
  const std::size_t first = stop == nullptr ? leaves.size() : LeafStop::kFirst;
  // Most queries go on: what comes behind the first leaves is fetched along.
  std::size_t ahead = ListGroups(snapshot, leaves, std::min(first + 1, leaves.size()), filter);
  table_.Build(snapshot, seen);
  survivors_.Reset(wanted, snapshot.has_spill());
  passed_ = 0;
  const bool masked = denied != nullptr && snapshot.lists_rows_once();
  Visits visits{snapshot, centered, route, filter, masked ? denied : nullptr, {}, snapshot.group_bytes()};
  if (masked) visits.fresh_denied = denied->Within(snapshot.arrays.count, snapshot.row_end);
  clock.End(Stage::kTables);
  // The best leaf of all sets the origin, visited or not: a filter does not change a row's score.
  const bool routed_among = filter != nullptr && snapshot.has_tree();
  if (routed_among) {
    table_.SetOrigin(CenterScore(snapshot, centered, route.top, route));
  } else if (!leaves.empty()) {
    table_.SetOrigin(CenterScore(snapshot, centered, leaves[0], route));
  }
  ScanListed(visits, leaves.first(first), ahead);
  if (stop != nullptr) {
    const std::uint64_t kth = KthKey(survivors_, stop->k, masked ? nullptr : denied, keys_);
    if (kth != 0) {
      const double shift = CenterShift(snapshot, centered, leaves[0], route);
      const LeafStop rule(snapshot.arrays, route.queries[0], stop->bound, shift);
      leaves = leaves.first(rule.Count(leaves, table_.Score(SurvivorScore(kth))));
    }
    const std::span<const std::uint64_t> others = leaves.subspan(first);
    if (!others.empty()) {
      ahead = ListGroups(snapshot, others, others.size(), filter);
      ScanListed(visits, others, ahead);
    }
  }
  clock.End(Stage::kScan);
  const std::span<const std::uint64_t> best = survivors_.Best();
  clock.End(Stage::kSelect);
  if (trace != nullptr) {
    trace->leaves += snapshot.has_tree() ? leaves.size() : 0;
    trace->points += CountPoints(snapshot, leaves, filter);
    trace->survivors += best.size();
  }
  return best;
}

}  // namespace leafscan
