#include "leafscan/update/leaf_edit.h"

#include <bit>
#include <span>
#include <utility>

namespace leafscan {
namespace {

// Where the base has a listing of the leaf, or null.
const Segment* BaseSegment(const Leaf& leaf, bool second) {
  for (const Segment& segment : leaf.segments) {
    if (segment.second == second) return &segment;
  }
  return nullptr;
}

std::size_t Alive(std::span<const std::uint32_t> live) {
  std::size_t alive = 0;
  for (const std::uint32_t word : live) alive += static_cast<std::size_t>(std::popcount(word));
  return alive;
}

// The blocks of one listing while they are edited: a block is copied when it is first touched.
class BlockEditor {
 public:
  BlockEditor(const Base& base, const PostingBlocks& before)
      : layout_(base.layout()), with_codes_(base.has_codes()), with_terms_(!base.arrays.primary.terms.empty()), blocks_(before) {
    own_.resize(blocks_.size());
  }

  void Remove(std::uint32_t row) {
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      const PostingBlock& block = *blocks_[b];
      for (std::size_t place = 0; place < block.used; ++place) {
        if (block.rows[place] != row || !(block.live[place / kGroupPoints] >> (place % kGroupPoints) & 1u)) continue;
        Own(b).live[place / kGroupPoints] &= ~(1u << (place % kGroupPoints));
        return;
      }
    }
  }

  // Point `place` of groups of codes, as row `row`.
  void Add(std::uint32_t row, const std::uint8_t* codes, const std::int16_t* terms, std::size_t place) {
    if (blocks_.empty() || blocks_.back()->full()) {
      own_.push_back(std::make_shared<PostingBlock>());
      blocks_.push_back(own_.back());
    }
    PostingBlock& block = Own(blocks_.size() - 1);
    const std::size_t to = block.used++;
    const std::size_t group = to / kGroupPoints;
    if (group == block.groups()) {
      block.live.push_back(0);
      block.rows.resize(block.rows.size() + kGroupPoints, 0);
      if (with_codes_) block.codes.resize(block.codes.size() + layout_.group_bytes(), 0);
      if (with_terms_) block.terms.resize(block.terms.size() + kGroupPoints, 0);
    }
    block.live[group] |= 1u << (to % kGroupPoints);
    block.rows[to] = row;
    if (with_codes_) {
      std::uint8_t* group_codes = block.codes.data() + group * layout_.group_bytes();
      const std::uint8_t* from = codes + place / kGroupPoints * layout_.group_bytes();
      for (std::size_t b = 0; b < layout_.blocks; ++b) {
        layout_.Put(group_codes, b, to % kGroupPoints, layout_.Get(from, b, place % kGroupPoints));
      }
    }
    if (with_terms_) block.terms[to] = terms[place];
  }

  PostingBlocks Take() {
    std::size_t used = 0;
    std::size_t alive = 0;
    PostingBlocks kept;
    for (const auto& block : blocks_) {
      const std::size_t here = Alive(block->live);
      if (here == 0) continue;
      used += block->used;
      alive += here;
      kept.push_back(block);
    }
    return kept.size() > 1 && 2 * alive < used ? Packed(kept) : kept;
  }

 private:
  PostingBlock& Own(std::size_t b) {
    if (own_[b] == nullptr) {
      own_[b] = std::make_shared<PostingBlock>(*blocks_[b]);
      blocks_[b] = own_[b];
    }
    return *own_[b];
  }

  PostingBlocks Packed(const PostingBlocks& from) {
    blocks_.clear();
    own_.clear();
    for (const auto& block : from) {
      for (std::size_t place = 0; place < block->used; ++place) {
        if (!(block->live[place / kGroupPoints] >> (place % kGroupPoints) & 1u)) continue;
        Add(block->rows[place], block->codes.data(), block->terms.data(), place);
      }
    }
    return blocks_;
  }

