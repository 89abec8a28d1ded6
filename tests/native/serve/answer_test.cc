// Requests of every kind against a plain computation over all rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/opened_index.h"
#include "leafscan/serve/answer.h"

namespace leafscan {
namespace {

constexpr std::size_t kCount = 300;
constexpr std::size_t kDim = 12;
constexpr std::size_t kBest = 6;

Rows Normals(std::uint64_t seed, std::size_t count, std::size_t dim = kDim) {
  Draw draw(seed);
  return NormalRows(draw, count, dim);
}

struct Given {
  std::vector<std::int64_t> ids;
  std::vector<float> scores;
  std::vector<float> vectors;
};

class Served {
 public:
  explicit Served(const BuildOptions& options, bool normalize = false)
      : rows_(Normals(1, kCount)), index_(std::make_shared<OpenedIndex>(rows_, options, normalize)) {
    served_.owner = index_;
    served_.searcher = &index_->searcher();
    served_.order = index_->built().order;
    served_.defaults.leaves = options.leaves;
    served_.defaults.candidates = kCount;
    served_.defaults.threads = 2;
    served_.normalize = normalize;
  }

  Given Ask(const Rows& queries, Request request, bool vectors = false) const {
    request.queries = queries.view();
    request.k = kBest;
    const std::size_t found = queries.view().rows * kBest;
    Given given{std::vector<std::int64_t>(found, -7), std::vector<float>(found, -7.0f),
                std::vector<float>(vectors ? found * kDim : 0, -7.0f)};
    request.ids = given.ids;
    request.scores = given.scores;
    request.vectors = given.vectors;
    Answer(served_, request);
    return given;
  }

  const Rows& rows() const { return rows_; }
  const OpenedIndex& index() const { return *index_; }

 private:
  Rows rows_;
  std::shared_ptr<OpenedIndex> index_;
  ServedIndex served_;
};

// Caller's rows, best first, by a score in float64.
template <class Allowed>
std::vector<std::int64_t> Best(const Rows& rows, const float* query, const Allowed& allowed) {
  std::vector<std::int64_t> order;
  std::vector<double> scores(kCount);
  for (std::size_t row = 0; row < kCount; ++row) {
    scores[row] = std::inner_product(query, query + kDim, rows.view().row(row), 0.0);
    if (allowed(static_cast<std::int64_t>(row))) order.push_back(static_cast<std::int64_t>(row));
  }
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] > scores[b]; });
  order.resize(kBest, -1);
  return order;
}

BuildOptions Exact(Metric metric = Metric::kDotProduct) {
  BuildOptions options;
  options.metric = metric;
  options.width = 0;
  return options;
}

BuildOptions Coded(bool keep_rows) {
  BuildOptions options;
  options.leaves = 10;
  options.width = 2;
  options.keep_rows = keep_rows;
  return options;
}

TEST(AnswerTest, WithoutListsItIsTheSearchersOwn) {
  const Served served(Coded(true));
  const Rows queries = Normals(2, 5);
  SearchOptions options;
  options.k = kBest;
  options.leaves = 10;
  options.candidates = kCount;
  const Found found = served.index().Search(queries.view(), options);
  const Given given = served.Ask(queries, {});
  EXPECT_EQ(given.ids, found.ids);
  EXPECT_EQ(given.scores, found.scores);
  Request positions;
  positions.positions = true;
  EXPECT_EQ(served.Ask(queries, positions).ids, found.ids);  // ids of this index are positions
}

TEST(AnswerTest, VectorsAreTheRowsFound) {
  for (const BuildOptions& options : {Exact(), Coded(true)}) {
    const Served served(options);
    const Rows queries = Normals(3, 4);
    const Given given = served.Ask(queries, {}, true);
    for (std::size_t i = 0; i < given.ids.size(); ++i) {
      const float* row = served.rows().view().row(static_cast<std::size_t>(given.ids[i]));
      EXPECT_TRUE(std::equal(row, row + kDim, given.vectors.begin() + static_cast<std::ptrdiff_t>(i * kDim)));
    }
  }
}

