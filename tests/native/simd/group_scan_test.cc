#include "leafscan/simd/group_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/group_scan_reference.h"

namespace leafscan {
namespace {

class GroupScanTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(GroupScanTest);

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
  std::uint32_t first_row = 0;
  std::int16_t factor = 0;

  GroupRun run() const {
    GroupRun run;
    run.codes = codes.data();
    run.terms = terms.empty() ? nullptr : terms.data();
    run.live = live.data();
    run.rows = rows.empty() ? nullptr : rows.data();
    run.first_row = first_row;
    run.groups = groups;
    run.bias = bias;
    return run;
  }
  ScanTable table() const { return {entries.data(), entries.size() / kCodeWords, factor}; }
};

// Entries as large as their sum allows.
int MostEntry(std::size_t padded_blocks) {
  return static_cast<int>(std::min<std::size_t>(kMaxTableEntry, 32767 / padded_blocks));
}

Case RandomCase(Draw& draw, std::size_t padded_blocks, std::size_t groups, bool terms, bool rows) {
  Case made;
  made.groups = groups;
  made.codes = draw.Integers<std::uint8_t>(groups * padded_blocks * kBlockBytes, 0, 255);
  made.entries = draw.Integers<std::uint8_t>(padded_blocks * kCodeWords, 0, MostEntry(padded_blocks));
  made.live.resize(groups);
  for (std::uint32_t& bits : made.live) {
    bits = draw.Below(3) == 0 ? ~0u : static_cast<std::uint32_t>(draw.Bits());
  }
  if (terms) {
    made.terms = draw.Integers<std::int16_t>(groups * kGroup, -32767, 32767);
    made.factor = static_cast<std::int16_t>(draw.Between(0, 32767));
  }
  if (rows) made.rows = draw.Integers<std::uint32_t>(groups * kGroup, 0, 0xFFFFFFFE);
  made.first_row = static_cast<std::uint32_t>(draw.Below(1000));
  made.bias = static_cast<std::int32_t>(draw.Between(-(1 << 20), 1 << 20));
  return made;
}

// The keys of the run's first `groups` groups, in the order of their places.
std::vector<std::uint64_t> Expected(const GroupRun& run, const ScanTable& table, std::int32_t threshold,
                                    std::size_t groups) {
  std::vector<std::uint64_t> keys;
  for (std::size_t group = 0; group < groups; ++group) {
    for (std::size_t j = 0; j < kGroup; ++j) {
      if ((run.live[group] >> j & 1) == 0) continue;
      const std::int32_t score = reference::PointScore(run, table, group, j);
      if (score < threshold) continue;
      const std::size_t place = group * kGroup + j;
      keys.push_back(SurvivorKey(score, run.rows != nullptr ? run.rows[place]
                                                            : run.first_row + static_cast<std::uint32_t>(place)));
    }
  }
  return keys;
}

// Scans with room for `room` keys and holds all that was promised against the reference.
ScanProgress Check(const Case& made, std::int32_t threshold, std::size_t room) {
  std::vector<std::uint64_t> keys(room, 0xABCDABCDABCDABCD);
  const ScanProgress done = ScanGroups(made.run(), made.table(), threshold, keys);
  EXPECT_LE(done.groups, made.groups);
  EXPECT_LE(done.kept, room);
  if (done.groups < made.groups) {
    EXPECT_LT(room - done.kept, kGroup) << "stopped early";
  }
  std::vector<std::uint64_t> wanted = Expected(made.run(), made.table(), threshold, done.groups);
  keys.resize(std::min(done.kept, room));
  std::sort(wanted.begin(), wanted.end());
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(keys, wanted) << "threshold " << threshold << ", " << made.table().padded_blocks << " blocks, "
                          << made.groups << " groups";
  return done;
}

std::vector<std::int32_t> Scores(const Case& made) {
  std::vector<std::int32_t> scores;
  for (std::size_t group = 0; group < made.groups; ++group) {
    for (std::size_t j = 0; j < kGroup; ++j) {
      scores.push_back(reference::PointScore(made.run(), made.table(), group, j));
    }
  }
  return scores;
}

TEST_P(GroupScanTest, RandomShapesEqualTheReference) {
  Draw draw(1);
  for (const std::size_t blocks : {4, 8, 12, 16, 20, 24, 28, 52, 64, 100, 392}) {
    for (const std::size_t groups : {1, 2, 5, 13}) {
      for (const bool terms : {false, true}) {
        for (const bool rows : {false, true}) {
          const Case made = RandomCase(draw, blocks, groups, terms, rows);
          std::vector<std::int32_t> scores = Scores(made);
          std::sort(scores.begin(), scores.end());
          const std::size_t room = groups * kGroup;
          for (const std::size_t at : {std::size_t{0}, scores.size() / 2, scores.size() - 1}) {
            Check(made, scores[at], room);  // some score itself: it stays
            Check(made, scores[at] + 1, room);
          }
          Check(made, kLowest, room);
          Check(made, kHighest, room);
        }
      }
    }
  }
}

TEST_P(GroupScanTest, KeysComeInTheSameOrderOnAllInstructionSets) {
  Draw draw(2);
  const Case made = RandomCase(draw, 52, 9, true, true);
  const auto scan = [&] {
    std::vector<std::uint64_t> keys(9 * kGroup, 0);
    keys.resize(ScanGroups(made.run(), made.table(), made.bias, keys).kept);
    return keys;
  };
  const std::vector<std::uint64_t> keys = scan();
  EXPECT_FALSE(keys.empty());
  EXPECT_EQ(keys, OnBestInstructionSet(scan));
}

TEST_P(GroupScanTest, NoGroupsAreNoWork) {
  Draw draw(3);
  const Case made = RandomCase(draw, 4, 0, false, false);
  const ScanProgress done = Check(made, kLowest, 64);
  EXPECT_EQ(done.groups, 0u);
  EXPECT_EQ(done.kept, 0u);
}

TEST_P(GroupScanTest, OnePoint) {
  Draw draw(4);
  for (const std::size_t j : {0, 7, 8, 15, 16, 23, 24, 31}) {
    Case made = RandomCase(draw, 12, 1, true, false);
    made.live[0] = 1u << j;
    EXPECT_EQ(Check(made, kLowest, kGroup).kept, 1u);
  }
  Case none = RandomCase(draw, 12, 1, false, false);
  none.live[0] = 0;
  EXPECT_EQ(Check(none, kLowest, kGroup).kept, 0u);
}

TEST_P(GroupScanTest, TheLargestSumsFit) {
  Draw draw(5);
  // The most blocks for entries of 63, for entries of 1, and some between.
  for (const std::size_t blocks : {4, 8, 512, 516, 520, 1024, 4096, 16380, 32764}) {
    Case made = RandomCase(draw, blocks, blocks > 5000 ? 1 : 3, false, false);
    std::fill(made.entries.begin(), made.entries.end(), static_cast<std::uint8_t>(MostEntry(blocks)));
    std::fill(made.live.begin(), made.live.end(), ~0u);
    const std::int32_t most = made.bias + MostEntry(blocks) * static_cast<std::int32_t>(blocks);
    EXPECT_EQ(Check(made, most, made.groups * kGroup).kept, made.groups * kGroup) << blocks;
    EXPECT_EQ(Check(made, most + 1, made.groups * kGroup).kept, 0u) << blocks;
    // One point of much, beside points of little: nothing spills over from one place to the next.
    for (std::size_t block = 0; block < blocks; ++block) {
      for (std::size_t code = 1; code < kCodeWords; ++code) made.entries[block * kCodeWords + code] = 0;
    }
    std::fill(made.codes.begin(), made.codes.end(), std::uint8_t{0x11});
    for (std::size_t block = 0; block < blocks; ++block) made.codes[block * kBlockBytes + 5] = 0x01;  // code 0: 21
    EXPECT_EQ(Check(made, made.bias + 1, made.groups * kGroup).kept, 1u);
    Check(made, kLowest, made.groups * kGroup);
  }
}

TEST_P(GroupScanTest, ExtremeTerms) {
  Draw draw(6);
  const std::int16_t terms[] = {32767, -32767, -32768, 32766, 1, -1, 0, 16384, -16384};
  for (const std::int16_t factor : {std::int16_t{0}, std::int16_t{1}, std::int16_t{16384}, std::int16_t{32767}}) {
    for (const std::uint8_t entry : {0, 1, 63}) {
      Case made = RandomCase(draw, 520, 2, true, true);
      std::fill(made.entries.begin(), made.entries.end(), entry);
      std::fill(made.live.begin(), made.live.end(), ~0u);
      for (std::size_t i = 0; i < made.terms.size(); ++i) made.terms[i] = terms[i % std::size(terms)];
      made.factor = factor;
      for (const std::int32_t bias : {0, 1 << 29, -(1 << 29), kHighest - 32767, kLowest + 32767}) {
        made.bias = bias;
        const std::int64_t edges[] = {-32768, -32767, -32766, -1, 0, 1, 32760, 32766, 32767, 32768};
        for (const std::int64_t edge : edges) {
          const std::int64_t threshold = std::clamp<std::int64_t>(bias + edge, kLowest, kHighest);
          Check(made, static_cast<std::int32_t>(threshold), 2 * kGroup);
        }
        Check(made, kLowest, 2 * kGroup);
        Check(made, kHighest, 2 * kGroup);
      }
    }
  }
}

TEST_P(GroupScanTest, ExtremeBiasesWithoutTerms) {
  Draw draw(7);
  Case made = RandomCase(draw, 24, 2, false, false);
  for (const std::int32_t bias : {0, 1 << 29, -(1 << 29), kHighest - 32767, kLowest}) {
    made.bias = bias;
    for (const std::int32_t threshold : {kLowest, kLowest + 1, -1, 0, 1, kHighest - 1, kHighest}) {
      Check(made, threshold, 2 * kGroup);
    }
    for (const std::int32_t score : Scores(made)) Check(made, score, 2 * kGroup);
  }
}

TEST_P(GroupScanTest, AKeyBufferMayBeExactlyFull) {
  Draw draw(8);
  Case made = RandomCase(draw, 16, 6, false, false);
  std::fill(made.live.begin(), made.live.end(), ~0u);
  EXPECT_EQ(Check(made, kLowest, 6 * kGroup).groups, 6u);
  EXPECT_EQ(Check(made, kLowest, 6 * kGroup).kept, 6 * kGroup);
  EXPECT_EQ(Check(made, kLowest, 6 * kGroup - 1).groups, 5u);
  EXPECT_EQ(Check(made, kLowest, 2 * kGroup).groups, 2u);
  EXPECT_EQ(Check(made, kLowest, kGroup).groups, 1u);
  EXPECT_EQ(Check(made, kLowest, kGroup - 1).groups, 0u);
  EXPECT_EQ(Check(made, kLowest, 0).groups, 0u);
}

TEST_P(GroupScanTest, ContinuesWhereItStopped) {
  Draw draw(9);
  const Case made = RandomCase(draw, 20, 40, true, true);
  GroupRun run = made.run();
  std::vector<std::uint64_t> all;
  while (run.groups > 0) {
    std::vector<std::uint64_t> keys(50);
    const ScanProgress done = ScanGroups(run, made.table(), made.bias, keys);
    ASSERT_GT(done.groups, 0u);
    all.insert(all.end(), keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(done.kept));
    run.codes += done.groups * 20 * kBlockBytes;
    run.terms += done.groups * kGroup;
    run.rows += done.groups * kGroup;
    run.live += done.groups;
    run.groups -= done.groups;
  }
  std::vector<std::uint64_t> wanted = Expected(made.run(), made.table(), made.bias, 40);
  std::sort(all.begin(), all.end());
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(all, wanted);
}

TEST_P(GroupScanTest, WhatIsFetchedAheadChangesNothing) {
  Draw draw(10);
  for (const bool terms : {false, true}) {
    for (const bool sparse : {false, true}) {
      Case made = RandomCase(draw, 12, 7, terms, false);
      made.live[2] = made.live[6] = 0;
      GroupRun run = made.run();
      run.sparse = sparse;
      std::vector<std::uint64_t> keys(7 * kGroup);
      std::vector<std::uint64_t> fetching(7 * kGroup);
      const ScanProgress done = ScanGroups(run, made.table(), made.bias, keys);
      // One address for each group that is read, exactly.
      const std::size_t read = sparse ? 5 : 7;
      const std::vector<GroupAddress> ahead(read, {made.codes.data(), terms ? made.terms.data() : nullptr});
      run.ahead = ahead.data();
      const ScanProgress same = ScanGroups(run, made.table(), made.bias, fetching);
      EXPECT_EQ(done.read, read);
      EXPECT_EQ(same.read, read);
      EXPECT_EQ(same.kept, done.kept);
      EXPECT_EQ(fetching, keys);
    }
  }
}

TEST_P(GroupScanTest, TwoQueriesGetWhatEachWouldAlone) {
  Draw draw(11);
  for (const std::size_t blocks : {4, 8, 12, 16, 20, 52, 68, 520}) {
    for (const std::size_t groups : {0, 1, 2, 5}) {
      for (const bool terms : {false, true}) {
        const Case first = RandomCase(draw, blocks, groups, terms, draw.Below(2) == 0);
        Case second = first;
        second.entries = draw.Integers<std::uint8_t>(blocks * kCodeWords, 0, MostEntry(blocks));
        second.factor = static_cast<std::int16_t>(draw.Between(0, 32767));
        second.bias = static_cast<std::int32_t>(draw.Between(-1000, 1000));
        const std::vector<std::int32_t> a = Scores(first);
        const std::vector<std::int32_t> b = Scores(second);
        for (int round = 0; round < 4; ++round) {
          const std::int32_t of_first = a.empty() || round == 0 ? kLowest : a[draw.Below(a.size())];
          const std::int32_t of_second = b.empty() || round == 1 ? kHighest : b[draw.Below(b.size())];
          std::vector<std::uint64_t> keys(groups * kGroup + draw.Below(3));
          std::vector<std::uint64_t> others(round == 3 ? groups * kGroup / 2 : keys.size());
          const PairProgress done = ScanGroupsForTwo(first.run(), {first.table(), first.bias, of_first, keys},
                                                     {second.table(), second.bias, of_second, others});
          if (round < 3) {
            EXPECT_EQ(done.groups, groups);
          } else if (done.groups < groups) {
            EXPECT_LT(others.size() - done.kept[1], kGroup) << "stopped early";
          }
          keys.resize(done.kept[0]);
          others.resize(done.kept[1]);
          auto wanted = Expected(first.run(), first.table(), of_first, done.groups);
          auto wanted_others = Expected(second.run(), second.table(), of_second, done.groups);
          for (auto* some : {&keys, &others, &wanted, &wanted_others}) std::sort(some->begin(), some->end());
          EXPECT_EQ(keys, wanted) << blocks << " blocks";
          EXPECT_EQ(others, wanted_others) << blocks << " blocks";
        }
      }
    }
  }
}

TEST(SurvivorKeyTest, LargerScoresAreLargerThenLowerRows) {
  const std::int32_t scores[] = {kLowest, -1, 0, 1, kHighest};
  const std::uint32_t rows[] = {0, 1, 77, 0x7FFFFFFF, 0xFFFFFFFE};
  for (const std::int32_t a : scores) {
    for (const std::uint32_t row : rows) {
      EXPECT_EQ(SurvivorScore(SurvivorKey(a, row)), a);
      EXPECT_EQ(SurvivorRow(SurvivorKey(a, row)), row);
      for (const std::int32_t b : scores) {
        for (const std::uint32_t other : rows) {
          const bool better = a != b ? a > b : row < other;
          EXPECT_EQ(SurvivorKey(a, row) > SurvivorKey(b, other), better);
        }
      }
    }
  }
}

}  // namespace
}  // namespace leafscan
