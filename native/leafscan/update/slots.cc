#include "leafscan/update/slots.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "leafscan/core/thread_pool.h"

namespace leafscan {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kLeastRows = 64;
constexpr std::size_t kMostRows = 4096;
constexpr float kLevels = 127.0f;
constexpr float kWider = 1.25f;
constexpr std::size_t kRowsPerTask = 256;

std::size_t RowBytes(const RowStore& store) {
  if (store.empty()) return 0;
  switch (store.type()) {
    case RowType::kBFloat16:
      return store.cols() * sizeof(std::uint16_t);
    case RowType::kInt8:
      return store.cols();
    default:
      return store.cols() * sizeof(float);
  }
}

// Room for `count` rows of the store's type.
RowSections Room(const RowStore& like, std::size_t count, const AlignedVector<float>& scales) {
  RowSections room;
  if (like.empty()) return room;
  const std::size_t size = count * like.cols();
  switch (like.type()) {
    case RowType::kBFloat16:
      room.bfloat16.assign(size, 0);
      break;
    case RowType::kInt8:
      room.int8.assign(size, 0);
      room.scales = scales;
      break;
    default:
      room.float32.assign(size, 0.0f);
  }
  return room;
}

RowStore StoreOf(const RowSections& rows, const RowStore& like, std::size_t count) {
  if (like.empty()) return {};
  switch (like.type()) {
    case RowType::kBFloat16:
      return {rows.bfloat16.data(), count, like.cols()};
    case RowType::kInt8:
      return {rows.int8.data(), rows.scales.empty() ? like.scales() : rows.scales.data(), count, like.cols()};
    default:
      return {rows.float32.data(), count, like.cols()};
  }
}

// Scales that hold `needed`, where `now` (empty: the store's own) do not; else empty.
AlignedVector<float> Wider(const RowStore& store, const AlignedVector<float>& now, const AlignedVector<float>& needed) {
  const float* scales = now.empty() ? store.scales() : now.data();
  bool fits = true;
  for (std::size_t i = 0; i < needed.size(); ++i) fits &= needed[i] <= scales[i];
  if (fits) return {};
  AlignedVector<float> wider(needed.size());
  for (std::size_t i = 0; i < needed.size(); ++i) wider[i] = kWider * std::max(scales[i], needed[i]);
  return wider;
}

bool IsInt8(const RowStore& store) { return !store.empty() && store.type() == RowType::kInt8; }

}  // namespace

Slots::Slots(const Base& base) : base_(base) {
  const std::size_t bytes = RowBytes(base.arrays.rows) + RowBytes(base.arrays.first_rows) + 2 * sizeof(std::int64_t);
  chunk_rows_ = std::bit_floor(std::clamp(kChunkBytes / bytes, kLeastRows, kMostRows));
}

Slots::Batch Slots::Write(const RowSource& source, std::span<const std::int64_t> ids, std::int64_t first_position,
                          const RowEncoding& encoding) {
  Reclaim();
  Batch batch;
  batch.chunks = chunks_;
  batch.end = end_;
  batch.generation = generation_;
  batch.scales = scales_;
  batch.first_scales = first_scales_;
  const std::size_t count = ids.size();
  if (count == 0) return batch;
  if (IsInt8(base_.arrays.rows) || IsInt8(base_.arrays.first_rows)) {
    const AlignedVector<float> needed = MeasureScales(source, encoding.threads, encoding.monitor);
    AlignedVector<float> wider;
    AlignedVector<float> first_wider;
    if (IsInt8(base_.arrays.rows)) wider = Wider(base_.arrays.rows, scales_, needed);
    if (IsInt8(base_.arrays.first_rows)) first_wider = Wider(base_.arrays.first_rows, first_scales_, needed);
    if (!wider.empty() || !first_wider.empty()) {
      ++batch.generation;
      batch.end = batch.chunks.size() * chunk_rows_;
      if (!wider.empty()) batch.scales = std::move(wider);
      if (!first_wider.empty()) batch.first_scales = std::move(first_wider);
    }
  }
  batch.reused = batch.generation == generation_ ? std::min(free_.size(), count) : 0;
  batch.slots.assign(free_.end() - static_cast<std::ptrdiff_t>(batch.reused), free_.end());
  while (batch.slots.size() < count) batch.slots.push_back(static_cast<std::uint32_t>(batch.end++));
  while (batch.chunks.size() * chunk_rows_ < batch.end) batch.chunks.push_back(NewChunk(batch));
  for (std::size_t i = 0; i < count; ++i) {
    FreshChunk& chunk = *batch.chunks[batch.slots[i] / chunk_rows_];
    chunk.ids[batch.slots[i] % chunk_rows_] = ids[i];
    chunk.positions[batch.slots[i] % chunk_rows_] = first_position + static_cast<std::int64_t>(i);
  }
  if (!base_.arrays.rows.empty()) WriteRows(source, encoding, false, batch);
  if (!base_.arrays.first_rows.empty()) WriteRows(source, encoding, true, batch);
  return batch;
}

