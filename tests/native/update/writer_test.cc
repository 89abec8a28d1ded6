#include "leafscan/update/writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "fixtures/living_index.h"
#include "fixtures/opened_index.h"
#include "leafscan/filter/filter.h"
#include "leafscan/update/fold.h"

namespace leafscan {
namespace {

constexpr std::size_t kCount = 700;
constexpr std::size_t kDim = 18;
constexpr std::size_t kBest = 10;

class WriterTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(WriterTest);

struct Plan {
  const char* name;
  Metric metric;
  bool normalize;
  std::size_t leaves;
  std::size_t width;
  std::size_t words;
  float soar_lambda;
  RowType rows;
  std::optional<RowType> first_rows;
};

constexpr Plan kPlans[] = {
    {"exact", Metric::kDotProduct, false, 0, 0, 16, -1.0f, RowType::kFloat32, {}},
    {"exact squared_l2 in bfloat16", Metric::kSquaredL2, false, 0, 0, 16, -1.0f, RowType::kBFloat16, {}},
    {"leaves of rows", Metric::kSquaredL2, false, 25, 0, 16, -1.0f, RowType::kFloat32, {}},
    {"codes alone", Metric::kDotProduct, true, 0, 2, 16, -1.0f, RowType::kFloat32, {}},
    {"codes in leaves", Metric::kDotProduct, true, 25, 2, 16, -1.0f, RowType::kBFloat16, {}},
    {"SOAR", Metric::kSquaredL2, false, 25, 2, 16, 1.0f, RowType::kFloat32, {}},
    {"SOAR of dot products", Metric::kDotProduct, false, 25, 3, 16, 1.5f, RowType::kFloat32, {}},
    {"wide codes", Metric::kSquaredL2, false, 25, 3, 256, -1.0f, RowType::kFloat32, {}},
    {"two stages", Metric::kDotProduct, true, 25, 2, 16, 1.0f, RowType::kFloat32, RowType::kInt8},
};

BuildOptions Options(const Plan& plan) {
  BuildOptions options;
  options.metric = plan.metric;
  options.leaves = plan.leaves;
  options.width = plan.width;
  options.words = plan.words;
  options.soar_lambda = plan.soar_lambda;
  options.row_type = plan.rows;
  options.first_row_type = plan.first_rows;
  options.tree_iterations = 4;
  options.code_iterations = 3;
  if (plan.metric == Metric::kDotProduct && plan.width > 0) options.anisotropic_threshold = 0.3;
  return options;
}

Rows Unit(Rows rows) {
  for (std::size_t row = 0; row < rows.count; ++row) {
    Normalize(rows.view().row(row), rows.dim, rows.data.data() + row * rows.dim);
  }
  return rows;
}

// Which visit every leaf and reorder every row: they must be exact.
SearchOptions Everything() {
  SearchOptions options;
  options.k = kBest;
  options.leaves = 1000;
  options.candidates = 100'000;
  options.refined = 100'000;
  return options;
}

// What exact search says of the rows that should be there.
Found Expected(const LivingIndex& index, const Plan& plan, const MatrixView<float>& queries) {
  BuildOptions options;
  options.metric = plan.metric;
  options.width = 0;
  options.row_type = plan.rows;
  SearchOptions search;
  search.k = kBest;
  Found found = OpenedIndex(index.Live(), options, plan.normalize).Search(queries, search);
  const std::vector<std::int64_t> ids = index.ids();
  for (std::int64_t& id : found.ids) id = id < 0 ? id : ids[static_cast<std::size_t>(id)];
  return found;
}

void ExpectSame(const Found& found, const Found& wanted) {
  ASSERT_EQ(found.ids.size(), wanted.ids.size());
  for (std::size_t i = 0; i < found.ids.size(); ++i) {
    ASSERT_EQ(found.scores[i], wanted.scores[i]) << "place " << i << ": " << found.ids[i] << " and not " << wanted.ids[i];
    ASSERT_EQ(found.ids[i], wanted.ids[i]) << "place " << i;
  }
}

// Ids of some that are there (so many) and of some that are new.
std::vector<std::int64_t> SomeIds(Draw& draw, const LivingIndex& index, std::size_t there, std::size_t fresh) {
  std::vector<std::int64_t> ids = index.ids();
  std::vector<std::int64_t> chosen;
  while (chosen.size() < there) {
    const std::size_t at = draw.Below(ids.size());
    chosen.push_back(ids[at]);
    ids[at] = ids.back();
    ids.pop_back();
  }
  static std::int64_t next = 1'000'000;
  for (std::size_t i = 0; i < fresh; ++i) chosen.push_back(next++);
  return chosen;
}

TEST_P(WriterTest, EveryPlanFindsExactlyWhatIsThere) {
  for (const Plan& plan : kPlans) {
    SCOPED_TRACE(plan.name);
    Draw draw(1);
    LivingIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.4), Options(plan), plan.normalize);
    Rows queries = ClusteredRows(draw, 40, kDim, 30, 0.4);
    if (plan.normalize) queries = Unit(queries);
    for (int round = 0; round < 6; ++round) {
      const std::size_t there = round % 2 == 0 ? 1 : 60;
      const auto ids = SomeIds(draw, index, there, round == 3 ? 400 : 5);
      std::vector<std::int64_t> gone;
      for (const std::int64_t id : SomeIds(draw, index, round == 4 ? 500 : 8, 0)) {
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) gone.push_back(id);
      }
      index.Update(ids, ClusteredRows(draw, ids.size(), kDim, 30, 0.4), gone, 1 + round % 2);
      EXPECT_EQ(index.snapshot().count, index.ids().size());
      const Found wanted = Expected(index, plan, queries.view());
      SearchOptions search = Everything();
      ExpectSame(index.Search(queries.view(), search), wanted);
      search.threads = 2;
      ExpectSame(index.Search(queries.view(), search), wanted);
      EXPECT_EQ(index.Search({queries.view().row(0), 1, kDim}, search),
                (Found{{wanted.ids.begin(), wanted.ids.begin() + kBest}, {wanted.scores.begin(), wanted.scores.begin() + kBest}}));
    }
  }
}

