#include "leafscan/simd/score_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/score_table_reference.h"

namespace leafscan {
namespace {

class ScoreTableTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(ScoreTableTest);

struct Table {
  std::vector<std::uint8_t> entries;
  float unit = 0.0f;
  double offset = 0.0;

  friend bool operator==(const Table&, const Table&) = default;
};

Table Make(const std::vector<float>& words, std::size_t width, const std::vector<float>& query, int levels,
           float least_unit, std::size_t count = 16) {
  const std::size_t blocks = query.size() / width;
  std::vector<float> scratch(blocks * count);
  Table table;
  table.entries.assign(blocks * count, 0xEE);
  const TableScale scale = BuildTable({words, count, width}, query, levels, least_unit, scratch, table.entries.data());
  table.unit = scale.unit;
  table.offset = scale.offset;
  return table;
}

// Float sums of `width` products, and their differences, are right to within this.
double Rounding(const std::vector<float>& words, std::size_t width, const std::vector<float>& query) {
  double most = 0.0;
  for (const float word : words) most = std::max(most, std::abs(static_cast<double>(word)));
  double largest = 0.0;
  for (const float q : query) largest = std::max(largest, std::abs(static_cast<double>(q)));
  const double terms = static_cast<double>(width);
  return (terms + 3) * terms * most * largest * std::numeric_limits<float>::epsilon() + std::numeric_limits<float>::min();
}

void ExpectNearReference(const Table& table, const std::vector<float>& words, std::size_t width,
                         const std::vector<float>& query, int levels, float least_unit, std::size_t count = 16) {
  const std::size_t blocks = query.size() / width;
  const double rounding = Rounding(words, width, query);
  double offset = 0.0;
  double widest = 0.0;
  for (std::size_t block = 0; block < blocks; ++block) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t code = 0; code < count; ++code) {
      const double entry = reference::TableEntry(words, width, query, block, code, count);
      low = std::min(low, entry);
      high = std::max(high, entry);
    }
    offset += low;
    widest = std::max(widest, high - low);
    for (std::size_t code = 0; code < count; ++code) {
      const int entry = table.entries[block * count + code];
      ASSERT_LE(entry, levels);
      const double exact = (reference::TableEntry(words, width, query, block, code, count) - low) / table.unit;
      ASSERT_NEAR(entry, std::min<double>(exact, levels), 0.5 + 2 * rounding / table.unit + 1e-4)
          << "block " << block << " code " << code;
    }
  }
  EXPECT_NEAR(table.offset, offset, static_cast<double>(blocks) * rounding);
  const double unit = std::max<double>(widest / levels, least_unit);
  if (unit > 1e-30) {
    EXPECT_NEAR(table.unit, unit, 2 * rounding / levels + 1e-6 * unit);
  }
}

TEST_P(ScoreTableTest, RandomShapesAreNearTheReferenceAndEqualOnAllInstructionSets) {
  Draw draw(1);
  for (const std::size_t width : {1, 2, 3, 4, 8, 17}) {
    for (const std::size_t blocks : {1, 3, 7, 16, 50, 392}) {
      for (const double scale : {1e-6, 1.0, 1e6}) {
        const std::vector<float> words = draw.Normals(blocks * width * 16, scale);
        const std::vector<float> query = draw.Normals(blocks * width);
        const int levels = static_cast<int>(draw.Between(1, 63));
        const float least_unit = draw.Below(2) == 0 ? 0.0f : static_cast<float>(scale * draw.Unit());
        const auto make = [&] { return Make(words, width, query, levels, least_unit); };
        const Table table = make();
        ExpectNearReference(table, words, width, query, levels, least_unit);
        ASSERT_EQ(table, OnBestInstructionSet(make)) << "width " << width << " blocks " << blocks;
      }
    }
  }
}

TEST_P(ScoreTableTest, TablesOf256WordsAreNearTheReferenceAndEqualOnAllInstructionSets) {
  Draw draw(6);
  for (const std::size_t width : {1, 2, 4, 7}) {
    for (const std::size_t blocks : {1, 2, 25}) {
      const std::vector<float> words = draw.Normals(blocks * width * 256);
      const std::vector<float> query = draw.Normals(blocks * width);
      for (const int levels : {3, 255}) {
        const auto make = [&] { return Make(words, width, query, levels, 0.0f, 256); };
        const Table table = make();
        ExpectNearReference(table, words, width, query, levels, 0.0f, 256);
        EXPECT_EQ(*std::max_element(table.entries.begin(), table.entries.end()), levels);
        ASSERT_EQ(table, OnBestInstructionSet(make)) << "width " << width << " blocks " << blocks;
      }
    }
  }
}

TEST_P(ScoreTableTest, TheWidestBlockSpansAllLevels) {
  Draw draw(2);
  const std::vector<float> words = draw.Normals(10 * 2 * 16);
  const std::vector<float> query = draw.Normals(10 * 2);
  for (const int levels : {1, 2, 31, 63}) {
    const Table table = Make(words, 2, query, levels, 0.0f);
    EXPECT_EQ(*std::max_element(table.entries.begin(), table.entries.end()), levels);
    for (std::size_t block = 0; block < 10; ++block) {
      EXPECT_EQ(*std::min_element(table.entries.begin() + static_cast<std::ptrdiff_t>(block * 16),
                                  table.entries.begin() + static_cast<std::ptrdiff_t>(block * 16 + 16)),
                0);
    }
  }
}

TEST_P(ScoreTableTest, AnUnitBoundFromBelowIsKept) {
  Draw draw(3);
  const std::vector<float> words = draw.Normals(4 * 2 * 16);
  const std::vector<float> query = draw.Normals(4 * 2);
  const Table table = Make(words, 2, query, 63, 1e9f);
  EXPECT_EQ(table.unit, 1e9f);
  EXPECT_EQ(table.entries, std::vector<std::uint8_t>(64, 0));
}

TEST_P(ScoreTableTest, NothingToTellApartGivesNoStepsAndAnUsableUnit) {
  Draw draw(4);
  const std::vector<float> words = draw.Normals(5 * 3 * 16);
  const Table zeros = Make(words, 3, std::vector<float>(15, 0.0f), 63, 0.0f);
  EXPECT_EQ(zeros.entries, std::vector<std::uint8_t>(80, 0));
  EXPECT_EQ(zeros.offset, 0.0);
  EXPECT_GT(zeros.unit, 0.0f);
  const Table equal = Make(std::vector<float>(5 * 3 * 16, 2.0f), 3, std::vector<float>(15, 1.0f), 63, 0.0f);
  EXPECT_EQ(equal.entries, std::vector<std::uint8_t>(80, 0));
  EXPECT_EQ(equal.offset, 30.0);
  EXPECT_GT(equal.unit, 0.0f);
}

TEST_P(ScoreTableTest, ExtremeNumbersStayWithinTheLevels) {
  Draw draw(5);
  for (const double scale : {1e-44, 1e-38, 1e-20, 1e18, 1e37, 3e38}) {
    std::vector<float> words = draw.Normals(3 * 2 * 16);
    for (float& word : words) word = std::clamp(static_cast<float>(word * scale), -3e38f, 3e38f);
    const std::vector<float> query = draw.Normals(3 * 2);
    const auto make = [&] { return Make(words, 2, query, 63, 0.0f).entries; };
    for (const std::uint8_t entry : make()) ASSERT_LE(entry, 63) << scale;
    ASSERT_EQ(make(), OnBestInstructionSet(make)) << scale;
  }
}

}  // namespace
}  // namespace leafscan
