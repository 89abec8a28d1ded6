#include "leafscan/search/exact.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/core/score_key.h"
#include "leafscan/core/top_keys.h"
#include "leafscan/simd/panel.h"

namespace leafscan {
namespace {

constexpr std::size_t kRowsAtOnce = 128;   // thresholds are renewed after so many
constexpr std::size_t kRowsPerTile = 4096;  // at least, when rows are shared out among threads
// Rows that must be made floats first are taken in blocks that stay in the second-level cache.
constexpr std::size_t kDecodedFloats = 32768;
// Up to this many queries, sixteen lanes would be mostly empty.
constexpr std::size_t kFewQueries = 3;

double Square(const float* vector, std::size_t dim) {
  double square = 0.0;
  for (std::size_t i = 0; i < dim; ++i) square += static_cast<double>(vector[i]) * vector[i];
  return square;
}

std::size_t RowsAtOnce(const RowStore& rows) {
  if (rows.type() == RowType::kFloat32) return kRowsAtOnce;
  return std::clamp<std::size_t>(kDecodedFloats / rows.cols(), 8, kRowsAtOnce);
}

// Room for a block of such rows.
AlignedVector<float> DecodedRoom(const RowStore& rows) {
  return AlignedVector<float>(rows.type() == RowType::kFloat32 ? 0 : RowsAtOnce(rows) * rows.cols());
}

float Below(double value) {
  return std::nextafter(static_cast<float>(value), -std::numeric_limits<float>::infinity());
}

// Of the rows [begin, begin + count).
bool NoneAllowed(const Filter* filter, std::size_t begin, std::size_t count) {
  if (filter == nullptr) return false;
  bool none = true;
  filter->ForRows(begin, begin + count, [&](std::uint32_t) { none = false; });
  return none;
}

struct Tile {
  std::size_t first_query, queries;
  std::size_t first_row, rows;
};

}  // namespace

void ExactSearch::Prepare(int threads) const {
  std::call_once(prepared_, [&] {
    const std::size_t chunks = (rows_.rows() + kRowsPerTile - 1) / kRowsPerTile;
    const std::size_t at_once = RowsAtOnce(rows_);
    std::vector<double> longest(chunks, 0.0);
    if (metric_ == Metric::kSquaredL2) bias_.resize(rows_.rows());
    ParallelFor(chunks, threads, [&](std::size_t chunk) {
      const std::size_t end = std::min(rows_.rows(), (chunk + 1) * kRowsPerTile);
      AlignedVector<float> decoded = DecodedRoom(rows_);
      for (std::size_t at = chunk * kRowsPerTile; at < end; at += at_once) {
        const std::size_t count = std::min(at_once, end - at);
        const float* block = rows_.Floats(at, count, decoded.data());
        for (std::size_t i = 0; i < count; ++i) {
          const double square = Square(block + i * rows_.cols(), rows_.cols());
          longest[chunk] = std::max(longest[chunk], square);
          if (metric_ == Metric::kSquaredL2) bias_[at + i] = static_cast<float>(-0.5 * square);
        }
      }
    });
    for (const double square : longest) longest_square_ = std::max(longest_square_, square);
  });
}

std::vector<std::vector<std::uint64_t>> ExactSearch::Best(const MatrixView<float>& queries, std::size_t k,
                                                          int threads, Monitor* monitor, const Filter* filter,
                                                          std::span<const DeniedRows> denied,
                                                          SharedTrace* trace) const {
  const std::size_t dim = rows_.cols();
  k = std::min(k, rows_.rows());  // there are no more, and room is made for each
  const bool one_by_one = queries.rows <= kFewQueries;
  if (!one_by_one) Prepare(threads);
  const std::size_t per_tile = one_by_one ? 1 : kPanelLanes;
  const std::size_t panels = (queries.rows + per_tile - 1) / per_tile;
  // Enough tiles to keep all threads busy to the end, each of enough rows to be worth its own best k.
  const std::size_t wanted = threads > 1 ? static_cast<std::size_t>(threads) * 4 : 1;
  const std::size_t most = std::max<std::size_t>(1, rows_.rows() / kRowsPerTile);
  const std::size_t splits = std::clamp<std::size_t>((wanted + panels - 1) / std::max<std::size_t>(panels, 1), 1, most);
  const std::size_t rows_per_tile = (rows_.rows() + splits - 1) / splits;

  std::vector<TopKeys> best(queries.rows * splits);
  const auto search_tile = [&](const Tile& tile, std::size_t split) {
    const auto keys = [&](std::size_t lane) -> TopKeys& { return best[(tile.first_query + lane) * splits + split]; };
    const auto allows = [&](std::size_t lane, std::size_t row) {
      if (filter != nullptr && !filter->Allows(row)) return false;
      return denied.empty() || !denied[tile.first_query + lane].Contains(static_cast<std::uint32_t>(row));
    };
    for (std::size_t lane = 0; lane < tile.queries; ++lane) keys(lane).Reset(k);
    if (one_by_one) {
      float scores[kRowsAtOnce];
      RowQuery query;
      query.Prepare(rows_, metric_, queries.row(tile.first_query));
      for (std::size_t at = 0; at < tile.rows; at += kRowsAtOnce) {
        const std::size_t count = std::min(kRowsAtOnce, tile.rows - at);
        const std::size_t begin = tile.first_row + at;
        if (NoneAllowed(filter, begin, count)) continue;
        rows_.ScoreRange(query, begin, count, scores);
        for (std::size_t i = 0; i < count; ++i) {
          const std::uint64_t key = ScoreKey(scores[i], static_cast<std::uint32_t>(begin + i));
          if (key > keys(0).least() && allows(0, begin + i)) keys(0).Push(key);
        }
      }
      return;
    }
    AlignedVector<float> panel(kPanelLanes * dim);
    PackPanel(queries.row(tile.first_query), tile.queries, dim, panel.data());
    // A row's panel score and the score that the store gives differ by less than `slack` of the lane.
    double squares[kPanelLanes] = {};
    double slack[kPanelLanes] = {};
    float thresholds[kPanelLanes];
    RowQuery row_queries[kPanelLanes];
    std::fill_n(thresholds, kPanelLanes, std::numeric_limits<float>::infinity());
    for (std::size_t lane = 0; lane < tile.queries; ++lane) {
      squares[lane] = Square(queries.row(tile.first_query + lane), dim);
      slack[lane] = static_cast<double>(dim + 16) * 0x1.0p-22 * (squares[lane] + longest_square_);
      if (metric_ == Metric::kDotProduct) {
        slack[lane] = static_cast<double>(dim + 16) * 0x1.0p-22 * std::sqrt(squares[lane] * longest_square_);
      }
      slack[lane] += std::numeric_limits<float>::min();  // products may also underflow
      thresholds[lane] = -std::numeric_limits<float>::infinity();
      row_queries[lane].Prepare(rows_, metric_, queries.row(tile.first_query + lane));
    }
    std::vector<PanelHit> hits(kPanelLanes * kRowsAtOnce);
    AlignedVector<float> decoded = DecodedRoom(rows_);
    const std::size_t at_once = RowsAtOnce(rows_);
    for (std::size_t at = 0; at < tile.rows; at += at_once) {
      const std::size_t count = std::min(at_once, tile.rows - at);
      const std::size_t first = tile.first_row + at;
      if (NoneAllowed(filter, first, count)) continue;
      const MatrixView<float> block{rows_.Floats(first, count, decoded.data()), count, dim};
      const float* bias = metric_ == Metric::kSquaredL2 ? bias_.data() + first : nullptr;
      const std::size_t found = PanelFilter(panel.data(), block, bias, 0, count, thresholds, hits.data());
      for (std::size_t i = 0; i < found; ++i) {
        const PanelHit& hit = hits[i];
        if (hit.score < thresholds[hit.lane]) continue;
        const std::size_t row = first + hit.row;
        if (!allows(hit.lane, row)) continue;
        TopKeys& kept = keys(hit.lane);
        kept.Push(ScoreKey(rows_.Score(row_queries[hit.lane], row), static_cast<std::uint32_t>(row)));
        if (kept.least() == 0) continue;
        const double least = KeyScore(kept.least());
        const double in_panel = metric_ == Metric::kSquaredL2 ? 0.5 * (least + squares[hit.lane]) : least;
        thresholds[hit.lane] = Below(in_panel - slack[hit.lane]);
      }
    }
  };
  ParallelFor(
      panels * splits, threads,
      [&](std::size_t item) {
        const std::size_t split = item / panels;
        Tile tile;
        tile.first_query = item % panels * per_tile;
        tile.queries = std::min(per_tile, queries.rows - tile.first_query);
        tile.first_row = std::min(rows_.rows(), split * rows_per_tile);
        tile.rows = std::min(rows_per_tile, rows_.rows() - tile.first_row);
        SearchTrace* traced = nullptr;
        const TracePart part(trace, traced);
        StageClock clock(traced);
        search_tile(tile, split);
        clock.End(Stage::kRows);
      },
      monitor);
  std::vector<std::vector<std::uint64_t>> merged(queries.rows);
  ParallelFor((queries.rows + 255) / 256, threads, [&](std::size_t chunk) {
    SearchTrace* traced = nullptr;
    const TracePart part(trace, traced);
    StageClock clock(traced);
    TopKeys all;
    for (std::size_t query = chunk * 256; query < std::min(queries.rows, (chunk + 1) * 256); ++query) {
      all.Reset(k);
      for (std::size_t split = 0; split < splits; ++split) {
        for (const std::uint64_t key : best[query * splits + split].Best()) all.Push(key);
      }
      const std::span<std::uint64_t> sorted = all.Sorted();
      merged[query].assign(sorted.begin(), sorted.end());
    }
    clock.End(Stage::kMerge);
  });
  return merged;
}

}  // namespace leafscan