TEST_P(WriterTest, ABatchAndSingleQueriesAgreeAfterUpdates) {
  for (const Plan& plan : kPlans) {
    SCOPED_TRACE(plan.name);
    Draw draw(2);
    LivingIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.4), Options(plan), plan.normalize);
    const auto ids = SomeIds(draw, index, 150, 200);
    index.Update(ids, ClusteredRows(draw, ids.size(), kDim, 30, 0.4));
    const Rows queries = ClusteredRows(draw, 100, kDim, 30, 0.4);
    SearchOptions search;
    search.k = kBest;
    search.leaves = 5;
    search.candidates = 60;
    const Found batch = index.Search(queries.view(), search);
    for (std::size_t query = 0; query < queries.count; ++query) {
      const Found one = index.Search({queries.view().row(query), 1, kDim}, search);
      EXPECT_TRUE(std::equal(one.ids.begin(), one.ids.end(), batch.ids.begin() + static_cast<std::ptrdiff_t>(query * kBest)));
      EXPECT_TRUE(std::equal(one.scores.begin(), one.scores.end(),
                             batch.scores.begin() + static_cast<std::ptrdiff_t>(query * kBest)));
    }
  }
}

TEST_P(WriterTest, AFoldedVersionAnswersAsItDid) {
  for (const Plan& plan : kPlans) {
    SCOPED_TRACE(plan.name);
    Draw draw(3);
    const BuildOptions options = Options(plan);
    LivingIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.4), options, plan.normalize);
    for (int round = 0; round < 3; ++round) {
      const auto ids = SomeIds(draw, index, 80, 150);
      index.Update(ids, ClusteredRows(draw, ids.size(), kDim, 30, 0.4), {});
    }
    const Folded folded = Fold(index.snapshot(), 2);
    const Sections& now = folded.sections;
    ASSERT_EQ(folded.rows.size(), index.ids().size());
    std::vector<std::int64_t> ids;
    for (const std::uint32_t row : folded.rows) ids.push_back(index.snapshot().id(row));
    IndexArrays arrays = index.snapshot().arrays;
    arrays.count = folded.rows.size();
    arrays.rows = StoreOf(now.rows, plan.rows, arrays.count, kDim);
    if (plan.first_rows) arrays.first_rows = StoreOf(now.first_rows, *plan.first_rows, arrays.count, kDim);
    arrays.leaf_offsets = now.leaf_offsets;
    arrays.primary = {now.primary.codes, now.primary.terms, now.primary.live};
    arrays.spill_offsets = now.spill_offsets;
    arrays.spill_rows = now.spill_rows;
    arrays.spill = {now.spill.codes, now.spill.terms, now.spill.live};
    arrays.ids = ids;
    const Searcher searcher(OpenSnapshot(arrays));
    const Rows queries = ClusteredRows(draw, 50, kDim, 30, 0.4);
    SearchOptions search;
    search.k = kBest;
    search.leaves = 4;
    search.candidates = 100'000;
    ExpectSame(LivingIndex::SearchIn(searcher, queries.view(), search), index.Search(queries.view(), search));
    search = Everything();
    ExpectSame(LivingIndex::SearchIn(searcher, queries.view(), search), index.Search(queries.view(), search));
  }
}

