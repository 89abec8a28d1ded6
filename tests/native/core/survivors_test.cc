#include "leafscan/core/survivors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "fixtures/draw.h"

namespace leafscan {
namespace {

// Writes keys as a scan does: a stretch at a time, none below the threshold that held when the stretch began.
void Write(Draw& draw, const std::vector<std::uint64_t>& keys, Survivors& survivors) {
  for (std::size_t at = 0; at < keys.size();) {
    if (survivors.room().size() < 32) survivors.Compact();
    ASSERT_GE(survivors.room().size(), 32u);
    const std::size_t end = std::min(keys.size(), at + 1 + draw.Below(32));
    const std::uint64_t least = survivors.least();
    const std::span<std::uint64_t> room = survivors.room();
    std::size_t kept = 0;
    for (; at < end; ++at) {
      if (keys[at] >= least) room[kept++] = keys[at];
    }
    survivors.Commit(kept);
    ASSERT_GE(survivors.least(), least);
  }
}

std::vector<std::uint64_t> SortedBest(std::vector<std::uint64_t> keys, std::size_t wanted) {
  std::sort(keys.begin(), keys.end(), std::greater<>());
  keys.resize(std::min(wanted, keys.size()));
  return keys;
}

std::vector<std::uint64_t> Kept(Survivors& survivors) {
  const auto keys = survivors.Best();
  return SortedBest({keys.begin(), keys.end()}, keys.size());
}

TEST(SurvivorsTest, AreTheBestWhateverTheOrder) {
  Draw draw(1);
  Survivors survivors;
  for (int round = 0; round < 200; ++round) {
    const std::size_t wanted = draw.Below(400);
    const std::size_t scores = std::size_t{1} << draw.Below(31);  // from all equal to hardly any
    std::vector<std::uint64_t> keys(draw.Below(6000));
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = draw.Below(scores) << 32 | i;
    for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[draw.Below(i)]);
    if (round % 4 == 1) std::sort(keys.begin(), keys.end());
    if (round % 4 == 2) std::sort(keys.begin(), keys.end(), std::greater<>());
    survivors.Reset(wanted);
    Write(draw, keys, survivors);
    ASSERT_EQ(Kept(survivors), SortedBest(keys, wanted));
  }
}

TEST(SurvivorsTest, ARowThatRepeatsIsKeptOnceByItsBestKey) {
  Draw draw(2);
  Survivors survivors;
  for (int round = 0; round < 100; ++round) {
    const std::size_t wanted = 1 + draw.Below(300);
    const std::size_t rows = 1 + draw.Below(3000);
    std::vector<std::uint64_t> keys;
    std::map<std::uint32_t, std::uint64_t> best;
    for (std::uint32_t row = 0; row < rows; ++row) {
      const std::uint64_t first = draw.Below(1000) << 32 | row;
      const std::uint64_t second = draw.Below(1000) << 32 | row;
      keys.push_back(first);
      if (second != first && draw.Below(2) == 0) keys.push_back(second);
      best[row] = *std::max_element(keys.end() - (keys.back() == first ? 1 : 2), keys.end());
    }
    for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[draw.Below(i)]);
    survivors.Reset(wanted, true);
    Write(draw, keys, survivors);
    std::vector<std::uint64_t> unique;
    for (const auto& [row, key] : best) unique.push_back(key);
    ASSERT_EQ(Kept(survivors), SortedBest(unique, wanted));
  }
}

}  // namespace
}  // namespace leafscan
