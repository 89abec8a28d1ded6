#include "leafscan/simd/instruction_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace leafscan {
namespace {

TEST(InstructionSetTest, NamesEachOnceBestFirst) {
  const std::vector<std::string> names = InstructionSets();
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  UseInstructionSet("");
  EXPECT_EQ(InstructionSet(), names.front());
}

TEST(InstructionSetTest, UsesTheNamedOneUntilToldOtherwise) {
  for (const std::string& name : InstructionSets()) {
    UseInstructionSet(name);
    EXPECT_EQ(InstructionSet(), name);
    const std::vector<std::string> names = InstructionSets();  // asking changes nothing
    EXPECT_EQ(InstructionSet(), name);
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end());
  }
  UseInstructionSet("");
}

TEST(InstructionSetTest, RefusesAnUnknownOneAndKeepsTheBest) {
  UseInstructionSet("");
  const std::string best = InstructionSet();
  EXPECT_THROW(UseInstructionSet("AVX9"), std::invalid_argument);
  EXPECT_EQ(InstructionSet(), best);
}

}  // namespace
}  // namespace leafscan
