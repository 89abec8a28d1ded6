// Slots: what is published is what is found, numbers are never used twice, and stale ones are refused.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "leafscan/serve/index_slots.h"

namespace leafscan {
namespace {

std::shared_ptr<ServedIndex> Marked(std::size_t mark) {
  auto index = std::make_shared<ServedIndex>();
  index->defaults.leaves = mark;
  return index;
}

TEST(IndexSlotsTest, ServesWhatWasPublishedLast) {
  IndexSlots slots;
  const std::int64_t slot = slots.Open();
  EXPECT_THROW(slots.Take(slot), std::invalid_argument);
  slots.Publish(slot, Marked(1));
  const auto before = slots.Take(slot);
  slots.Publish(slot, Marked(2));
  EXPECT_EQ(slots.Take(slot)->defaults.leaves, 2u);
  EXPECT_EQ(before->defaults.leaves, 1u);
}

TEST(IndexSlotsTest, NumbersAreNeverUsedAgain) {
  IndexSlots slots;
  const std::int64_t first = slots.Open();
  slots.Publish(first, Marked(1));
  slots.Close(first);
  slots.Close(first);
  const std::int64_t second = slots.Open();
  EXPECT_NE(first, second);
  EXPECT_GT(first, 0);
  EXPECT_THROW(slots.Take(first), std::invalid_argument);
  EXPECT_THROW(slots.Publish(first, Marked(3)), std::invalid_argument);
  EXPECT_THROW(IndexSlots().Take(second + 1), std::invalid_argument);
}

TEST(IndexSlotsTest, LetsGoOfWhatItServed) {
  IndexSlots slots;
  const std::int64_t slot = slots.Open();
  std::weak_ptr<ServedIndex> seen;
  {
    const auto index = Marked(1);
    seen = index;
    slots.Publish(slot, index);
  }
  EXPECT_FALSE(seen.expired());
  slots.Publish(slot, Marked(2));
  EXPECT_TRUE(seen.expired());
}

TEST(IndexSlotsTest, IsReadWhileItIsPublishedTo) {
  IndexSlots slots;
  const std::int64_t slot = slots.Open();
  slots.Publish(slot, Marked(1));
  std::atomic<bool> ends{false};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      std::size_t last = 1;
      while (!ends) {
        const std::size_t mark = slots.Take(slot)->defaults.leaves;
        EXPECT_GE(mark, last);  // versions are seen in the order in which they are published
        last = mark;
      }
    });
  }
  for (std::size_t mark = 2; mark < 2000; ++mark) slots.Publish(slot, Marked(mark));
  ends = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace leafscan
