#include "leafscan/core/survivors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/keys.h"

namespace leafscan {
namespace {

std::vector<std::uint64_t> Kept(Survivors& survivors) {
  const auto best = survivors.Best();
  std::vector<std::uint64_t> keys(best.begin(), best.end());
  std::sort(keys.begin(), keys.end(), std::greater<>());
  return keys;
}

// Writes as a scan does: some keys at a time, none below the threshold as it stood before. Returns how many.
std::size_t Write(Survivors& survivors, std::span<const std::uint64_t> keys, std::size_t at_once) {
  std::size_t written = 0;
  for (std::size_t at = 0; at < keys.size();) {
    if (survivors.room().size() < Survivors::kRoom) survivors.Compact();
    EXPECT_GE(survivors.room().size(), Survivors::kRoom);
    const std::uint64_t least = survivors.least();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < at_once && at < keys.size(); ++i, ++at) {
      if (keys[at] >= least) survivors.room()[kept++] = keys[at];
    }
    survivors.Commit(kept);
    written += kept;
  }
  return written;
}

TEST(SurvivorsTest, AreTheBestWhateverTheOrder) {
  Draw draw(1);
  Survivors survivors;  // used again and again, as a thread does
  for (const std::size_t wanted : {1, 2, 10, 255, 256, 257, 1000}) {
    for (const std::size_t count : {0, 1, 2, 255, 256, 257, 300, 9000}) {
      for (const std::size_t scores : {1, 7, 1 << 20}) {
        std::vector<std::uint64_t> keys = Stream(draw, count, scores);
        const std::vector<std::uint64_t> best = SortedBest(keys, wanted);
        for (int order = 0; order < 3; ++order) {
          if (order == 1) std::sort(keys.begin(), keys.end());
          if (order == 2) std::sort(keys.begin(), keys.end(), std::greater<>());
          survivors.Reset(wanted);
          Write(survivors, keys, 1 + draw.Below(Survivors::kRoom));
          ASSERT_EQ(Kept(survivors), best) << wanted << " of " << count;
          ASSERT_EQ(Kept(survivors), best) << "asked twice";
        }
      }
    }
  }
}

TEST(SurvivorsTest, TheThresholdIsNeverAboveTheLastThatStays) {
  Draw draw(2);
  for (int round = 0; round < 50; ++round) {
    const std::size_t wanted = 1 + draw.Below(300);
    const std::vector<std::uint64_t> keys = Stream(draw, 3000, 1 + draw.Below(5000));
    Survivors survivors;
    survivors.Reset(wanted);
    std::vector<std::uint64_t> seen;
    for (std::size_t at = 0; at + 100 <= keys.size(); at += 100) {
      const std::span<const std::uint64_t> some(keys.data() + at, 100);
      Write(survivors, some, 50);
      seen.insert(seen.end(), some.begin(), some.end());
      if (seen.size() >= wanted) {
        ASSERT_LE(survivors.least(), SortedBest(seen, wanted).back());
      }
    }
  }
}

TEST(SurvivorsTest, TheThresholdFollowsWithoutACompaction) {
  Draw draw(3);
  const std::vector<std::uint64_t> keys = Stream(draw, 20000, 1 << 20);
  Survivors survivors;
  survivors.Reset(100);
  // 100 (1 + ln(20000 / 100)) = 630 would do; some keys late by their bins, and by their turn.
  EXPECT_LT(Write(survivors, keys, 32), 800u);
}

TEST(SurvivorsTest, ARowThatRepeatsIsKeptOnceByItsBestKey) {
  Draw draw(4);
  for (int round = 0; round < 100; ++round) {
    const std::size_t wanted = 1 + draw.Below(300);
    const std::size_t rows = 1 + draw.Below(6000);
    std::map<std::uint32_t, std::uint64_t> best;
    std::set<std::uint64_t> all;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t times = 1 + draw.Below(2); times > 0; --times) {
        const std::uint64_t key = draw.Below(1000) << 32 | row;
        best[static_cast<std::uint32_t>(row)] = std::max(best[static_cast<std::uint32_t>(row)], key);
        all.insert(key);
      }
    }
    std::vector<std::uint64_t> keys(all.begin(), all.end());
    for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[draw.Below(i)]);
    Survivors survivors;
    survivors.Reset(wanted, true);
    Write(survivors, keys, 64);
    std::vector<std::uint64_t> of_rows;
    for (const auto& [row, key] : best) of_rows.push_back(key);
    ASSERT_EQ(Kept(survivors), SortedBest(of_rows, wanted));
  }
}

TEST(SurvivorsTest, NoneWantedIsNone) {
  Survivors survivors;
  survivors.Reset(0);
  survivors.room()[0] = 5;
  survivors.Commit(1);
  EXPECT_TRUE(survivors.Best().empty());
}

TEST(SurvivorsTest, TellTheKthBestOfDifferentRows) {
  Draw draw(12);
  Survivors survivors;
  AlignedVector<std::uint64_t> room;
  for (const bool repeat : {false, true}) {
    for (const std::size_t k : {0, 1, 2, 10, 16, 17, 40}) {
      for (const std::size_t count : {0, 1, 9, 40, 300, 3000}) {
        // Every other row once more, with another score or with the same one.
        std::vector<std::uint64_t> keys = Stream(draw, count, 1 << 12);
        if (repeat) {
          for (std::size_t i = 0; i < count; i += 2) {
            const std::uint64_t row = keys[i] & 0xFFFFFFFFu;
            keys.push_back(i % 4 == 0 ? keys[i] : (draw.Below(1 << 12) << 32 | row));
          }
        }
        const auto skip = [](std::uint64_t key) { return key % 7 == 0; };
        std::map<std::uint32_t, std::uint64_t> best;  // of each row
        std::size_t skipped = 0;
        for (const std::uint64_t key : keys) {
          std::uint64_t& own = best[static_cast<std::uint32_t>(key)];
          own = std::max(own, key);
        }
        std::vector<std::uint64_t> wanted;
        for (const auto& [row, key] : best) {
          if (skip(row)) {
            ++skipped;
          } else {
            wanted.push_back(key);
          }
        }
        std::sort(wanted.begin(), wanted.end(), std::greater<>());
        const std::uint64_t kth = k == 0 || wanted.size() < k ? 0 : wanted[k - 1];
        const auto skip_row = [&](std::uint64_t key) { return skip(key & 0xFFFFFFFFu); };
        for (int order = 0; order < 3; ++order) {
          if (order == 1) std::sort(keys.begin(), keys.end());
          if (order == 2) std::sort(keys.begin(), keys.end(), std::greater<>());
          survivors.Reset(k + skipped + 5, repeat);
          Write(survivors, keys, 1 + draw.Below(Survivors::kRoom));
          ASSERT_EQ(survivors.KthBest(k, skip_row, room), kth) << k << " of " << count << ", repeats " << repeat;
        }
      }
    }
  }
}

}  // namespace
}  // namespace leafscan
