#include "leafscan/core/numbers_in_range.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <sstream>
#include <stdexcept>

#include "leafscan/core/thread_pool.h"

namespace leafscan {
namespace {

constexpr std::size_t kChunk = 4096;

// Without the sign, bits of floats are in the order of what they stand for, infinity and NaN above all.
std::uint32_t Magnitude(float value) { return std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFu; }

bool AllWithin(const float* row, std::size_t count, std::uint32_t most) {
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < count; ++i) bad |= static_cast<std::uint32_t>(Magnitude(row[i]) > most);
  return bad == 0;
}

std::string Refusal(const MatrixView<float>& rows, std::size_t bad, float most) {
  const float* row = rows.row(bad);
  const float* worst = std::max_element(row, row + rows.cols, [](float a, float b) { return Magnitude(a) < Magnitude(b); });
  if (!std::isfinite(*worst)) {
    return " must be finite numbers, received NaN or infinity in row " + std::to_string(bad) + "; drop or repair it.";
  }
  std::ostringstream text;
  text << " must hold numbers from -" << most << " to " << most << ", or scores would not be finite 32-bit floats; received "
       << *worst << " in row " << bad << ". Scale vectors and queries alike.";
  return text.str();
}

}  // namespace

std::size_t FirstBadRow(const MatrixView<float>& rows, float most, int threads) {
  const std::uint32_t bits = Magnitude(most);
  std::atomic<std::size_t> first{rows.rows};
  ParallelFor((rows.rows + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
    const std::size_t begin = chunk * kChunk;
    const std::size_t end = std::min(rows.rows, begin + kChunk);
    if (begin >= first.load() || AllWithin(rows.row(begin), (end - begin) * rows.cols, bits)) return;
    std::size_t row = begin;
    while (AllWithin(rows.row(row), rows.cols, bits)) ++row;
    std::size_t seen = first.load();
    while (row < seen && !first.compare_exchange_weak(seen, row)) {
    }
  });
  return first.load();
}

void CheckNumbers(const MatrixView<float>& rows, const std::string& what, float most, int threads) {
  const std::size_t bad = FirstBadRow(rows, most, threads);
  if (bad < rows.rows) throw std::invalid_argument(what + Refusal(rows, bad, most));
}

}  // namespace leafscan
