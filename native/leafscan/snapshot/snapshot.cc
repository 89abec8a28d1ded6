#include "leafscan/snapshot/snapshot.h"

#include "leafscan/hash/layout.h"

namespace leafscan {
namespace {

Segment SegmentAt(const CodeArrays& arrays, std::size_t group, std::size_t points,
                  const CodeLayout& layout) {
  Segment segment;
  segment.groups = GroupsOf(points);
  segment.codes = arrays.codes.data() + group * layout.group_bytes();
  segment.live = arrays.live.data() + group;
  if (!arrays.terms.empty()) segment.terms = arrays.terms.data() + group * kGroupPoints;
  return segment;
}

}  // namespace

std::shared_ptr<const Snapshot> OpenSnapshot(const IndexArrays& arrays) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->arrays = arrays;
  if (arrays.centroids.data != nullptr) {
    const bool apart = arrays.routing_centroids.data != nullptr;
    const MatrixView<float>& routing = apart ? arrays.routing_centroids : arrays.centroids;
    snapshot->router = Router(arrays.metric, {routing, arrays.leaf_scales, arrays.leaf_biases}, arrays.projection,
                              {arrays.upper_centroids, arrays.upper_scales, arrays.upper_biases}, arrays.upper_offsets);
  }
  const std::size_t blocks = arrays.blocks;
  if (blocks > 0) {
    TransposedCodebooks& books = snapshot->codebooks;
    books.blocks = blocks;
    books.width = arrays.width;
    books.count = arrays.words;
    books.words.resize(arrays.codebooks.size());
    for (std::size_t block = 0; block < blocks; ++block) {
      for (std::size_t code = 0; code < books.count; ++code) {
        for (std::size_t i = 0; i < arrays.width; ++i) {
          books.words[(block * arrays.width + i) * books.count + code] =
              arrays.codebooks[(block * books.count + code) * arrays.width + i];
        }
      }
    }
  }
  const CodeLayout layout = snapshot->layout();
  std::size_t group = 0;
  std::size_t spill_group = 0;
  std::vector<std::size_t> segments_of;
  for (std::size_t l = 0; l + 1 < arrays.leaf_offsets.size(); ++l) {
    Leaf leaf;
    leaf.first_row = arrays.leaf_offsets[l];
    leaf.count = arrays.leaf_offsets[l + 1] - leaf.first_row;
    const std::size_t before = snapshot->segments.size();
    if (blocks > 0 && leaf.count > 0) {
      Segment segment = SegmentAt(arrays.primary, group, leaf.count, layout);
      segment.first_row = static_cast<std::uint32_t>(leaf.first_row);
      group += segment.groups;
      snapshot->segments.push_back(segment);
    }
    const std::uint64_t spilled =
        snapshot->has_spill() ? arrays.spill_offsets[l + 1] - arrays.spill_offsets[l] : std::uint64_t{0};
    if (spilled > 0) {
      Segment segment = SegmentAt(arrays.spill, spill_group, spilled, layout);
      segment.rows = arrays.spill_rows.data() + spill_group * kGroupPoints;
      spill_group += segment.groups;
      snapshot->segments.push_back(segment);
    }
    segments_of.push_back(snapshot->segments.size() - before);
    snapshot->leaves.push_back(leaf);
  }
  std::span<const Segment> left = snapshot->segments;
  for (std::size_t l = 0; l < segments_of.size(); ++l) {
    snapshot->leaves[l].segments = left.first(segments_of[l]);
    left = left.subspan(segments_of[l]);
  }
  return snapshot;
}

}  // namespace leafscan
