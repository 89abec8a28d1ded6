#include "leafscan/core/sort_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/core/score_key.h"

namespace leafscan {
namespace {

void ExpectSorted(std::vector<std::uint64_t> keys) {
  std::vector<std::uint64_t> wanted = keys;
  std::sort(wanted.rbegin(), wanted.rend());
  AlignedVector<std::uint64_t> room;
  SortKeys(keys, room);
  ASSERT_EQ(keys, wanted);
}

TEST(SortKeysTest, KeysOfScoresComeBestFirst) {
  Draw draw(1);
  for (const std::size_t count : {0, 1, 2, 16, 17, 100, 777, 5000}) {
    std::vector<std::uint64_t> keys;
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(ScoreKey(static_cast<float>(draw.Normal()), static_cast<std::uint32_t>(i)));
    }
    ExpectSorted(keys);
  }
}

TEST(SortKeysTest, TiesOutliersAndExtremesToo) {
  Draw draw(2);
  for (const std::size_t count : {17, 300}) {
    std::vector<std::uint64_t> tied;
    for (std::size_t i = 0; i < count; ++i) tied.push_back(ScoreKey(1.0f, static_cast<std::uint32_t>(i * 7919 % count)));
    ExpectSorted(tied);
    tied.front() = ~std::uint64_t{0};
    ExpectSorted(tied);
    tied.back() = 0;
    ExpectSorted(tied);
    std::vector<std::uint64_t> any;
    for (std::size_t i = 0; i < count; ++i) any.push_back(draw.Bits() >> draw.Below(60));
    std::sort(any.begin(), any.end());
    any.erase(std::unique(any.begin(), any.end()), any.end());
    std::rotate(any.begin(), any.begin() + static_cast<std::ptrdiff_t>(any.size() / 3), any.end());
    ExpectSorted(any);
  }
}

}  // namespace
}  // namespace leafscan
