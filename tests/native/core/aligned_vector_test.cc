#include "leafscan/core/aligned_vector.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace leafscan {
namespace {

TEST(AlignedVectorTest, BeginsAtACacheLineHoweverItGrows) {
  AlignedVector<std::uint8_t> bytes;
  for (std::size_t size = 1; size < 3000; size = size * 2 + 1) {
    bytes.resize(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % kCacheLine, 0u);
  }
}

TEST(AlignedVectorTest, KeepsWhatIsPutIn) {
  AlignedVector<float> numbers(3, 2.0f);
  numbers.push_back(5.0f);
  numbers.insert(numbers.begin(), 1.0f);
  EXPECT_EQ(numbers, (AlignedVector<float>{1.0f, 2.0f, 2.0f, 2.0f, 5.0f}));
  const AlignedVector<float> copy = numbers;
  EXPECT_EQ(copy, numbers);
}

}  // namespace
}  // namespace leafscan