void Slots::Commit(const Batch& batch) {
  if (batch.generation != generation_) free_.clear();
  free_.resize(free_.size() - batch.reused);
  chunks_ = batch.chunks;
  generations_.resize(chunks_.size(), batch.generation);
  end_ = batch.end;
  generation_ = batch.generation;
  scales_ = batch.scales;
  first_scales_ = batch.first_scales;
}

void Slots::Release(std::vector<std::uint32_t> slots, const Snapshot& last) {
  released_.push_back({last.end.over(), std::move(slots)});
}

void Slots::Reclaim() {
  // In order: an earlier version lists all that a later one has released.
  while (!released_.empty() && released_.front().over->load(std::memory_order_acquire)) {
    for (const std::uint32_t slot : released_.front().slots) {
      if (generations_[slot / chunk_rows_] == generation_) free_.push_back(slot);
    }
    released_.pop_front();
  }
}

std::shared_ptr<FreshChunk> Slots::NewChunk(const Batch& batch) const {
  auto chunk = std::make_shared<FreshChunk>();
  chunk->rows = Room(base_.arrays.rows, chunk_rows_, batch.scales);
  chunk->first_rows = Room(base_.arrays.first_rows, chunk_rows_, batch.first_scales);
  chunk->ids.assign(chunk_rows_, -1);
  chunk->positions.assign(chunk_rows_, -1);
  return chunk;
}

void Slots::WriteRows(const RowSource& source, const RowEncoding& encoding, bool first, const Batch& batch) const {
  const RowStore& like = first ? base_.arrays.first_rows : base_.arrays.rows;
  const std::size_t dim = like.cols();
  const std::size_t bytes = RowBytes(like);
  const auto room = [&](std::size_t i) {
    FreshChunk& chunk = *batch.chunks[batch.slots[i] / chunk_rows_];
    RowSections& rows = first ? chunk.first_rows : chunk.rows;
    std::byte* data = like.type() == RowType::kBFloat16 ? reinterpret_cast<std::byte*>(rows.bfloat16.data())
                      : like.type() == RowType::kInt8   ? reinterpret_cast<std::byte*>(rows.int8.data())
                                                        : reinterpret_cast<std::byte*>(rows.float32.data());
    return data + batch.slots[i] % chunk_rows_ * bytes;
  };
  const std::size_t count = batch.slots.size();
  if (like.type() == RowType::kFloat32) {
    ParallelFor((count + kRowsPerTask - 1) / kRowsPerTask, encoding.threads, [&](std::size_t task) {
      AlignedVector<float> row(dim);
      for (std::size_t i = task * kRowsPerTask; i < std::min(count, (task + 1) * kRowsPerTask); ++i) {
        source.Read(i, row.data());
        std::memcpy(room(i), row.data(), bytes);
      }
    });
    return;
  }
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  const auto scatter = [&](const auto& encoded) {
    for (std::size_t i = 0; i < count; ++i) std::memcpy(room(i), encoded.data() + i * dim, bytes);
  };
  if (like.type() == RowType::kBFloat16) {
    scatter(EncodeBFloat16(source, order, encoding));
    return;
  }
  const AlignedVector<float>& own = first ? batch.first_scales : batch.scales;
  scatter(EncodeInt8(source, order, {own.empty() ? like.scales() : own.data(), dim}, encoding));
}

std::vector<RowStore> Slots::Stores(const Batch& batch, bool first) const {
  const RowStore& like = first ? base_.arrays.first_rows : base_.arrays.rows;
  std::vector<RowStore> stores;
  if (like.empty()) return stores;
  for (const auto& chunk : batch.chunks) {
    stores.push_back(StoreOf(first ? chunk->first_rows : chunk->rows, like, chunk_rows_));
  }
  return stores;
}

}  // namespace leafscan
