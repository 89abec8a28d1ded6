#include "leafscan/reorder/row_encoder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "leafscan/core/bfloat16.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/reorder/noise_shaping.h"

namespace leafscan {
namespace {

constexpr std::size_t kRowsPerChunk = 1024;
constexpr float kLevels = 127.0f;

// The bfloat16 on the other side of `value`, which `nearest` is the nearest to; `nearest` itself where there is none.
std::uint16_t OtherBFloat16(float value, std::uint16_t nearest) {
  const float rounded = FromBFloat16(nearest);
  if (rounded == value) return nearest;
  // One bit pattern further is one value away from zero.
  const bool away = std::abs(value) > std::abs(rounded);
  const auto other = static_cast<std::uint16_t>(away ? nearest + 1 : nearest - 1);
  return (other & 0x7F80u) == 0x7F80u ? nearest : other;
}

// Adding and taking off 1.5 * 2^23 leaves a small number rounded to a whole one, ties to even, without a library call.
float Rounded(float value) {
  constexpr float kShift = 12582912.0f;
  const float shifted = value + kShift;
  return shifted - kShift;
}

float NearestLevel(float value, float scale) {
  return scale > 0.0f ? std::clamp(Rounded(value / scale), -kLevels, kLevels) : 0.0f;
}

float OtherLevel(float value, float scale, float level) {
  return std::clamp(value > scale * level ? level + 1.0f : level - 1.0f, -kLevels, kLevels);
}

// encode(row, shaper, out) for every row, on all threads; a thread has one row in floats at a time.
template <class T, class Encode>
AlignedVector<T> EncodeRows(const RowSource& source, std::span<const std::uint32_t> order, const RowEncoding& encoding,
                            const Encode& encode) {
  const std::size_t dim = source.dim();
  AlignedVector<T> out(order.size() * dim);
  ParallelFor(
      (order.size() + kRowsPerChunk - 1) / kRowsPerChunk, encoding.threads,
      [&](std::size_t chunk) {
        NoiseShaper shaper(encoding.threshold, dim);
        std::vector<float> row(dim), nearest(dim), second(dim);
        const std::size_t end = std::min(order.size(), (chunk + 1) * kRowsPerChunk);
        for (std::size_t at = chunk * kRowsPerChunk; at < end; ++at) {
          source.Read(order[at], row.data());
          encode(std::span<const float>(row), std::span<float>(nearest), std::span<float>(second), shaper,
                 out.data() + at * dim);
        }
      },
      encoding.monitor);
  return out;
}

}  // namespace

AlignedVector<std::uint16_t> EncodeBFloat16(const RowSource& source, std::span<const std::uint32_t> order,
                                            const RowEncoding& encoding) {
  return EncodeRows<std::uint16_t>(
      source, order, encoding,
      [](std::span<const float> row, std::span<float> nearest, std::span<float> second, NoiseShaper& shaper,
         std::uint16_t* out) {
        for (std::size_t i = 0; i < row.size(); ++i) out[i] = ToBFloat16(row[i]);
        if (!shaper.active()) return;
        for (std::size_t i = 0; i < row.size(); ++i) {
          nearest[i] = FromBFloat16(out[i]);
          second[i] = FromBFloat16(OtherBFloat16(row[i], out[i]));
        }
        const std::span<const std::uint8_t> taken = shaper.Choose(row, nearest, second);
        for (std::size_t i = 0; i < row.size(); ++i) {
          if (taken[i] != 0) out[i] = OtherBFloat16(row[i], out[i]);
        }
      });
}

AlignedVector<float> MeasureScales(const RowSource& source, int threads, Monitor* monitor) {
  const std::size_t dim = source.dim();
  const std::size_t chunks = (source.size() + kRowsPerChunk - 1) / kRowsPerChunk;
  AlignedVector<float> most(chunks * dim, 0.0f);
  ParallelFor(
      chunks, threads,
      [&](std::size_t chunk) {
        std::vector<float> row(dim);
        float* of_chunk = most.data() + chunk * dim;
        const std::size_t end = std::min(source.size(), (chunk + 1) * kRowsPerChunk);
        for (std::size_t at = chunk * kRowsPerChunk; at < end; ++at) {
          source.Read(at, row.data());
          for (std::size_t i = 0; i < dim; ++i) of_chunk[i] = std::max(of_chunk[i], std::abs(row[i]));
        }
      },
      monitor);
  AlignedVector<float> scales(dim, 0.0f);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    for (std::size_t i = 0; i < dim; ++i) scales[i] = std::max(scales[i], most[chunk * dim + i]);
  }
  for (float& scale : scales) {
    scale /= kLevels;
    if (std::isinf(scale * kLevels)) scale = std::nextafter(scale, 0.0f);
    if (scale < std::numeric_limits<float>::min()) scale = 0.0f;
  }
  return scales;
}

AlignedVector<std::int8_t> EncodeInt8(const RowSource& source, std::span<const std::uint32_t> order,
                                      std::span<const float> scales, const RowEncoding& encoding) {
  return EncodeRows<std::int8_t>(
      source, order, encoding,
      [scales](std::span<const float> row, std::span<float> nearest, std::span<float> second, NoiseShaper& shaper,
               std::int8_t* out) {
        for (std::size_t i = 0; i < row.size(); ++i) out[i] = static_cast<std::int8_t>(NearestLevel(row[i], scales[i]));
        if (!shaper.active()) return;
        for (std::size_t i = 0; i < row.size(); ++i) {
          nearest[i] = scales[i] * out[i];
          second[i] = scales[i] * OtherLevel(row[i], scales[i], out[i]);
        }
        const std::span<const std::uint8_t> taken = shaper.Choose(row, nearest, second);
        for (std::size_t i = 0; i < row.size(); ++i) {
          if (taken[i] != 0) out[i] = static_cast<std::int8_t>(OtherLevel(row[i], scales[i], out[i]));
        }
      });
}

}  // namespace leafscan
