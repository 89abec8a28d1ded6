#include "leafscan/core/top_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/keys.h"

namespace leafscan {
namespace {

std::vector<std::uint64_t> Kept(TopKeys& top) {
  const auto keys = top.Sorted();
  return {keys.begin(), keys.end()};
}

TEST(TopKeysTest, EqualsSortingWhateverTheOrder) {
  Draw draw(1);
  TopKeys top;  // used again and again, as a thread does
  for (const std::size_t wanted : {1, 2, 10, 255, 256, 257, 1000}) {
    for (const std::size_t count : {0, 1, 2, 255, 256, 257, 300, 5000}) {
      for (const std::size_t scores : {1, 7, 1 << 20}) {
        std::vector<std::uint64_t> keys = Stream(draw, count, scores);
        const std::vector<std::uint64_t> best = SortedBest(keys, wanted);
        for (int order = 0; order < 3; ++order) {
          if (order == 1) std::sort(keys.begin(), keys.end());
          if (order == 2) std::sort(keys.begin(), keys.end(), std::greater<>());
          top.Reset(wanted);
          for (const std::uint64_t key : keys) top.Push(key);
          ASSERT_EQ(Kept(top), best) << wanted << " of " << count;
          ASSERT_EQ(Kept(top), best) << "asked twice";
        }
      }
    }
  }
}

TEST(TopKeysTest, WhoeverSkipsKeysBelowTheLeastLosesNothing) {
  Draw draw(2);
  for (int round = 0; round < 20; ++round) {
    const std::size_t wanted = 1 + draw.Below(400);
    const std::vector<std::uint64_t> keys = Stream(draw, 4000, 100);
    TopKeys top;
    top.Reset(wanted);
    std::size_t skipped = 0;
    for (const std::uint64_t key : keys) {
      if (key < top.least()) {
        ++skipped;
      } else {
        top.Push(key);
      }
    }
    ASSERT_EQ(Kept(top), SortedBest(keys, wanted));
    EXPECT_GT(skipped, 0u);
  }
}

TEST(TopKeysTest, ABlockWriterAlwaysFindsRoomAfterACompaction) {
  Draw draw(3);
  for (const std::size_t wanted : {1, 100, 300, 3000}) {
    const std::vector<std::uint64_t> keys = Stream(draw, 20000, 1 << 20);
    TopKeys top;
    top.Reset(wanted);
    for (std::size_t at = 0; at < keys.size();) {
      const std::size_t count = std::min(top.room().size(), keys.size() - at);
      std::copy_n(keys.begin() + static_cast<std::ptrdiff_t>(at), count, top.room().begin());
      top.Commit(count);
      at += count;
      top.Compact();
      ASSERT_GE(top.room().size(), TopKeys::kRoom);
    }
    ASSERT_EQ(Kept(top), SortedBest(keys, wanted));
  }
}

}  // namespace
}  // namespace leafscan