TEST_P(WriterTest, AFilterOfAVersionAllowsWhatItSays) {
  for (const Plan& plan : kPlans) {
    SCOPED_TRACE(plan.name);
    Draw draw(4);
    LivingIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.4), Options(plan), plan.normalize);
    const auto ids = SomeIds(draw, index, 150, 300);
    index.Update(ids, ClusteredRows(draw, ids.size(), kDim, 30, 0.4), SomeIds(draw, index, 0, 0));
    Rows queries = ClusteredRows(draw, 30, kDim, 30, 0.4);
    if (plan.normalize) queries = Unit(queries);
    SearchOptions all = Everything();
    all.k = index.ids().size();
    const Found everything = index.Search(queries.view(), all);
    for (const double share : {0.0, 0.02, 0.2, 0.9}) {
      // Rows that are not there are allowed as well: nobody may see them.
      std::vector<std::uint8_t> allowed(index.snapshot().row_end, 1);
      for (const std::int64_t id : index.ids()) allowed[index.row(id)] = draw.Unit() < share ? 1 : 0;
      const Filter filter(index.snapshot(), allowed);
      SearchOptions search = Everything();
      search.filter = &filter;
      Found wanted;
      for (std::size_t query = 0; query < queries.count; ++query) {
        std::size_t found = 0;
        for (std::size_t i = query * all.k; i < (query + 1) * all.k && found < kBest; ++i) {
          if (allowed[index.row(everything.ids[i])] == 0) continue;
          wanted.ids.push_back(everything.ids[i]);
          wanted.scores.push_back(everything.scores[i]);
          ++found;
        }
        for (; found < kBest; ++found) {
          const float worst = std::numeric_limits<float>::infinity();
          wanted.ids.push_back(-1);
          wanted.scores.push_back(plan.metric == Metric::kSquaredL2 ? worst : -worst);
        }
      }
      ExpectSame(index.Search(queries.view(), search), wanted);
    }
  }
}

TEST_P(WriterTest, AnOldVersionStaysWhatItWas) {
  const Plan& plan = kPlans[5];
  Draw draw(5);
  LivingIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.4), Options(plan), plan.normalize);
  const Rows queries = ClusteredRows(draw, 20, kDim, 30, 0.4);
  const auto ids = SomeIds(draw, index, 30, 30);
  index.Update(ids, ClusteredRows(draw, ids.size(), kDim, 30, 0.4));
  const std::shared_ptr<const Searcher> old = index.searcher();
  const Found before = LivingIndex::SearchIn(*old, queries.view(), Everything());
  for (int round = 0; round < 10; ++round) {
    const auto more = SomeIds(draw, index, 100, 0);
    index.Update(more, ClusteredRows(draw, more.size(), kDim, 30, 0.4));
  }
  ExpectSame(LivingIndex::SearchIn(*old, queries.view(), Everything()), before);
}

TEST(WriterSlotsTest, SlotsAreTakenAgainWhenNoVersionHoldsThem) {
  const Plan& plan = kPlans[4];
  Draw draw(6);
  LivingIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.4), Options(plan), plan.normalize);
  const auto ids = SomeIds(draw, index, 100, 0);
  std::size_t most = 0;
  for (int round = 0; round < 50; ++round) {
    index.Update(ids, ClusteredRows(draw, ids.size(), kDim, 30, 0.4));
    most = std::max(most, index.snapshot().row_end);
  }
  EXPECT_LE(most, kCount + 300);
  std::size_t segments = 0;
  for (const Leaf& leaf : index.snapshot().leaves) segments += leaf.segments.size();
  EXPECT_LE(segments, 2u * index.snapshot().leaves.size());
}

TEST(WriterSlotsTest, WhatIsLeftOfAMostlyDeadLeafMoves) {
  Plan plan = kPlans[5];
  plan.leaves = 5;
  Draw draw(10);
  LivingIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.4), Options(plan), plan.normalize);
  const Rows queries = ClusteredRows(draw, 20, kDim, 30, 0.4);
  const auto groups = [&] {
    std::size_t count = 0;
    for (const Leaf& leaf : index.snapshot().leaves) {
      for (const Segment& segment : leaf.segments) count += segment.groups;
    }
    return count;
  };
  const std::size_t before = groups();
  std::vector<std::int64_t> gone = SomeIds(draw, index, kCount * 7 / 10, 0);
  for (std::size_t first = 0; first < gone.size(); first += 35) {
    const auto some = gone.begin() + static_cast<std::ptrdiff_t>(first);
    index.Update({}, Rows{{}, 0, kDim}, {some, some + 35});
    ExpectSame(index.Search(queries.view(), Everything()), Expected(index, plan, queries.view()));
  }
  EXPECT_LT(groups(), before * 7 / 10);
  const auto ids = SomeIds(draw, index, 100, 0);
  index.Update(ids, ClusteredRows(draw, 100, kDim, 30, 0.4));
  ExpectSame(index.Search(queries.view(), Everything()), Expected(index, plan, queries.view()));
}

