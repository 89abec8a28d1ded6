#include "leafscan/update/fold.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include "leafscan/core/thread_pool.h"

namespace leafscan {
namespace {

constexpr std::size_t kRowsPerTask = 1024;
constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

std::size_t Count(const Leaf& leaf, bool second) {
  std::size_t count = 0;
  for (const Segment& segment : leaf.segments) {
    if (segment.second != second) continue;
    for (std::size_t group = 0; group < segment.groups; ++group) {
      count += static_cast<std::size_t>(std::popcount(segment.live[group]));
    }
  }
  return count;
}

std::vector<std::size_t> GroupStarts(std::span<const std::uint64_t> offsets) {
  std::vector<std::size_t> starts(1, 0);
  for (std::size_t l = 0; l + 1 < offsets.size(); ++l) starts.push_back(starts.back() + GroupsOf(offsets[l + 1] - offsets[l]));
  return starts;
}

class Folder {
 public:
  Folder(const Snapshot& snapshot, int threads) : snapshot_(snapshot), layout_(snapshot.layout()), threads_(threads) {}

  Folded Run() {
    out_.rows.resize(snapshot_.count);
    out_.sections.leaf_offsets = Offsets(false);
    ForLeaves([&](std::size_t leaf) {
      std::uint32_t* to = out_.rows.data() + out_.sections.leaf_offsets[leaf];
      ForEach(leaf, false, [&](const Segment&, std::size_t, std::uint32_t row) { *to++ = row; });
    });
    if (snapshot_.has_codes()) {
      FoldCodes(false, out_.sections.leaf_offsets, out_.sections.primary);
      out_.sections.term_scale = snapshot_.arrays.term_scale;
    }
    if (snapshot_.has_spill()) {
      out_.sections.spill_offsets = Offsets(true);
      FoldCodes(true, out_.sections.spill_offsets, out_.sections.spill);
      ListSecond();
    }
    out_.sections.rows = FoldRows(snapshot_.rows);
    out_.sections.first_rows = FoldRows(snapshot_.first_rows);
    return std::move(out_);
  }

 private:
  template <class Body>
  void ForLeaves(const Body& body) const {
    ParallelFor(snapshot_.leaves.size(), threads_, body);
  }

  // Calls use(segment, place, row) for every live point of a listing, in the order in which they are kept.
  template <class Use>
  void ForEach(std::size_t leaf, bool second, const Use& use) const {
    for (const Segment& segment : snapshot_.leaves[leaf].segments) {
      if (segment.second != second) continue;
      for (std::size_t group = 0; group < segment.groups; ++group) {
        for (std::uint32_t word = segment.live[group]; word != 0; word &= word - 1) {
          const std::size_t place = group * kGroupPoints + static_cast<std::size_t>(std::countr_zero(word));
          use(segment, place,
              segment.rows == nullptr ? static_cast<std::uint32_t>(segment.first_row + place) : segment.rows[place]);
        }
      }
    }
  }

  AlignedVector<std::uint64_t> Offsets(bool second) const {
    AlignedVector<std::uint64_t> offsets(1, 0);
    for (const Leaf& leaf : snapshot_.leaves) offsets.push_back(offsets.back() + Count(leaf, second));
    return offsets;
  }

  void FoldCodes(bool second, std::span<const std::uint64_t> offsets, CodeSections& to) const {
    const std::vector<std::size_t> starts = GroupStarts(offsets);
    const bool terms = snapshot_.arrays.metric == Metric::kSquaredL2;
    const std::size_t bytes = layout_.group_bytes();
    to.codes.assign(starts.back() * bytes, 0);
    to.live.assign(starts.back(), 0);
    if (terms) to.terms.assign(starts.back() * kGroupPoints, 0);
    ForLeaves([&](std::size_t leaf) {
      std::uint8_t* codes = to.codes.data() + starts[leaf] * bytes;
      std::size_t at = 0;
      const bool same = snapshot_.changed.Find(leaf) == nullptr;
      for (const Segment& segment : snapshot_.leaves[leaf].segments) {
        if (same && segment.second == second) std::memcpy(codes, segment.codes, segment.groups * bytes);
      }
      ForEach(leaf, second, [&](const Segment& segment, std::size_t place, std::uint32_t) {
        const std::size_t group = at / kGroupPoints;
        if (!same) {
          const std::uint8_t* from = segment.codes + place / kGroupPoints * bytes;
          for (std::size_t b = 0; b < layout_.blocks; ++b) {
            layout_.Put(codes + group * bytes, b, at % kGroupPoints, layout_.Get(from, b, place % kGroupPoints));
          }
        }
        to.live[starts[leaf] + group] |= 1u << (at % kGroupPoints);
        if (terms) to.terms[starts[leaf] * kGroupPoints + at] = segment.terms[place];
        ++at;
      });
    });
  }

