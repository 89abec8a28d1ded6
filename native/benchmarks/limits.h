// What this processor can do, measured on the spot with the instruction set in use: the limits that kernels are held to.
// Each is the best of several runs, so a busy machine makes a kernel look bad rather than its limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leafscan::benchmarks {

// Nanoseconds for one instruction on a whole vector, when nothing but such instructions run and none waits for another.
struct VectorCosts {
  std::size_t bytes = 0;      // of a vector of the instruction set
  double look_up = 0.0;       // TableLookupBytes
  double arithmetic = 0.0;    // additions and bit operations on bytes, mixed
  double load = 0.0;          // out of the nearest cache
  double multiply_add = 0.0;  // of floats
};
const VectorCosts& Vectors();

// Nanoseconds a byte to read `bytes` of memory in order, again and again: out of the cache that holds so many, or of DRAM.
double ReadByte(std::size_t bytes);

// Nanoseconds to fetch one row of `row_bytes` that lies anywhere in `memory`: every line of it is asked for ahead (the best of
// several distances, or not at all: then the processor looks ahead by itself), and a byte of each is read. `which` are the rows, in the order in which they are wanted.
double FetchRow(std::span<const std::uint8_t> memory, std::size_t row_bytes, std::span<const std::uint32_t> which);

// Nanoseconds for one store of eight bytes, one after the other into the nearest cache.
double Store();

// Measures all of it again where another instruction set is in use; else what was measured stands.
void ForgetLimits();

}  // namespace leafscan::benchmarks
