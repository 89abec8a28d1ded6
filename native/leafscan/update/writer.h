// Makes the next version of an index: rows come and go, and only the leaves that they are in are made anew. One writer at a
// time; searches go on with the versions that they have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/monitor.h"
#include "leafscan/snapshot/snapshot.h"
#include "leafscan/update/leaf_edit.h"
#include "leafscan/update/slots.h"

namespace leafscan {

// How the index was built, as far as new rows are treated alike (build/builder.h has each).
struct WriterOptions {
  bool normalize = false;
  bool spherical = false;
  float soar_lambda = 0.0f;  // where the base has second leaves
  double anisotropic_threshold = 0.0;
  double row_threshold = 0.0;
};

struct Changes {
  MatrixView<float> vectors;               // to come
  std::span<const std::int64_t> ids;       // what searches return for each
  std::int64_t first_position = 0;         // of the first vector, the next one's is one more; none had one of them before
  std::span<const std::uint32_t> removed;  // rows that are there, to go, each once
};

class Writer {
 public:
  // The first version of its base.
  Writer(std::shared_ptr<const Snapshot> snapshot, const WriterOptions& options);

  // The next version, which is nobody's yet.
  struct Next {
    std::shared_ptr<const Snapshot> snapshot;
    Slots::Batch batch;
    std::vector<std::uint32_t> first_leaves;  // of the vectors
    std::vector<std::uint32_t> second_leaves;
    std::vector<std::uint32_t> released;      // slots

    // The row of vector i.
    std::uint32_t row(std::size_t i) const {
      return static_cast<std::uint32_t>(snapshot->arrays.count + batch.slots[i]);
    }
  };

  // Throws std::invalid_argument, naming the first bad row, where a value is not finite, and whatever the monitor throws; then
  // nothing has changed. Nor has it before the version is committed: one that is not is dropped, and not searched.
  // Cost: a multiply-add a row, leaf and dimension (twice with second leaves), the coding of the rows, what the touched leaves
  // cost (update/leaf_edit.h), and a copy of the list of leaves, 16 bytes each.
  Next Prepare(const Changes& changes, int threads, Monitor* monitor);

  // Makes it the current version; it is the last that was prepared.
  void Commit(const Next& next);

  const std::shared_ptr<const Snapshot>& current() const { return current_; }

 private:
  using Edits = std::map<std::size_t, LeafEdit>;

  void FindLeaves(const Changes& changes, int threads, Monitor* monitor, Next& next) const;
  // Lists what goes, leaf by leaf.
  void Remove(std::uint32_t row, Edits& edits);
  std::size_t BaseLeaf(std::uint32_t row) const;
  void FindSecondPlaces();

  std::shared_ptr<const Snapshot> current_;
  WriterOptions options_;
  Slots slots_;
  AlignedVector<float> directions_;           // of the centroids, where rows go by direction
  std::vector<std::uint32_t> first_leaves_;   // by slot
  std::vector<std::uint32_t> second_leaves_;
  // Of the base's second listing, made when first needed: the place of each row, and the first group of each leaf.
  std::vector<std::uint32_t> second_places_;
  std::vector<std::uint64_t> second_groups_;
};

}  // namespace leafscan