  // The second listing names rows by their new numbers.
  void ListSecond() {
    std::vector<std::uint32_t> now(snapshot_.row_end, kNowhere);
    for (std::size_t row = 0; row < out_.rows.size(); ++row) now[out_.rows[row]] = static_cast<std::uint32_t>(row);
    const std::vector<std::size_t> starts = GroupStarts(out_.sections.spill_offsets);
    out_.sections.spill_rows.assign(starts.back() * kGroupPoints, 0);
    ForLeaves([&](std::size_t leaf) {
      std::uint32_t* to = out_.sections.spill_rows.data() + starts[leaf] * kGroupPoints;
      ForEach(leaf, true, [&](const Segment&, std::size_t, std::uint32_t row) { *to++ = now[row]; });
    });
  }

  const RowStore& StoreOf(const RowTable& table, std::uint32_t row, std::size_t& place) const {
    const std::size_t base = snapshot_.arrays.count;
    place = row < base ? row : (row - base) % snapshot_.fresh.chunk_rows;
    return row < base ? table.base() : table.chunks()[(row - base) / snapshot_.fresh.chunk_rows];
  }

  RowSections FoldRows(const RowTable& table) const {
    RowSections to;
    if (table.empty()) return to;
    const std::size_t dim = table.cols();
    const std::size_t size = out_.rows.size() * dim;
    switch (table.base().type()) {
      case RowType::kBFloat16:
        to.bfloat16.resize(size);
        CopyRows(table, to.bfloat16.data(), [](const RowStore& store, std::size_t row) { return store.bfloat16(row); });
        break;
      case RowType::kInt8:
        FoldInt8(table, to);
        break;
      default:
        to.float32.resize(size);
        CopyRows(table, to.float32.data(), [](const RowStore& store, std::size_t row) { return store.float32(row); });
    }
    return to;
  }

  template <class T, class Read>
  void CopyRows(const RowTable& table, T* to, const Read& read) const {
    ForRows([&](std::size_t row) {
      std::size_t place = 0;
      const RowStore& store = StoreOf(table, out_.rows[row], place);
      std::copy_n(read(store, place), table.cols(), to + row * table.cols());
    });
  }

  void FoldInt8(const RowTable& table, RowSections& to) const {
    const std::size_t dim = table.cols();
    to.scales.assign(table.base().scales(), table.base().scales() + dim);
    for (const RowStore& chunk : table.chunks()) {
      for (std::size_t i = 0; i < dim; ++i) to.scales[i] = std::max(to.scales[i], chunk.scales()[i]);
    }
    to.int8.resize(out_.rows.size() * dim);
    ForRows([&](std::size_t row) {
      std::size_t place = 0;
      const RowStore& store = StoreOf(table, out_.rows[row], place);
      const std::int8_t* from = store.int8(place);
      for (std::size_t i = 0; i < dim; ++i) {
        const float scale = store.scales()[i];
        to.int8[row * dim + i] = scale == to.scales[i] ? from[i]
                                                       : static_cast<std::int8_t>(std::lround(static_cast<double>(from[i]) *
                                                                                              scale / to.scales[i]));
      }
    });
  }

  template <class Body>
  void ForRows(const Body& body) const {
    const std::size_t count = out_.rows.size();
    ParallelFor((count + kRowsPerTask - 1) / kRowsPerTask, threads_, [&](std::size_t task) {
      for (std::size_t row = task * kRowsPerTask; row < std::min(count, (task + 1) * kRowsPerTask); ++row) body(row);
    });
  }

  const Snapshot& snapshot_;
  CodeLayout layout_;
  int threads_;
  Folded out_;
};

}  // namespace

Folded Fold(const Snapshot& snapshot, int threads) { return Folder(snapshot, threads).Run(); }

}  // namespace leafscan
