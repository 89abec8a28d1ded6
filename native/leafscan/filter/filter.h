// Which rows a search may return, compiled once for one version of an index.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "leafscan/snapshot/snapshot.h"

namespace leafscan {

// The same set three times, each as one way of searching wants it: bits by row for whatever scores rows, words in the
// order of the codes for the scan, and, where it is small, the rows themselves.
class Filter {
 public:
  // allowed[row] is 0 for the rows that must not be returned; allowed.size() is snapshot.row_end.
  // `before`, where given, is of an earlier version of the same base, and of rows that both versions have it allows the same:
  // then only leaves that have changed in between are gone through.
  // Cost: one pass over the postings, about 1 ns a row, 3 ns with second leaves; with `before` .2 ns a row and what the leaves
  // that have changed hold.
  Filter(const Snapshot& snapshot, std::span<const std::uint8_t> allowed, const Filter* before = nullptr);

  // A filter is for this version alone, which it does not keep.
  std::uint64_t version() const { return version_; }
  // How many rows are there and allowed.
  std::size_t allowed() const { return allowed_; }
  std::size_t nbytes() const;

  // Bit j is set where row `row` + j is there and allowed, j < 32.
  std::uint32_t RowsFrom(std::size_t row) const {
    const std::uint64_t both = bits_[row / 32] | static_cast<std::uint64_t>(bits_[row / 32 + 1]) << 32;
    return static_cast<std::uint32_t>(both >> (row % 32));
  }
  bool Allows(std::size_t row) const { return (bits_[row / 32] >> (row % 32) & 1u) != 0; }

  // Calls use(row) for each allowed row of [begin, end), ascending.
  template <class Use>
  void ForRows(std::size_t begin, std::size_t end, const Use& use) const {
    for (std::size_t first = begin; first < end; first += 32) {
      std::uint32_t word = RowsFrom(first);
      if (end - first < 32) word &= (1u << (end - first)) - 1;
      for (; word != 0; word &= word - 1) use(static_cast<std::uint32_t>(first + std::countr_zero(word)));
    }
  }

  // Whether rows() lists the allowed rows, ascending: where they are at most a quarter of all. A row read for itself
  // takes about three times what it takes in a pass over all (10 ns a cache line against 3).
  bool listed() const { return listed_; }
  std::span<const std::uint32_t> rows() const { return rows_; }

  // A leaf's words, a bit for each live and allowed point of each group, its segments one after the other.
  const std::uint32_t* leaf_words(std::size_t leaf) const { return words_.data() + first_words_[leaf]; }

  // By leaf, 0 where nothing is allowed; and how many leaves have something.
  std::span<const std::uint8_t> open_leaves() const { return open_; }
  std::size_t open_count() const { return open_count_; }

  // How many of the open leaves a search visits that would visit `leaves` and rerank `candidates` rows without a
  // filter: more where few rows of a leaf are allowed, so that recall stays what it was, yet at most about twice the
  // work (filter.cc has the numbers). Without a tree 1, the whole.
  std::size_t Visits(std::size_t leaves, std::size_t candidates) const;

  // Whether it costs less to score every allowed row than to visit `visits` leaves and rerank `candidates` rows.
  bool BetterListed(std::size_t visits, std::size_t candidates) const;

 private:
  // What the leaves hold together, each row as often as it is listed.
  struct Contents {
    double groups = 0.0;
    double points = 0.0;
  };

  // What one leaf holds: groups and points in all, and of these what is allowed.
  struct Share {
    std::uint32_t groups = 0;
    std::uint32_t open_groups = 0;
    std::uint32_t points = 0;
    std::uint32_t open_points = 0;
  };

  // Appends the words of a leaf.
  Share Compile(const Leaf& leaf);
  double RowCost() const;
  // A visit to the average one of so many leaves that hold this.
  double LeafCost(const Contents& of, double leaves) const;
  // Routing, and reranking at most `candidates` of so many points.
  double OtherCost(double points, std::size_t candidates) const;

  std::shared_ptr<const Base> base_;
  std::uint64_t version_ = 0;
  std::size_t allowed_ = 0;
  bool listed_ = false;
  std::vector<std::uint32_t> bits_;  // and a word of zeros behind them
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> words_;
  std::vector<std::size_t> first_words_;  // of each leaf, and the end
  std::vector<Share> shares_;
  std::vector<std::uint64_t> leaf_versions_;
  std::vector<std::uint8_t> open_;
  std::size_t open_count_ = 0;
  Contents all_;
  Contents allowed_in_;    // groups that have a bit set, and their bits
  double thinning_ = 1.0;  // leaves to visit for each one without a filter
};

}  // namespace leafscan
