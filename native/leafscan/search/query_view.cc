#include "leafscan/search/query_view.h"

#include "leafscan/simd/row_score.h"

namespace leafscan {

std::span<const float> Center(const Snapshot& snapshot, std::span<const float> query, AlignedVector<float>& to) {
  const std::span<const float> center = snapshot.arrays.center;
  if (center.empty()) return query;
  to.resize(query.size());
  for (std::size_t i = 0; i < query.size(); ++i) to[i] = query[i] - center[i];
  return to;
}

std::span<const float> Project(const Snapshot& snapshot, std::span<const float> query, AlignedVector<float>& to) {
  if (!snapshot.has_projection()) return query;
  const MatrixView<float>& projection = snapshot.arrays.projection;
  to.resize(projection.rows);
  ScoreRowRange(Metric::kDotProduct, query.data(), projection, 0, projection.rows, to.data());
  return to;
}

}  // namespace leafscan
