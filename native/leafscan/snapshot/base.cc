#include "leafscan/snapshot/base.h"

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

// A bit for each row of each leaf, in whole groups.
std::vector<std::uint32_t> LiveWords(std::span<const std::uint64_t> leaf_offsets) {
  std::vector<std::uint32_t> live;
  for (std::size_t l = 0; l + 1 < leaf_offsets.size(); ++l) {
    const std::uint64_t count = leaf_offsets[l + 1] - leaf_offsets[l];
    live.insert(live.end(), count / kGroupPoints, ~0u);
    if (count % kGroupPoints != 0) live.push_back((1u << (count % kGroupPoints)) - 1);
  }
  return live;
}

}  // namespace

std::shared_ptr<const Base> OpenBase(const IndexArrays& arrays) {
  auto base = std::make_shared<Base>();
  base->arrays = arrays;
  if (arrays.centroids.data != nullptr) {
    const bool apart = arrays.routing_centroids.data != nullptr;
    const MatrixView<float>& routing = apart ? arrays.routing_centroids : arrays.centroids;
    base->router = Router(arrays.metric, {routing, arrays.leaf_scales, arrays.leaf_biases}, arrays.projection,
                              {arrays.upper_centroids, arrays.upper_scales, arrays.upper_biases}, arrays.upper_offsets);
  }
  const std::size_t blocks = arrays.blocks;
  if (blocks > 0) {
    TransposedCodebooks& books = base->codebooks;
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
  const CodeLayout layout = base->layout();
  if (blocks == 0) base->live = LiveWords(arrays.leaf_offsets);
  std::size_t group = 0;
  std::size_t spill_group = 0;
  std::vector<std::size_t> segments_of;
  for (std::size_t l = 0; l + 1 < arrays.leaf_offsets.size(); ++l) {
    const std::size_t before = base->segments.size();
    const std::uint64_t count = arrays.leaf_offsets[l + 1] - arrays.leaf_offsets[l];
    if (count > 0) {
      Segment segment;
      if (blocks > 0) {
        segment = SegmentAt(arrays.primary, group, count, layout);
      } else {
        segment.groups = GroupsOf(count);
        segment.live = base->live.data() + group;
      }
      segment.first_row = static_cast<std::uint32_t>(arrays.leaf_offsets[l]);
      group += segment.groups;
      base->segments.push_back(segment);
    }
    const std::uint64_t spilled =
        base->has_spill() ? arrays.spill_offsets[l + 1] - arrays.spill_offsets[l] : std::uint64_t{0};
    if (spilled > 0) {
      Segment segment = SegmentAt(arrays.spill, spill_group, spilled, layout);
      segment.rows = arrays.spill_rows.data() + spill_group * kGroupPoints;
      segment.second = true;
      spill_group += segment.groups;
      base->segments.push_back(segment);
    }
    segments_of.push_back(base->segments.size() - before);
    base->leaves.emplace_back();
  }
  std::span<const Segment> left = base->segments;
  for (std::size_t l = 0; l < segments_of.size(); ++l) {
    base->leaves[l].segments = left.first(segments_of[l]);
    left = left.subspan(segments_of[l]);
  }
  return base;
}

}  // namespace leafscan