  CodeLayout layout_;
  bool with_codes_;
  bool with_terms_;
  PostingBlocks blocks_;
  std::vector<std::shared_ptr<PostingBlock>> own_;
};

// A row of the base's segment.
std::uint32_t RowAt(const Segment& segment, std::size_t place) {
  return segment.rows == nullptr ? static_cast<std::uint32_t>(segment.first_row + place) : segment.rows[place];
}

void AddNew(const Base& base, const ListingEdit& edit, BlockEditor& editor) {
  const std::size_t bytes = base.layout().group_bytes();
  const std::uint8_t* codes = edit.from == nullptr ? nullptr : edit.from->codes.data() + edit.first_group * bytes;
  const bool with_terms = edit.terms != nullptr && !edit.terms->empty();
  const std::int16_t* terms = with_terms ? edit.terms->data() + edit.first_group * kGroupPoints : nullptr;
  for (std::size_t i = 0; i < edit.added.size(); ++i) editor.Add(edit.added[i], codes, terms, i);
}

ChangedListing EditListing(const Base& base, const Segment* segment, const ChangedListing& was, const ListingEdit& edit) {
  ChangedListing now = was;
  if (edit.empty()) return now;
  BlockEditor editor(base, was.blocks);
  for (const std::uint32_t row : edit.dead_rows) editor.Remove(row);
  if (was.moved) {
    for (const std::uint32_t place : edit.dead_places) editor.Remove(RowAt(*segment, place));
  } else if (!edit.dead_places.empty()) {
    auto words = was.live != nullptr ? std::make_shared<Words>(*was.live)
                                     : std::make_shared<Words>(segment->live, segment->live + segment->groups);
    for (const std::uint32_t place : edit.dead_places) (*words)[place / kGroupPoints] &= ~(1u << (place % kGroupPoints));
    now.live = words;
    // Dead points are scanned like living ones. Where they are the most, the others are scanned elsewhere.
    if (base.has_codes() && 2 * Alive(*words) < Alive({segment->live, segment->live + segment->groups})) {
      ForPlaces(*segment, words->data(), [&](std::size_t place) {
        editor.Add(RowAt(*segment, place), segment->codes, segment->terms, place);
      });
      now.live = nullptr;
      now.moved = true;
    }
  }
  AddNew(base, edit, editor);
  now.blocks = editor.Take();
  return now;
}

void ListBase(const Segment* segment, const ChangedListing& listing, std::vector<Segment>& to) {
  if (segment == nullptr || listing.moved) return;
  to.push_back(*segment);
  if (listing.live == nullptr) return;
  to.back().live = listing.live->data();
  if (Alive(*listing.live) == 0) to.pop_back();
}

void ListFresh(const PostingBlocks& blocks, bool second, std::vector<Segment>& to) {
  for (const auto& block : blocks) {
    Segment segment;
    if (!block->codes.empty()) segment.codes = block->codes.data();
    if (!block->terms.empty()) segment.terms = block->terms.data();
    segment.live = block->live.data();
    segment.rows = block->rows.data();
    segment.groups = block->groups();
    segment.second = second;
    to.push_back(segment);
  }
}

}  // namespace

std::shared_ptr<const ChangedLeaf> EditLeaf(const Base& base, std::size_t leaf, const ChangedLeaf* before,
                                            const LeafEdit& edit) {
  static const ChangedLeaf kNothing;
  const ChangedLeaf& was = before == nullptr ? kNothing : *before;
  auto now = std::make_shared<ChangedLeaf>();
  const Segment* first = BaseSegment(base.leaves[leaf], false);
  const Segment* second = BaseSegment(base.leaves[leaf], true);
  now->first = EditListing(base, first, was.first, edit.first);
  now->second = EditListing(base, second, was.second, edit.second);
  ListBase(first, now->first, now->segments);
  ListBase(second, now->second, now->segments);
  ListFresh(now->first.blocks, false, now->segments);
  ListFresh(now->second.blocks, true, now->segments);
  return now;
}

}  // namespace leafscan