TEST(WriterSlotsTest, RowsThatScalesCannotHoldGetWiderOnes) {
  Plan plan = kPlans[0];
  plan.rows = RowType::kInt8;
  Draw draw(7);
  LivingIndex index(NormalRows(draw, kCount, kDim), Options(plan));
  Rows far = NormalRows(draw, 20, kDim, 9.0);
  std::vector<std::int64_t> ids = SomeIds(draw, index, 0, 20);
  index.Update(ids, far);
  index.Update(SomeIds(draw, index, 0, 5), NormalRows(draw, 5, kDim));
  const Folded folded = Fold(index.snapshot(), 1);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    float kept[kDim];
    index.snapshot().rows.Read(index.row(ids[i]), kept);
    const auto at = std::find(folded.rows.begin(), folded.rows.end(), index.row(ids[i])) - folded.rows.begin();
    for (std::size_t d = 0; d < kDim; ++d) {
      const float wanted = far.data[i * kDim + d];
      EXPECT_NEAR(kept[d], wanted, 0.3f);
      EXPECT_NEAR(static_cast<float>(folded.sections.rows.int8[static_cast<std::size_t>(at) * kDim + d]) *
                      folded.sections.rows.scales[d], wanted, 0.5f);
    }
  }
  SearchOptions search;
  search.k = 1;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    double square = 0.0;
    for (std::size_t d = 0; d < kDim; ++d) square += static_cast<double>(far.data[i * kDim + d]) * far.data[i * kDim + d];
    const Found found = index.Search({far.view().row(i), 1, kDim}, search);
    EXPECT_NEAR(found.scores[0], square, 0.05 * square + 1.0);
  }
}

TEST(WriterSlotsTest, WhatIsPreparedAndDroppedChangesNothing) {
  const Plan& plan = kPlans[5];
  Draw draw(8);
  LivingIndex index(ClusteredRows(draw, kCount, kDim, 30, 0.4), Options(plan), plan.normalize);
  const Rows queries = ClusteredRows(draw, 20, kDim, 30, 0.4);
  const auto ids = SomeIds(draw, index, 30, 30);
  index.Update(ids, ClusteredRows(draw, ids.size(), kDim, 30, 0.4));
  index.Update(ids, ClusteredRows(draw, ids.size(), kDim, 30, 0.4));
  const Found before = index.Search(queries.view(), Everything());
  const Rows vectors = ClusteredRows(draw, ids.size(), kDim, 30, 0.4);
  const std::vector<std::uint32_t> removed{index.row(ids[0]), index.row(ids[1])};
  index.writer().Prepare({vectors.view(), ids, 0, removed}, 1, nullptr);
  ExpectSame(index.Search(queries.view(), Everything()), before);
  Rows bad = vectors;
  bad.data[5 * kDim + 2] = std::numeric_limits<float>::quiet_NaN();
  try {
    index.writer().Prepare({bad.view(), ids, 0, removed}, 1, nullptr);
    FAIL() << "NaN was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("5"), std::string::npos) << error.what();
  }
  index.Update(ids, vectors);
  ExpectSame(index.Search(queries.view(), Everything()), Expected(index, plan, queries.view()));
}

TEST(WriterSlotsTest, AllMayGoAndComeAgain) {
  for (const Plan& plan : kPlans) {
    SCOPED_TRACE(plan.name);
    Draw draw(9);
    LivingIndex index(ClusteredRows(draw, 60, kDim, 5, 0.4), Options({plan.name, plan.metric, plan.normalize, plan.leaves > 0 ? std::size_t{5} : 0, plan.width, plan.words, plan.soar_lambda, plan.rows, plan.first_rows}), plan.normalize);
    Rows queries = ClusteredRows(draw, 3, kDim, 5, 0.4);
    if (plan.normalize) queries = Unit(queries);
    index.Update({}, Rows{{}, 0, kDim}, index.ids());
    EXPECT_EQ(index.snapshot().count, 0u);
    const Found none = index.Search(queries.view(), Everything());
    EXPECT_EQ(none.ids, std::vector<std::int64_t>(none.ids.size(), -1));
    const auto ids = SomeIds(draw, index, 0, 33);
    index.Update(ids, ClusteredRows(draw, 33, kDim, 5, 0.4));
    ExpectSame(index.Search(queries.view(), Everything()), Expected(index, plan, queries.view()));
  }
}

}  // namespace
}  // namespace leafscan
