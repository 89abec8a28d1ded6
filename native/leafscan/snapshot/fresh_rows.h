// Rows that came after the base was built, in chunks. A slot is written before any version lists it, and again only when no
// version that listed it is left; so those who read need no lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "leafscan/build/sections.h"
#include "leafscan/core/aligned_vector.h"
#include "leafscan/reorder/row_store.h"

namespace leafscan {

struct FreshChunk {
  RowSections rows;        // of the types that the base's are of; int8 by scales of its own
  RowSections first_rows;
  AlignedVector<std::int64_t> ids;
  AlignedVector<std::int64_t> positions;  // by which no other row is or was known
};

struct FreshRows {
  std::vector<std::shared_ptr<const FreshChunk>> chunks;
  std::size_t chunk_rows = 1;

  std::int64_t id(std::size_t slot) const { return chunks[slot / chunk_rows]->ids[slot % chunk_rows]; }
  std::int64_t position(std::size_t slot) const { return chunks[slot / chunk_rows]->positions[slot % chunk_rows]; }
};

}  // namespace leafscan
