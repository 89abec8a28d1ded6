#include "leafscan/serve/answer.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/finite.h"
#include "leafscan/core/row_source.h"
#include "leafscan/core/score_key.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/core/top_keys.h"
#include "leafscan/filter/filter.h"

namespace leafscan {
namespace {

constexpr std::int64_t kNone = -1;

std::span<const std::int64_t> List(const MatrixView<std::int64_t>& lists, std::size_t query) {
  if (lists.cols == 0) return {};
  return {lists.row(query), lists.cols};
}

float WorstScore(const ServedIndex& index) {
  const float infinity = std::numeric_limits<float>::infinity();
  return index.searcher->snapshot().arrays.metric == Metric::kSquaredL2 ? infinity : -infinity;
}

// One query is no batch worth waking threads for.
int Threads(const ServedIndex& index, const Request& request) {
  return request.queries.rows > 1 ? index.defaults.threads : 1;
}

SearchOptions Options(const ServedIndex& index, const Request& request) {
  SearchOptions options = index.defaults;
  options.k = request.k;
  options.threads = Threads(index, request);
  return options;
}

void Check(const ServedIndex& index, const Request& request) {
  const Snapshot& snapshot = index.searcher->snapshot();
  if (request.queries.cols != snapshot.arrays.dim) {
    throw std::invalid_argument("queries must have " + std::to_string(snapshot.arrays.dim) +
                                " dimensions, as the index has; received " + std::to_string(request.queries.cols) + ".");
  }
  if (request.k < 1) throw std::invalid_argument("k must be at least 1.");
  if (!request.vectors.empty() && !snapshot.has_rows()) {
    throw std::invalid_argument(
        "this index keeps codes alone, so that scores have no derivative; build it with reorder=Reorder(...).");
  }
  CheckFinite(request.queries, "queries", Threads(index, request));
}

// Rows, k for each query, and their scores: of a search for so many more that the denied ones can be dropped.
void SearchWithoutDenied(const ServedIndex& index, const Request& request, const MatrixView<float>& queries) {
  const std::size_t k = request.k;
  SearchOptions options = Options(index, request);
  options.rows = true;
  options.candidates += request.deny.cols;
  options.k = std::max(k, std::min(k + request.deny.cols, index.searcher->snapshot().arrays.count));
  AlignedVector<std::int64_t> rows(queries.rows * options.k);
  AlignedVector<float> scores(rows.size());
  index.searcher->Search(queries, options, rows, scores);
  std::vector<std::int64_t> denied;
  for (std::size_t query = 0; query < queries.rows; ++query) {
    const std::span<const std::int64_t> list = List(request.deny, query);
    denied.assign(list.begin(), list.end());
    std::sort(denied.begin(), denied.end());
    std::size_t kept = 0;
    for (std::size_t i = query * options.k; i < (query + 1) * options.k && kept < k && rows[i] != kNone; ++i) {
      const std::int64_t name = index.Name(static_cast<std::size_t>(rows[i]), request.positions);
      if (std::binary_search(denied.begin(), denied.end(), name)) continue;
      request.ids[query * k + kept] = rows[i];
      request.scores[query * k + kept] = scores[i];
      ++kept;
    }
    std::fill_n(request.ids.begin() + static_cast<std::ptrdiff_t>(query * k + kept), k - kept, kNone);
    std::fill_n(request.scores.begin() + static_cast<std::ptrdiff_t>(query * k + kept), k - kept, WorstScore(index));
  }
}

// The best of the listed rows, each scored by itself.
void ScoreAllowed(const ServedIndex& index, const float* query, std::span<const std::uint32_t> rows,
                  std::span<std::int64_t> ids, std::span<float> scores) {
  const IndexArrays& arrays = index.searcher->snapshot().arrays;
  thread_local RowQuery row_query;
  thread_local TopKeys best;
  thread_local AlignedVector<float> products;
  row_query.Prepare(arrays.rows, arrays.metric, query);
  products.resize(rows.size());
  arrays.rows.ScoreListed(row_query, rows, products.data());
  best.Reset(ids.size());
  for (std::size_t i = 0; i < rows.size(); ++i) best.Push(ScoreKey(products[i], rows[i]));
  const std::span<const std::uint64_t> keys = best.Sorted();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const float score = KeyScore(keys[i]);
    ids[i] = KeyRow(keys[i]);
    scores[i] = arrays.metric == Metric::kSquaredL2 ? std::max(0.0f, -score) : score;
  }
  std::fill(ids.begin() + static_cast<std::ptrdiff_t>(keys.size()), ids.end(), kNone);
  std::fill(scores.begin() + static_cast<std::ptrdiff_t>(keys.size()), scores.end(), WorstScore(index));
}

void FilterAllowed(const ServedIndex& index, const MatrixView<float>& query, std::span<const std::uint32_t> rows,
                   std::span<std::int64_t> ids, std::span<float> scores) {
  std::vector<std::uint8_t> allowed(index.searcher->snapshot().arrays.count);
  for (const std::uint32_t row : rows) allowed[row] = 1;
  const Filter filter(index.searcher->shared_snapshot(), allowed);
  SearchOptions options = index.defaults;
  options.k = ids.size();
  options.rows = true;
  options.filter = &filter;
  options.threads = 1;
  index.searcher->Search(query, options, ids, scores);
}

void SearchAmongAllowed(const ServedIndex& index, const Request& request, const MatrixView<float>& queries) {
  const RowNames& names = index.names(request.positions);
  const bool has_rows = index.searcher->snapshot().has_rows();
  ParallelFor(queries.rows, Threads(index, request), [&](std::size_t query) {
    std::vector<std::uint32_t> allowed;
    std::vector<std::uint32_t> denied;
    std::vector<std::uint32_t> rows;
    names.Find(List(request.allow, query), allowed);
    names.Find(List(request.deny, query), denied);
    std::set_difference(allowed.begin(), allowed.end(), denied.begin(), denied.end(), std::back_inserter(rows));
    const std::span<std::int64_t> ids = request.ids.subspan(query * request.k, request.k);
    const std::span<float> scores = request.scores.subspan(query * request.k, request.k);
    if (has_rows) {
      ScoreAllowed(index, queries.row(query), rows, ids, scores);
    } else {
      FilterAllowed(index, {queries.row(query), 1, queries.cols}, rows, ids, scores);
    }
  });
}

void SearchAll(const ServedIndex& index, const Request& request, const MatrixView<float>& queries, bool rows) {
  SearchOptions options = Options(index, request);
  options.rows = rows;
  index.searcher->Search(queries, options, request.ids, request.scores);
}

void TakeVectors(const ServedIndex& index, const Request& request) {
  const RowStore& store = index.searcher->snapshot().arrays.rows;
  const std::size_t dim = store.cols();
  for (std::size_t i = 0; i < request.ids.size(); ++i) {
    float* to = request.vectors.data() + i * dim;
    if (request.ids[i] == kNone) {
      std::fill_n(to, dim, 0.0f);
    } else {
      const float* from = store.Floats(static_cast<std::size_t>(request.ids[i]), 1, to);
      if (from != to) std::copy_n(from, dim, to);
    }
  }
}

}  // namespace

void Answer(const ServedIndex& index, const Request& request) {
  Check(index, request);
  MatrixView<float> queries = request.queries;
  AlignedVector<float> unit;
  if (index.normalize) {
    unit.resize(queries.rows * queries.cols);
    for (std::size_t i = 0; i < queries.rows; ++i) Normalize(queries.row(i), queries.cols, unit.data() + i * queries.cols);
    queries.data = unit.data();
  }
  const bool listed = request.deny.cols > 0 || request.allow.cols > 0;
  if (!listed && !request.positions && request.vectors.empty()) {
    SearchAll(index, request, queries, false);
    return;
  }
  if (request.allow.cols > 0) {
    SearchAmongAllowed(index, request, queries);
  } else if (request.deny.cols > 0) {
    SearchWithoutDenied(index, request, queries);
  } else {
    SearchAll(index, request, queries, true);
  }
  if (!request.vectors.empty()) TakeVectors(index, request);
  for (std::int64_t& id : request.ids) {
    if (id != kNone) id = index.Name(static_cast<std::size_t>(id), request.positions);
  }
}

}  // namespace leafscan
