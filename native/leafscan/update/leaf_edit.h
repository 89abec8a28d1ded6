// What an update does to one leaf, and the leaf that comes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "leafscan/build/encoder.h"
#include "leafscan/snapshot/postings.h"

namespace leafscan {

// Postings of one listing (first or second) that come and go.
struct ListingEdit {
  std::vector<std::uint32_t> dead_places;  // in the base's segment
  std::vector<std::uint32_t> dead_rows;    // among the fresh ones
  std::vector<std::uint32_t> added;        // rows of new points, whose codes follow one another in `from`
  const EncodedPostings* from = nullptr;   // null without codes
  const AlignedVector<std::int16_t>* terms = nullptr;
  std::size_t first_group = 0;             // where they begin

  bool empty() const { return dead_places.empty() && dead_rows.empty() && added.empty(); }
};

struct LeafEdit {
  ListingEdit first;
  ListingEdit second;
};

// The leaf after the edit; `before` is what it was, null where it was the base's. What it was stays as it is.
// Cost: the words of the base's segments, the blocks that are touched, and the blocks' codes of every new point. Where
// more than half of the leaf's fresh places are dead, all of them are packed anew; where more than half of what the base has of
// it is, the rest moves to the fresh blocks.
std::shared_ptr<const ChangedLeaf> EditLeaf(const Base& base, std::size_t leaf, const ChangedLeaf* before,
                                            const LeafEdit& edit);

}  // namespace leafscan
