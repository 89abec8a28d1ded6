// One version of an index as a search sees it. It never changes; an update makes a new one (update/writer.h), and every
// search holds the one it began with.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "leafscan/reorder/row_table.h"
#include "leafscan/snapshot/base.h"
#include "leafscan/snapshot/fresh_rows.h"
#include "leafscan/snapshot/live_rows.h"
#include "leafscan/snapshot/postings.h"

namespace leafscan {

// Becomes true when a version is no more. What its readers read happened before that; of a count of references that is
// seen to be 0 nothing of the kind is said.
class VersionEnd {
 public:
  VersionEnd() = default;
  VersionEnd(const VersionEnd&) = delete;
  VersionEnd& operator=(const VersionEnd&) = delete;
  ~VersionEnd() { over_->store(true, std::memory_order_release); }

  std::shared_ptr<const std::atomic<bool>> over() const { return over_; }

 private:
  std::shared_ptr<std::atomic<bool>> over_ = std::make_shared<std::atomic<bool>>(false);
};

struct Snapshot {
  explicit Snapshot(std::shared_ptr<const Base> of);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  std::shared_ptr<const Base> base;
  const IndexArrays& arrays;
  const Router& router;
  const TransposedCodebooks& codebooks;

  std::uint64_t version;  // no other snapshot of this process has it
  bool updated = false;   // whether it differs from the base
  std::size_t count = 0;  // live rows
  std::size_t row_end = 0;  // all row numbers are below
  LiveRows live;
  std::vector<Leaf> leaves;
  std::vector<std::uint64_t> leaf_versions;  // the version that each leaf last changed in
  RowTable rows;        // empty where rows were not kept
  RowTable first_rows;  // empty where reordering has one stage

  FreshRows fresh;
  ChangedLeaves changed;
  VersionEnd end;

  std::int64_t id(std::size_t row) const {
    return row < arrays.count ? arrays.ids[row] : fresh.id(row - arrays.count);
  }

  bool has_projection() const { return base->has_projection(); }
  bool has_tree() const { return base->has_tree(); }
  bool has_codes() const { return base->has_codes(); }
  CodeLayout layout() const { return base->layout(); }
  std::size_t group_bytes() const { return layout().group_bytes(); }
  bool has_spill() const { return base->has_spill(); }
  bool has_rows() const { return base->has_rows(); }
  bool lists_rows_once() const { return !has_spill(); }
};

// The first version. The arrays must be consistent, and outlive it and all that are made from it.
std::shared_ptr<const Snapshot> OpenSnapshot(const IndexArrays& arrays);

}  // namespace leafscan
