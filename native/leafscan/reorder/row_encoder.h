// From the caller's rows to rows as they are kept, chunk by chunk: there is never a float32 copy of all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/monitor.h"
#include "leafscan/core/row_source.h"

namespace leafscan {

struct RowEncoding {
  double threshold = 0.0;  // of noise shaping (reorder/noise_shaping.h); 0: plain rounding
  int threads = 1;
  Monitor* monitor = nullptr;
};

// The rows order[0], order[1], ... of the source in bfloat16, row-major: the nearest value, ties to even.
// Cost: bound by reading the source; with noise shaping by its passes.
AlignedVector<std::uint16_t> EncodeBFloat16(const RowSource& source, std::span<const std::uint32_t> order,
                                            const RowEncoding& encoding);

// The scale of each dimension: its largest magnitude over all rows / 127. 0 where that is not a normal float: then all
// that is left of the dimension is 0.
// Cost: one pass over the source.
AlignedVector<float> MeasureScales(const RowSource& source, int threads, Monitor* monitor);

// The rows order[0], order[1], ... of the source in int8, row-major: component i stands for scales[i] times it.
// Cost: as EncodeBFloat16, and a division a component.
AlignedVector<std::int8_t> EncodeInt8(const RowSource& source, std::span<const std::uint32_t> order,
                                      std::span<const float> scales, const RowEncoding& encoding);

}  // namespace leafscan
