// Where fresh rows are written: slots in chunks, taken again when no version is left that lists what was there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/row_source.h"
#include "leafscan/reorder/row_encoder.h"
#include "leafscan/snapshot/snapshot.h"

namespace leafscan {

// int8 rows are written by the base's scales as long as all components fit; where one does not, chunks of wider scales
// begin, a quarter wider than what is there needs, so that this happens seldom. Nothing is ever clipped. Free slots of
// narrower chunks are not used again.
class Slots {
 public:
  explicit Slots(const Base& base);

  // Rows that are written and not yet there.
  struct Batch {
    std::vector<std::uint32_t> slots;  // of each row
    std::vector<std::shared_ptr<FreshChunk>> chunks;  // all there are with it
    std::size_t end = 0;               // all slots are below
    std::size_t reused = 0;
    std::size_t generation = 0;
    AlignedVector<float> scales;       // of the generation, where rows are int8
    AlignedVector<float> first_scales;
  };

  // Writes the source's rows, as they are kept, and their ids; the position of the first is `first_position`, and so on.
  // A batch that is not committed leaves nothing behind.
  Batch Write(const RowSource& source, std::span<const std::int64_t> ids, std::int64_t first_position,
              const RowEncoding& encoding);
  void Commit(const Batch& batch);

  // `last` is the last version that lists these slots; versions are to be named in their order, each once.
  void Release(std::vector<std::uint32_t> slots, const Snapshot& last);

  std::size_t end() const { return end_; }
  std::size_t chunk_rows() const { return chunk_rows_; }

  // Views of a batch's chunks.
  std::vector<RowStore> Stores(const Batch& batch, bool first) const;

 private:
  struct Released {
    std::shared_ptr<const std::atomic<bool>> over;  // of the last version that lists them
    std::vector<std::uint32_t> slots;
  };

  void Reclaim();
  std::shared_ptr<FreshChunk> NewChunk(const Batch& batch) const;
  void WriteRows(const RowSource& source, const RowEncoding& encoding, bool first, const Batch& batch) const;

  const Base& base_;
  std::size_t chunk_rows_;
  std::size_t end_ = 0;
  std::vector<std::shared_ptr<FreshChunk>> chunks_;
  std::vector<std::size_t> generations_;  // of each chunk
  std::size_t generation_ = 0;
  AlignedVector<float> scales_;        // of the generation; empty while they are the base's
  AlignedVector<float> first_scales_;
  std::vector<std::uint32_t> free_;    // of the generation
  std::deque<Released> released_;
};

}  // namespace leafscan
