#include "leafscan/core/select_best.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

void Check(std::vector<std::uint64_t> keys, std::size_t wanted) {
  std::vector<std::uint64_t> sorted = keys;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  EXPECT_EQ(SelectBest(keys, wanted), sorted[wanted - 1]);
  std::sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(wanted), std::greater<>());
  EXPECT_TRUE(std::equal(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(wanted), sorted.begin()))
      << wanted << " of " << keys.size();
}

// Different keys, their leading bits as the shape says.
std::vector<std::uint64_t> Keys(Draw& draw, std::size_t count, std::uint64_t mask, std::uint64_t base) {
  std::set<std::uint64_t> keys;
  while (keys.size() < count) keys.insert(base + (draw.Bits() & mask));
  std::vector<std::uint64_t> shuffled(keys.begin(), keys.end());
  for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[draw.Below(i)]);
  return shuffled;
}

TEST(SelectBestTest, EqualsSortingForAnyShapeOfKeys) {
  Draw draw(1);
  const std::uint64_t masks[] = {~0ull, 0xFFFFFFFFull, 0xFFFull, 0xFFFF000000000000ull, 0x8000000000000FFFull,
                                 0xF0F0F0F0F0F0F0Full};
  for (const std::uint64_t mask : masks) {
    for (const std::uint64_t base : {0ull, 1ull << 40}) {
      for (const std::size_t count : {2, 3, 16, 257, 1000}) {
        for (const std::size_t wanted : {std::size_t{1}, count / 2, count - 1}) {
          if (wanted > 0) Check(Keys(draw, count, mask, mask == ~0ull ? 0 : base), wanted);
        }
      }
    }
  }
}

TEST(SelectBestTest, NeighboursAndExtremes) {
  for (std::size_t wanted = 1; wanted < 5; ++wanted) {
    Check({~0ull, 0, 1, ~0ull - 1, 1ull << 63}, wanted);
    Check({5, 4, 3, 2, 1}, wanted);
  }
  // One far away from all others, on either side: nearly all keys fall into one bin.
  Draw draw(2);
  for (const std::uint64_t far : {0ull, ~0ull}) {
    std::vector<std::uint64_t> keys = Keys(draw, 600, 0xFFFF, 1ull << 62);
    keys.push_back(far);
    for (const std::size_t wanted : {1, 2, 300, 599, 600}) Check(keys, wanted);
  }
}

}  // namespace
}  // namespace leafscan
