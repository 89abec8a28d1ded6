// The query's side of the scan: for each block of dimensions, the inner product of the query's part with each of the
// block's sixteen codewords, in whole steps of one unit.
//
// Cost: 16 (width + 2) multiplications and additions a block and a few operations to quantise, about 0.2 us a query at
// 50 blocks; codebooks stay in the second-level cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leafscan {

struct TableScale {
  float unit = 1.0f;    // what one step of an entry is worth
  double offset = 0.0;  // the sum of the blocks' least entries, which all points share
};

// `words` holds the codewords transposed, words[(block * width + i) * 16 + code]; `query` has blocks * width components;
// `least_unit` bounds the unit from below and `levels` the entries from above. Writes (block, code) to entries[block * 16
// + code]; `scratch` has room for blocks * 16. Products are rounded before they are added, so that all instruction sets
// agree to the bit.
TableScale BuildTable(std::span<const float> words, std::size_t width, std::span<const float> query, int levels,
                      float least_unit, std::span<float> scratch, std::uint8_t* entries);

}  // namespace leafscan
