// The query's side of the scan: for each block of dimensions, the inner product of the query's part with each of the
// block's codewords, sixteen or 256, in whole steps of one unit.
//
// Cost: (width + 2) multiplications and additions a codeword and a few operations to quantise, about 0.2 us a query at
// 50 blocks of sixteen; codebooks stay in the second-level cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leafscan {

struct TableScale {
  float unit = 1.0f;    // what one step of an entry is worth
  double offset = 0.0;  // the sum of the blocks' least entries, which all points share
};

// Codewords transposed: words[(block * width + i) * count + code].
struct TableWords {
  std::span<const float> words;
  std::size_t count = 16;  // a block: 16 or 256
  std::size_t width = 0;
};

// `query` has blocks * width components; `least_unit` bounds the unit from below and `levels`, at most 255, the entries
// from above. Writes (block, code) to entries[block * count + code]; `scratch` has room for blocks * count. Products are
// rounded before they are added, so that all instruction sets agree to the bit.
TableScale BuildTable(const TableWords& words, std::span<const float> query, int levels, float least_unit,
                      std::span<float> scratch, std::uint8_t* entries);

}  // namespace leafscan
