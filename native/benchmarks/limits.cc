#include "benchmarks/limits.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "benchmarks/least_time.h"
#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/prefetch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/limits.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::benchmarks::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_HAVE_SCALABLE
using U8 = hn::CappedTag<std::uint8_t, 16>;
#else
using U8 = hn::CappedTag<std::uint8_t, 64>;
#endif
using F32 = hn::Repartition<float, U8>;

std::size_t VectorBytes() { return hn::Lanes(U8()); }

// Runs ten chains of value = step(value) side by side, which hides the latency of any instruction here. They begin with ten
// different vectors of `values` and end there, so that none is dropped or computed for another. Named values rather than an
// array, since vectors of scalable instruction sets have no size.
template <class D, class Step>
HWY_INLINE void TenChains(D d, std::size_t rounds, hn::TFromD<D>* values, const Step& step) {
  const std::size_t lanes = hn::Lanes(d);
  const auto at = [&](std::size_t i) { return values + i * lanes; };
  auto a = hn::Load(d, at(0)), b = hn::Load(d, at(1)), c = hn::Load(d, at(2)), e = hn::Load(d, at(3));
  auto f = hn::Load(d, at(4)), g = hn::Load(d, at(5)), h = hn::Load(d, at(6)), i = hn::Load(d, at(7));
  auto j = hn::Load(d, at(8)), k = hn::Load(d, at(9));
  for (std::size_t round = 0; round < rounds; ++round) {
    a = step(a), b = step(b), c = step(c), e = step(e), f = step(f);
    g = step(g), h = step(h), i = step(i), j = step(j), k = step(k);
  }
  hn::Store(a, d, at(0)), hn::Store(b, d, at(1)), hn::Store(c, d, at(2)), hn::Store(e, d, at(3));
  hn::Store(f, d, at(4)), hn::Store(g, d, at(5)), hn::Store(h, d, at(6)), hn::Store(i, d, at(7));
  hn::Store(j, d, at(8)), hn::Store(k, d, at(9));
}

void LookUps(std::size_t rounds, std::uint8_t* values) {
  const U8 d;
  const auto table = hn::Load(d, values);
  TenChains(d, rounds, values, [&](auto v) HWY_ATTR { return hn::TableLookupBytes(table, v); });
}

// Two instructions a step.
void Arithmetic(std::size_t rounds, std::uint8_t* values) {
  const U8 d;
  const auto x = hn::Load(d, values);
  const auto y = hn::Load(d, values + hn::Lanes(d));
  TenChains(d, rounds, values, [&](auto v) HWY_ATTR { return hn::And(hn::Add(v, x), y); });
}

void MultiplyAdds(std::size_t rounds, std::uint8_t* values) {
  const F32 d;
  const auto half = hn::Set(d, 0.5f);
  TenChains(d, rounds, reinterpret_cast<float*>(values), [&](auto v) HWY_ATTR { return hn::MulAdd(v, half, half); });
}

// Reads `bytes`, a multiple of ten vectors, `rounds` times.
void Reads(const std::uint8_t* from, std::size_t bytes, std::size_t rounds, std::uint8_t* values) {
  const U8 d;
  const std::size_t lanes = hn::Lanes(d);
  const std::uint8_t* const end = from + bytes;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::uint8_t* next = from;
    TenChains(d, bytes / (10 * lanes), values, [&](auto v) HWY_ATTR {
      const auto sum = hn::Xor(v, hn::Load(d, next));
      next += lanes;
      return sum;
    });
    if (next != end) return;  // never; it keeps rounds apart
  }
}

}  // namespace leafscan::benchmarks::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan::benchmarks {

HWY_EXPORT(VectorBytes);
HWY_EXPORT(LookUps);
HWY_EXPORT(Arithmetic);
HWY_EXPORT(MultiplyAdds);
HWY_EXPORT(Reads);

namespace {

constexpr int kRuns = 9;
constexpr std::size_t kRounds = 20000;
constexpr std::size_t kNearest = 16 << 10;
constexpr double kNanosecondsToRead = 2e5;
constexpr std::size_t kMostVector = 64;

std::optional<VectorCosts> vectors;
std::map<std::size_t, double> reads;
std::map<std::size_t, double> fetches;

AlignedVector<std::uint8_t> Values() {
  AlignedVector<std::uint8_t> values(10 * kMostVector);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * 7 & 15);
  return values;
}

