#include "leafscan/build/kept_rows.h"

#include <algorithm>
#include <cstddef>

#include "leafscan/core/thread_pool.h"

namespace leafscan {
namespace {

constexpr std::size_t kRowsPerChunk = 1024;

}  // namespace

RowSections KeepRows(const RowSource& source, std::span<const std::uint32_t> order, RowType type,
                     const RowEncoding& encoding) {
  RowSections kept;
  switch (type) {
    case RowType::kBFloat16:
      kept.bfloat16 = EncodeBFloat16(source, order, encoding);
      break;
    case RowType::kInt8:
      kept.scales = MeasureScales(source, encoding.threads, encoding.monitor);
      kept.int8 = EncodeInt8(source, order, kept.scales, encoding);
      break;
    default: {
      const std::size_t dim = source.dim();
      kept.float32.resize(order.size() * dim);
      ParallelFor(
          (order.size() + kRowsPerChunk - 1) / kRowsPerChunk, encoding.threads,
          [&](std::size_t chunk) {
            const std::size_t end = std::min(order.size(), (chunk + 1) * kRowsPerChunk);
            for (std::size_t row = chunk * kRowsPerChunk; row < end; ++row) {
              source.Read(order[row], kept.float32.data() + row * dim);
            }
          },
          encoding.monitor);
    }
  }
  return kept;
}

}  // namespace leafscan
