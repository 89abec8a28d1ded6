// Which rows a version has, a bit for each row number. Copies share what is not changed afterwards.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace leafscan {

class LiveRows {
 public:
  LiveRows() = default;
  // Rows 0 ... count - 1.
  explicit LiveRows(std::size_t count) : count_(count) {}

  bool Contains(std::size_t row) const { return (Word(row / 32) >> (row % 32) & 1u) != 0; }

  // The bits of rows 32 w ... 32 w + 31.
  std::uint32_t Word(std::size_t w) const {
    const std::size_t node = w / kWords;
    if (node < nodes_.size() && nodes_[node] != nullptr) return (*nodes_[node])[w % kWords];
    return First(w);
  }

  // Cost: a pointer for every 4,096 rows, and 512 bytes for each such stretch that is touched.
  void Change(std::span<const std::uint32_t> removed, std::span<const std::uint32_t> added) {
    std::vector<Node*> own;
    for (const std::uint32_t row : removed) Own(row, own) &= ~(1u << (row % 32));
    for (const std::uint32_t row : added) Own(row, own) |= 1u << (row % 32);
  }

 private:
  static constexpr std::size_t kWords = 128;
  using Node = std::array<std::uint32_t, kWords>;

  std::uint32_t First(std::size_t w) const {
    if (w >= (count_ + 31) / 32) return 0;
    return count_ - w * 32 < 32 ? (1u << (count_ - w * 32)) - 1 : ~0u;
  }

  std::uint32_t& Own(std::size_t row, std::vector<Node*>& own) {
    const std::size_t w = row / 32;
    const std::size_t node = w / kWords;
    if (node >= own.size()) own.resize(node + 1, nullptr);
    if (own[node] == nullptr) {
      if (node >= nodes_.size()) nodes_.resize(node + 1);
      auto copy = std::make_shared<Node>();
      for (std::size_t i = 0; i < kWords; ++i) (*copy)[i] = Word(node * kWords + i);
      own[node] = copy.get();
      nodes_[node] = std::move(copy);
    }
    return (*own[node])[w % kWords];
  }

  std::size_t count_ = 0;
  std::vector<std::shared_ptr<const Node>> nodes_;  // null: as at first
};

}  // namespace leafscan
