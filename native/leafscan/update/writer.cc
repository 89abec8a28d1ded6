#include "leafscan/update/writer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "leafscan/build/encoder.h"
#include "leafscan/build/panels.h"
#include "leafscan/core/numbers_in_range.h"
#include "leafscan/core/row_source.h"
#include "leafscan/train/assign.h"
#include "leafscan/train/spill.h"

namespace leafscan {
namespace {

// New points of one listing, coded leaf by leaf.
struct Coded {
  Clusters by_leaf;
  EncodedPostings postings;
  AlignedVector<std::int16_t> terms;

  // Adds what each leaf gets to its edit.
  template <class Edits, class Row>
  void AddTo(Edits& edits, ListingEdit LeafEdit::*listing, bool with_codes, const Row& row) const {
    std::size_t group = 0;
    for (std::size_t leaf = 0; leaf < by_leaf.count(); ++leaf) {
      const std::span<const std::uint32_t> members = by_leaf.of(leaf);
      if (members.empty()) continue;
      ListingEdit& edit = edits[leaf].*listing;
      for (const std::uint32_t member : members) edit.added.push_back(row(member));
      if (with_codes) {
        edit.from = &postings;
        edit.terms = &terms;
        edit.first_group = group;
      }
      group += GroupsOf(members.size());
    }
  }
};

Coded Code(const Base& base, const RowSource& source, const WriterOptions& options,
           std::span<const std::uint32_t> leaf_of, int threads, Monitor* monitor) {
  Coded coded;
  coded.by_leaf = GroupByCluster(leaf_of, base.leaves.size());
  if (!base.has_codes()) return coded;
  const IndexArrays& arrays = base.arrays;
  const PanelFiller filler(source, arrays.centroids, arrays.projection, arrays.width, options.anisotropic_threshold);
  const CodebookView book{arrays.codebooks.data(), arrays.blocks, arrays.width, arrays.words};
  std::vector<std::uint32_t> order(source.size());
  std::iota(order.begin(), order.end(), 0u);
  const bool terms = arrays.metric == Metric::kSquaredL2;
  coded.postings =
      EncodePostings(filler, book, {coded.by_leaf.starts, coded.by_leaf.members, order}, terms, threads, monitor);
  if (terms) coded.terms = QuantizeTerms(coded.postings.terms, arrays.term_scale);
  return coded;
}

}  // namespace

Writer::Writer(std::shared_ptr<const Snapshot> snapshot, const WriterOptions& options)
    : current_(std::move(snapshot)), options_(options), slots_(*current_->base) {
  const MatrixView<float>& centroids = current_->arrays.centroids;
  if (!options_.spherical || !current_->has_tree()) return;
  directions_.resize(centroids.rows * centroids.cols);
  for (std::size_t leaf = 0; leaf < centroids.rows; ++leaf) {
    Normalize(centroids.row(leaf), centroids.cols, directions_.data() + leaf * centroids.cols);
  }
}

Writer::Next Writer::Prepare(const Changes& changes, int threads, Monitor* monitor) {
  CheckNumbers(changes.vectors, "vectors", Most(options_.normalize), threads);
  const Base& base = *current_->base;
  Next next;
  const RowSource kept{changes.vectors, options_.normalize};
  next.batch = slots_.Write(kept, changes.ids, changes.first_position, {options_.row_threshold, threads, monitor});
  auto snapshot = std::make_shared<Snapshot>(current_->base);
  next.snapshot = snapshot;

  Edits edits;
  for (const std::uint32_t row : changes.removed) {
    Remove(row, edits);
    if (row >= base.arrays.count) next.released.push_back(row - static_cast<std::uint32_t>(base.arrays.count));
  }
  Coded first;
  Coded second;
  if (changes.vectors.rows > 0) {
    FindLeaves(changes, threads, monitor, next);
    RowSource seen = kept;
    if (!base.arrays.center.empty()) seen.center = base.arrays.center.data();
    const auto row = [&](std::uint32_t i) { return next.row(i); };
    first = Code(base, seen, options_, next.first_leaves, threads, monitor);
    first.AddTo(edits, &LeafEdit::first, base.has_codes(), row);
    if (base.has_spill()) {
      second = Code(base, seen, options_, next.second_leaves, threads, monitor);
      second.AddTo(edits, &LeafEdit::second, base.has_codes(), row);
    }
  }

  snapshot->updated = true;
  snapshot->count = current_->count + changes.vectors.rows - changes.removed.size();
  snapshot->row_end = base.arrays.count + next.batch.end;
  snapshot->live = current_->live;
  std::vector<std::uint32_t> added(next.batch.slots.size());
  for (std::size_t i = 0; i < added.size(); ++i) added[i] = next.row(i);
  snapshot->live.Change(changes.removed, added);
  snapshot->leaves = current_->leaves;
  snapshot->leaf_versions = current_->leaf_versions;
  snapshot->changed = current_->changed;
  for (const auto& [leaf, edit] : edits) {
    std::shared_ptr<const ChangedLeaf> changed = EditLeaf(base, leaf, current_->changed.Find(leaf), edit);
    snapshot->leaves[leaf].segments = changed->segments;
    snapshot->leaf_versions[leaf] = snapshot->version;
    snapshot->changed.Set(leaf, std::move(changed));
  }
  snapshot->fresh.chunk_rows = slots_.chunk_rows();
  snapshot->fresh.chunks.assign(next.batch.chunks.begin(), next.batch.chunks.end());
  snapshot->rows = RowTable(base.arrays.rows, slots_.Stores(next.batch, false), slots_.chunk_rows());
  snapshot->first_rows = RowTable(base.arrays.first_rows, slots_.Stores(next.batch, true), slots_.chunk_rows());
  return next;
}

void Writer::Commit(const Next& next) {
  slots_.Commit(next.batch);
  first_leaves_.resize(slots_.end());
  second_leaves_.resize(current_->has_spill() ? slots_.end() : 0);
  for (std::size_t i = 0; i < next.batch.slots.size(); ++i) {
    first_leaves_[next.batch.slots[i]] = next.first_leaves[i];
    if (current_->has_spill()) second_leaves_[next.batch.slots[i]] = next.second_leaves[i];
  }
  slots_.Release(next.released, *current_);
  current_ = next.snapshot;
}

void Writer::FindLeaves(const Changes& changes, int threads, Monitor* monitor, Next& next) const {
  const IndexArrays& arrays = current_->arrays;
  next.first_leaves.assign(changes.vectors.rows, 0);
  if (!current_->has_tree()) return;
  RowSource points{changes.vectors, options_.normalize};
  if (!arrays.center.empty()) points.center = arrays.center.data();
  MatrixView<float> centroids = arrays.centroids;
  RowSource directed = points;
  if (options_.spherical) {
    directed.normalize = true;
    centroids = {directions_.data(), centroids.rows, centroids.cols};
  }
  AssignNearest(directed, centroids, threads, monitor, next.first_leaves);
  if (!current_->has_spill()) return;
  next.second_leaves.resize(changes.vectors.rows);
  AssignSpill(points, arrays.centroids, next.first_leaves, options_.soar_lambda, threads, monitor, next.second_leaves);
}

std::size_t Writer::BaseLeaf(std::uint32_t row) const {
  const std::span<const std::uint64_t> offsets = current_->arrays.leaf_offsets;
  return static_cast<std::size_t>(std::upper_bound(offsets.begin(), offsets.end(), row) - offsets.begin()) - 1;
}

void Writer::Remove(std::uint32_t row, Edits& edits) {
  const IndexArrays& arrays = current_->arrays;
  if (row >= arrays.count) {
    const std::size_t slot = row - arrays.count;
    edits[first_leaves_[slot]].first.dead_rows.push_back(row);
    if (current_->has_spill()) edits[second_leaves_[slot]].second.dead_rows.push_back(row);
    return;
  }
  const std::size_t leaf = BaseLeaf(row);
  edits[leaf].first.dead_places.push_back(static_cast<std::uint32_t>(row - arrays.leaf_offsets[leaf]));
  if (!current_->has_spill()) return;
  if (second_places_.empty()) FindSecondPlaces();
  const std::uint32_t place = second_places_[row];
  const std::size_t group = place / kGroupPoints;
  const auto after = std::upper_bound(second_groups_.begin(), second_groups_.end(), group);
  const std::size_t second = static_cast<std::size_t>(after - second_groups_.begin()) - 1;
  edits[second].second.dead_places.push_back(static_cast<std::uint32_t>(place - second_groups_[second] * kGroupPoints));
}

void Writer::FindSecondPlaces() {
  const Base& base = *current_->base;
  second_places_.assign(base.arrays.count, 0);
  second_groups_.assign(1, 0);
  std::uint32_t first = 0;
  for (const Leaf& leaf : base.leaves) {
    for (const Segment& segment : leaf.segments) {
      if (!segment.second) continue;
      for (std::size_t place = 0; place < segment.groups * kGroupPoints; ++place) {
        if (segment.live[place / kGroupPoints] >> (place % kGroupPoints) & 1u) {
          second_places_[segment.rows[place]] = first + static_cast<std::uint32_t>(place);
        }
      }
      first += static_cast<std::uint32_t>(segment.groups * kGroupPoints);
    }
    second_groups_.push_back(first / kGroupPoints);
  }
}

}  // namespace leafscan