TEST(AnswerTest, DeniedAreDroppedAndReplaced) {
  const Served served(Exact());
  const Rows queries = Normals(4, 3);
  std::vector<std::int64_t> lists;
  for (std::size_t query = 0; query < 3; ++query) {
    const auto best = Best(served.rows(), queries.view().row(query), [](auto) { return true; });
    lists.insert(lists.end(), {best[0], -1, best[3], best[0], 100000});
  }
  Request request;
  request.deny = {lists.data(), 3, 5};
  const Given given = served.Ask(queries, request);
  for (std::size_t query = 0; query < 3; ++query) {
    const auto wanted = Best(served.rows(), queries.view().row(query), [&](std::int64_t row) {
      return std::find(lists.begin() + static_cast<std::ptrdiff_t>(query * 5),
                       lists.begin() + static_cast<std::ptrdiff_t>(query * 5 + 5), row) ==
             lists.begin() + static_cast<std::ptrdiff_t>(query * 5 + 5);
    });
    EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), given.ids.begin() + static_cast<std::ptrdiff_t>(query * kBest)));
  }
}

TEST(AnswerTest, AllowedAloneAreScored) {
  for (const bool rows : {true, false}) {
    const Served served(Coded(rows));
    const Rows queries = Normals(5, 2);
    const std::vector<std::int64_t> allow{5, 17, -1, 200, 17, 5, 9, 250, 33, 1 << 20, 40, 41,   //
                                          1, 2,  3,  -1,  -1, 2, 1, -1,  -1, -1,      -1, -1};
    const std::vector<std::int64_t> deny{9, 3};
    Request request;
    request.allow = {allow.data(), 2, 12};
    request.deny = {deny.data(), 2, 1};
    const Given given = served.Ask(queries, request);
    std::vector<std::int64_t> first(given.ids.begin(), given.ids.begin() + kBest);
    std::vector<std::int64_t> second(given.ids.begin() + kBest, given.ids.end());
    if (rows) {
      const std::vector<std::int64_t> open{5, 17, 200, 250, 33, 40, 41};
      EXPECT_EQ(first, Best(served.rows(), queries.view().row(0), [&](std::int64_t row) {
                  return std::find(open.begin(), open.end(), row) != open.end();
                }));
    }
    std::sort(second.begin(), second.end());
    EXPECT_EQ(second, (std::vector<std::int64_t>{-1, -1, -1, -1, 1, 2}));
    EXPECT_EQ(given.scores.back(), -std::numeric_limits<float>::infinity());
  }
}

TEST(AnswerTest, MoreThanThereAreIsPadded) {
  const Served served(Exact(Metric::kSquaredL2));
  const Rows queries = Normals(6, 1);
  const std::vector<std::int64_t> allow{4};
  Request request;
  request.allow = {allow.data(), 1, 1};
  const Given given = served.Ask(queries, request, true);
  EXPECT_EQ(given.ids, (std::vector<std::int64_t>{4, -1, -1, -1, -1, -1}));
  EXPECT_EQ(given.scores[1], std::numeric_limits<float>::infinity());
  EXPECT_EQ(given.vectors[kDim], 0.0f);
  EXPECT_GE(given.scores[0], 0.0f);
}

TEST(AnswerTest, NormalizesQueriesOfCosine) {
  const Served served(Exact(), true);
  Rows queries = Normals(7, 2);
  const Given given = served.Ask(queries, {});
  for (const float score : given.scores) EXPECT_LE(std::abs(score), 1.0f + 1e-6f);
  for (float& value : queries.data) value *= 3.0f;
  EXPECT_EQ(served.Ask(queries, {}).ids, given.ids);
}

TEST(AnswerTest, RefusesWhatItCannotAnswer) {
  const Served served(Coded(false));
  Rows queries = Normals(8, 2);
  EXPECT_THROW(served.Ask(queries, {}, true), std::invalid_argument);
  queries.data[kDim + 1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(served.Ask(queries, {}), std::invalid_argument);
  EXPECT_THROW(served.Ask(Normals(8, 2, kDim + 1), {}), std::invalid_argument);
}

}  // namespace
}  // namespace leafscan
