#include "leafscan/core/finite.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "leafscan/core/thread_pool.h"

namespace leafscan {
namespace {

constexpr std::size_t kChunk = 4096;

bool AllFinite(const float* row, std::size_t count) {
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, row + i, sizeof(bits));
    bad |= static_cast<std::uint32_t>((bits & 0x7F800000u) == 0x7F800000u);
  }
  return bad == 0;
}

}  // namespace

std::size_t FirstBadRow(const MatrixView<float>& rows, int threads) {
  std::atomic<std::size_t> first{rows.rows};
  ParallelFor((rows.rows + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
    const std::size_t begin = chunk * kChunk;
    const std::size_t end = std::min(rows.rows, begin + kChunk);
    if (begin >= first.load() || AllFinite(rows.row(begin), (end - begin) * rows.cols)) return;
    std::size_t row = begin;
    while (AllFinite(rows.row(row), rows.cols)) ++row;
    std::size_t seen = first.load();
    while (row < seen && !first.compare_exchange_weak(seen, row)) {
    }
  });
  return first.load();
}

void CheckFinite(const MatrixView<float>& rows, const std::string& what, int threads) {
  const std::size_t bad = FirstBadRow(rows, threads);
  if (bad < rows.rows) {
    throw std::invalid_argument(what + " must be finite numbers, received NaN or infinity in row " +
                                std::to_string(bad) + "; drop or repair it.");
  }
}

}  // namespace leafscan
