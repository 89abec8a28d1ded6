// Where the time of searches goes, and what they went through.
//
// A search that is not traced has no trace: a null pointer, looked at once a stage. One that is adds to its thread's own,
// which is added to the caller's when the thread is done with its queries.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace leafscan {

enum class Stage : std::size_t {
  kPrepare,    // queries are checked, and normalised where the metric wants it
  kFilter,     // what a query's own lists leave, compiled where they are not few
  kRoute,      // which leaves: the query centred and projected, centroids scored, the best ones sorted
  kTables,     // what a code adds to a score, and where the leaves' codes are
  kScan,       // codes, and the choice of the better ones while the scan goes on
  kSelect,     // the best of what the scan kept
  kFirstRows,  // first rows of the survivors
  kRows,       // full rows: of the survivors, of the leaves of a plan without codes, or of all
  kMerge,      // the best k sorted, as ids and scores
};
inline constexpr std::size_t kStages = static_cast<std::size_t>(Stage::kMerge) + 1;

// Sums over queries; nanoseconds over threads, too.
struct SearchTrace {
  std::array<std::uint64_t, kStages> nanoseconds{};
  std::uint64_t leaves = 0;      // visited
  std::uint64_t points = 0;      // whose codes were scanned, in each listing of them
  std::uint64_t survivors = 0;   // of the scan
  std::uint64_t first_rows = 0;  // scored
  std::uint64_t rows = 0;        // scored, of the full ones
  std::uint64_t listed = 0;      // queries whose allowed rows were all scored in place of a scan
  std::uint64_t repeated = 0;    // queries that were searched again, since denied rows left fewer than k

  SearchTrace& operator+=(const SearchTrace& other) {
    for (std::size_t stage = 0; stage < kStages; ++stage) nanoseconds[stage] += other.nanoseconds[stage];
    leaves += other.leaves;
    points += other.points;
    survivors += other.survivors;
    first_rows += other.first_rows;
    rows += other.rows;
    listed += other.listed;
    repeated += other.repeated;
    return *this;
  }
};

// What all threads of a search add to.
class SharedTrace {
 public:
  void Add(const SearchTrace& part) {
    const std::lock_guard<std::mutex> lock(mutex_);
    sum_ += part;
  }
  // Once all threads are done.
  const SearchTrace& sum() const { return sum_; }

 private:
  std::mutex mutex_;
  SearchTrace sum_;
};

// A thread's own trace, in `place` for as long as this lives; null where nothing is traced.
class TracePart {
 public:
  TracePart(SharedTrace* whole, SearchTrace*& place) : whole_(whole), place_(place) {
    place_ = whole_ == nullptr ? nullptr : &own_;
  }
  ~TracePart() {
    place_ = nullptr;
    if (whole_ != nullptr) whole_->Add(own_);
  }
  TracePart(const TracePart&) = delete;
  TracePart& operator=(const TracePart&) = delete;

 private:
  SharedTrace* whole_;
  SearchTrace*& place_;
  SearchTrace own_;
};

// Gives the time since the last stage ended to the one that ends now.
class StageClock {
 public:
  explicit StageClock(SearchTrace* trace) : trace_(trace) {
    if (trace_ != nullptr) last_ = std::chrono::steady_clock::now();
  }

  void End(Stage stage) {
    if (trace_ == nullptr) return;
    const auto now = std::chrono::steady_clock::now();
    const auto taken = std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_).count();
    trace_->nanoseconds[static_cast<std::size_t>(stage)] += static_cast<std::uint64_t>(taken);
    last_ = now;
  }

  // Goes on from here: what was between, another clock has seen.
  void Restart() {
    if (trace_ != nullptr) last_ = std::chrono::steady_clock::now();
  }

 private:
  SearchTrace* trace_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace leafscan
