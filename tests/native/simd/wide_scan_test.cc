#include "leafscan/simd/wide_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/group_scan_reference.h"

namespace leafscan {
namespace {

class WideScanTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(WideScanTest);

constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kHighest = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kGroup = 32;

// Owns what a run and a table look at; buffers are exactly as long as the kernel may read.
struct Case {
  std::vector<std::uint8_t> codes;
  std::vector<std::int16_t> terms;
  std::vector<std::uint32_t> live;
  std::vector<std::uint32_t> rows;
  std::vector<std::uint8_t> entries;
  std::size_t groups = 0;
  std::int32_t bias = 0;
  std::int16_t factor = 0;
  bool sparse = false;

  GroupRun run() const {
    GroupRun run;
    run.codes = codes.data();
    run.terms = terms.empty() ? nullptr : terms.data();
    run.live = live.data();
    run.rows = rows.empty() ? nullptr : rows.data();
    run.first_row = 77;
    run.groups = groups;
    run.bias = bias;
    run.sparse = sparse;
    return run;
  }
  ScanTable table() const { return {entries.data(), entries.size() / kWideWords, factor, kWideWords}; }
};

int MostEntry(std::size_t padded_blocks) {
  return static_cast<int>(std::min<std::size_t>(kMaxWideEntry, 32767 / padded_blocks));
}

Case RandomCase(Draw& draw, std::size_t padded_blocks, std::size_t groups, bool terms, bool rows) {
  Case made;
  made.groups = groups;
  made.codes = draw.Integers<std::uint8_t>(groups * padded_blocks * kWideBlockBytes, 0, 255);
  made.entries = draw.Integers<std::uint8_t>(padded_blocks * kWideWords, 0, MostEntry(padded_blocks));
  made.live.resize(groups);
  for (std::uint32_t& bits : made.live) bits = draw.Below(3) == 0 ? ~0u : static_cast<std::uint32_t>(draw.Bits());
  if (terms) {
    made.terms = draw.Integers<std::int16_t>(groups * kGroup, -32767, 32767);
    made.factor = static_cast<std::int16_t>(draw.Between(0, 32767));
  }
  if (rows) made.rows = draw.Integers<std::uint32_t>(groups * kGroup, 0, 0xFFFFFFFE);
  made.bias = static_cast<std::int32_t>(draw.Between(-(1 << 20), 1 << 20));
  return made;
}

// Scans with room for `room` keys and holds all that was promised against the reference.
ScanProgress Check(const Case& made, std::int32_t threshold, std::size_t room) {
  const GroupRun run = made.run();
  std::vector<std::uint64_t> keys(room, 0xABCDABCDABCDABCD);
  const ScanProgress done = ScanGroups(run, made.table(), threshold, keys);
  EXPECT_LE(done.groups, made.groups);
  EXPECT_LE(done.kept, room);
  if (done.groups < made.groups) {
    EXPECT_LT(room - done.kept, kGroup) << "stopped early";
  }
  std::vector<std::uint64_t> wanted;
  std::size_t read = 0;
  for (std::size_t group = 0; group < done.groups; ++group) {
    read += !made.sparse || run.live[group] != 0 ? 1 : 0;
    for (std::size_t j = 0; j < kGroup; ++j) {
      const std::int32_t score = reference::PointScore(run, made.table(), group, j);
      if ((run.live[group] >> j & 1) == 0 || score < threshold) continue;
      const std::size_t place = group * kGroup + j;
      const std::uint32_t row = run.rows != nullptr ? run.rows[place] : run.first_row + static_cast<std::uint32_t>(place);
      wanted.push_back(SurvivorKey(score, row));
    }
  }
  keys.resize(std::min(done.kept, room));
  EXPECT_EQ(keys, wanted) << "threshold " << threshold << ", " << made.table().padded_blocks << " blocks";
  EXPECT_EQ(done.read, read);
  return done;
}

TEST_P(WideScanTest, RandomShapesEqualTheReference) {
  Draw draw(1);
  for (const std::size_t blocks : {2, 4, 6, 26, 50, 128, 392}) {
    for (const std::size_t groups : {1, 2, 5}) {
      for (const bool terms : {false, true}) {
        for (const bool rows : {false, true}) {
          const Case made = RandomCase(draw, blocks, groups, terms, rows);
          std::vector<std::int32_t> scores;
          for (std::size_t place = 0; place < groups * kGroup; ++place) {
            scores.push_back(reference::PointScore(made.run(), made.table(), place / kGroup, place % kGroup));
          }
          std::sort(scores.begin(), scores.end());
          const std::size_t room = groups * kGroup;
          for (const std::size_t at : {std::size_t{0}, scores.size() / 2, scores.size() - 1}) {
            Check(made, scores[at], room);
            Check(made, scores[at] + 1, room);
          }
          Check(made, kLowest, room);
          Check(made, kHighest, room);
          Check(made, kLowest, room - 1);
          Check(made, kLowest, 0);
        }
      }
    }
  }
}

TEST_P(WideScanTest, EachCodeFindsItsOwnEntry) {
  // One block that counts: points of all codes in turn, in entries that are all different.
  Case made;
  made.groups = 8;
  made.codes.assign(8 * 2 * kWideBlockBytes, 0);
  for (std::size_t code = 0; code < 256; ++code) {
    made.codes[code / kGroup * 2 * kWideBlockBytes + code % kGroup] = static_cast<std::uint8_t>(code);
  }
  made.entries.assign(2 * kWideWords, 0);
  for (std::size_t code = 0; code < 256; ++code) made.entries[code] = static_cast<std::uint8_t>(255 - code);
  made.live.assign(8, ~0u);
  std::vector<std::uint64_t> keys(256);
  EXPECT_EQ(ScanGroups(made.run(), made.table(), kLowest, keys).kept, 256u);
  for (std::size_t code = 0; code < 256; ++code) {
    EXPECT_EQ(SurvivorScore(keys[code]), static_cast<std::int32_t>(255 - code));
    EXPECT_EQ(SurvivorRow(keys[code]), 77 + code);
  }
}

TEST_P(WideScanTest, TheLargestSumsFitAndExtremeTermsAreClamped) {
  Draw draw(2);
  for (const std::size_t blocks : {2, 128, 130, 16382, 32766}) {
    Case made = RandomCase(draw, blocks, 1, false, false);
    std::fill(made.entries.begin(), made.entries.end(), static_cast<std::uint8_t>(MostEntry(blocks)));
    made.live[0] = ~0u;
    const std::int32_t most = made.bias + MostEntry(blocks) * static_cast<std::int32_t>(blocks);
    EXPECT_EQ(Check(made, most, kGroup).kept, kGroup) << blocks;
    EXPECT_EQ(Check(made, most + 1, kGroup).kept, 0u) << blocks;
  }
  const std::int16_t terms[] = {32767, -32767, -32768, 1, -1, 0};
  for (const std::int16_t factor : {std::int16_t{0}, std::int16_t{16384}, std::int16_t{32767}}) {
    for (const std::uint8_t entry : {0, 255}) {
      Case made = RandomCase(draw, 128, 2, true, true);
      std::fill(made.entries.begin(), made.entries.end(), entry);
      for (std::size_t i = 0; i < made.terms.size(); ++i) made.terms[i] = terms[i % std::size(terms)];
      made.factor = factor;
      for (const std::int32_t bias : {0, 1 << 29, -(1 << 29)}) {
        made.bias = bias;
        for (const std::int32_t edge : {-32768, -32767, -1, 0, 1, 32640, 32766, 32767, 32768}) {
          Check(made, bias + edge, 2 * kGroup);
        }
      }
    }
  }
}

TEST_P(WideScanTest, TwoQueriesAtOnceGetWhatEachGetsAlone) {
  Draw draw(4);
  for (const bool terms : {false, true}) {
    const Case one = RandomCase(draw, 26, 9, terms, true);
    Case other = one;
    other.entries = draw.Integers<std::uint8_t>(one.entries.size(), 0, 255);
    other.bias = one.bias + 500;
    for (const std::size_t room : {9 * kGroup, 5 * kGroup + 3, kGroup, kGroup - 1}) {
      const std::int32_t threshold = one.bias + 26 * 128;
      std::vector<std::uint64_t> keys(room), more(9 * kGroup);
      const PairProgress done = ScanGroupsForTwo(one.run(), {one.table(), one.bias, threshold, keys},
                                                 {other.table(), other.bias, threshold, more});
      EXPECT_EQ(done.groups, room / kGroup);
      keys.resize(done.kept[0]);
      more.resize(done.kept[1]);
      const auto alone = [&](const Case& made) {
        GroupRun run = made.run();
        run.groups = done.groups;
        std::vector<std::uint64_t> wanted(9 * kGroup);
        wanted.resize(ScanGroups(run, made.table(), threshold, wanted).kept);
        return wanted;
      };
      EXPECT_EQ(keys, alone(one));
      EXPECT_EQ(more, alone(other));
      EXPECT_EQ(keys.empty(), room < kGroup);
    }
  }
}

TEST_P(WideScanTest, SparseRunsReadWhatIsAllowedAlone) {
  Draw draw(3);
  Case made = RandomCase(draw, 26, 9, true, true);
  made.sparse = true;
  for (std::size_t group = 0; group < 9; group += 2) made.live[group] = 0;
  std::vector<GroupAddress> ahead(9, GroupAddress{made.codes.data(), made.terms.data()});
  GroupRun run = made.run();
  run.ahead = ahead.data();
  std::vector<std::uint64_t> keys(9 * kGroup);
  EXPECT_EQ(ScanGroups(run, made.table(), kLowest, keys).read, 4u);
  Check(made, kLowest, 9 * kGroup);
  Check(made, made.bias, 9 * kGroup);
  Check(made, kHighest, 9 * kGroup);
}

}  // namespace
}  // namespace leafscan