template <class Chains>
double OneOf(double steps, const Chains& chains) {
  AlignedVector<std::uint8_t> values = Values();
  return LeastTime(kRuns, [&] { chains(kRounds, values.data()); }) / (10.0 * steps * static_cast<double>(kRounds));
}

// Always inlined: see core/prefetch.h.
HWY_INLINE void Ask(const std::uint8_t* row, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += kCacheLine) PrefetchFar(row + at);
  PrefetchFar(row + bytes - 1);
}

double MeasureFetch(std::span<const std::uint8_t> memory, std::size_t row_bytes, std::span<const std::uint32_t> which) {
  const auto row = [&](std::size_t i) { return memory.data() + which[i] * row_bytes; };
  double least = std::numeric_limits<double>::infinity();
  for (const std::size_t lines_ahead : {0, 48, 96, 192}) {
    const std::size_t ahead = (lines_ahead * kCacheLine + row_bytes - 1) / row_bytes;
    // Each run goes over all of `which`, far more than any cache holds.
    least = std::min(least, LeastTime(2, [&] {
      std::uint8_t sum = 0;
      for (std::size_t i = 0; i < which.size(); ++i) {
        if (ahead > 0 && i + ahead < which.size()) Ask(row(i + ahead), row_bytes);
        for (std::size_t at = 0; at < row_bytes; at += kCacheLine) sum = static_cast<std::uint8_t>(sum + row(i)[at]);
        sum = static_cast<std::uint8_t>(sum + row(i)[row_bytes - 1]);
      }
      volatile std::uint8_t kept = sum;
      static_cast<void>(kept);
    }));
  }
  return least / static_cast<double>(which.size());
}

}  // namespace

const VectorCosts& Vectors() {
  if (!vectors) {
    VectorCosts costs;
    costs.bytes = HWY_DYNAMIC_DISPATCH(VectorBytes)();
    costs.look_up = OneOf(1, [](auto... to) { HWY_DYNAMIC_DISPATCH(LookUps)(to...); });
    costs.arithmetic = OneOf(2, [](auto... to) { HWY_DYNAMIC_DISPATCH(Arithmetic)(to...); });
    costs.multiply_add = OneOf(1, [](auto... to) { HWY_DYNAMIC_DISPATCH(MultiplyAdds)(to...); });
    costs.load = ReadByte(kNearest) * static_cast<double>(costs.bytes);
    vectors = costs;
  }
  return *vectors;
}

double ReadByte(std::size_t bytes) {
  const std::size_t step = 10 * kMostVector;
  const std::size_t whole = std::max(step, bytes / step * step);
  const auto known = reads.find(whole);
  if (known != reads.end()) return known->second;
  AlignedVector<std::uint8_t> memory(whole);
  std::memset(memory.data(), 1, whole);
  AlignedVector<std::uint8_t> values = Values();
  const auto once = [&](std::size_t rounds) { HWY_DYNAMIC_DISPATCH(Reads)(memory.data(), whole, rounds, values.data()); };
  const double first = LeastTime(2, [&] { once(1); });
  const auto rounds = static_cast<std::size_t>(std::max(1.0, kNanosecondsToRead / first));
  const double least = LeastTime(kRuns, [&] { once(rounds); });
  return reads[whole] = least / static_cast<double>(rounds) / static_cast<double>(whole);
}

double FetchRow(std::span<const std::uint8_t> memory, std::size_t row_bytes, std::span<const std::uint32_t> which) {
  const auto known = fetches.find(row_bytes);
  return known != fetches.end() ? known->second : fetches[row_bytes] = MeasureFetch(memory, row_bytes, which);
}

double Store() {
  static const double cost = [] {
    AlignedVector<std::uint64_t> memory(1024);
    volatile std::uint64_t* to = memory.data();
    constexpr int kPasses = 100;
    const double least = LeastTime(kRuns, [&] {
      for (int pass = 0; pass < kPasses; ++pass) {
        for (std::size_t i = 0; i < memory.size(); i += 4) {
          to[i] = i;
          to[i + 1] = i;
          to[i + 2] = i;
          to[i + 3] = i;
        }
      }
    });
    return least / kPasses / static_cast<double>(memory.size());
  }();
  return cost;
}

void ForgetLimits() {
  vectors.reset();
  reads.clear();
  fetches.clear();
}

}  // namespace leafscan::benchmarks
#endif
