// Postings that came after the base was built: blocks of a few groups, each made once and then shared by all versions that
// list it. An update copies the blocks that it touches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/hash/layout.h"
#include "leafscan/snapshot/base.h"

namespace leafscan {

struct PostingBlock {
  static constexpr std::size_t kMostGroups = 16;

  AlignedVector<std::uint8_t> codes;  // whole groups (hash/layout.h); empty without codes
  AlignedVector<std::int16_t> terms;  // groups * 32, where the base has them
  std::vector<std::uint32_t> live;    // a word a group
  std::vector<std::uint32_t> rows;    // groups * 32; of places that are not live, any row that was there once, or 0
  std::size_t used = 0;               // places from the front that hold or held a point

  std::size_t groups() const { return live.size(); }
  bool full() const { return used == kMostGroups * kGroupPoints; }
};

using Words = std::vector<std::uint32_t>;
using PostingBlocks = std::vector<std::shared_ptr<const PostingBlock>>;

// One listing of a leaf that is not what it was in the base.
struct ChangedListing {
  std::shared_ptr<const Words> live;  // of the base's segment; null where it is as it was, or not used any more
  bool moved = false;                 // whether what is left of the base's segment is among the blocks
  PostingBlocks blocks;               // what came since
};

struct ChangedLeaf {
  ChangedListing first;
  ChangedListing second;
  std::vector<Segment> segments;  // all of these
};

// By leaf; null where nothing has changed. A copy shares what is not changed afterwards: it costs a pointer for every 64
// leaves, and a change 64 more.
class ChangedLeaves {
 public:
  const ChangedLeaf* Find(std::size_t leaf) const {
    if (leaf / kNode >= nodes_.size() || nodes_[leaf / kNode] == nullptr) return nullptr;
    return (*nodes_[leaf / kNode])[leaf % kNode].get();
  }

  void Set(std::size_t leaf, std::shared_ptr<const ChangedLeaf> changed) {
    if (leaf / kNode >= nodes_.size()) nodes_.resize(leaf / kNode + 1);
    std::shared_ptr<const Node>& node = nodes_[leaf / kNode];
    auto copy = node == nullptr ? std::make_shared<Node>() : std::make_shared<Node>(*node);
    (*copy)[leaf % kNode] = std::move(changed);
    node = std::move(copy);
  }

 private:
  static constexpr std::size_t kNode = 64;
  using Node = std::array<std::shared_ptr<const ChangedLeaf>, kNode>;

  std::vector<std::shared_ptr<const Node>> nodes_;
};

}  // namespace leafscan
