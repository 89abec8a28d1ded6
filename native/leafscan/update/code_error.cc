#include "leafscan/update/code_error.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/search/query_view.h"
#include "leafscan/simd/encode_panel.h"

namespace leafscan {
namespace {

struct Mean {
  double sum = 0.0;
  std::size_t count = 0;

  double value() const { return count == 0 ? 0.0 : sum / static_cast<double>(count); }
};

}  // namespace

CodeErrors MeasureCodeErrors(const Snapshot& snapshot, std::size_t step) {
  const IndexArrays& arrays = snapshot.arrays;
  const CodeLayout layout = snapshot.layout();
  const CodebookView book{arrays.codebooks.data(), arrays.blocks, arrays.width, arrays.words};
  std::vector<float> row(arrays.dim);
  AlignedVector<float> centered;
  AlignedVector<float> projected;
  std::vector<float> residual(arrays.dim);
  Mean means[2];
  std::size_t seen[2] = {0, 0};
  for (std::size_t leaf = 0; leaf < snapshot.leaves.size(); ++leaf) {
    for (const Segment& segment : snapshot.leaves[leaf].segments) {
      if (segment.second) continue;
      for (std::size_t place = 0; place < segment.groups * kGroupPoints; ++place) {
        if (!(segment.live[place / kGroupPoints] >> (place % kGroupPoints) & 1u)) continue;
        const std::size_t number = segment.rows != nullptr ? segment.rows[place] : segment.first_row + place;
        const bool fresh = number >= arrays.count;
        if (seen[fresh]++ % step != 0) continue;
        snapshot.rows.Read(number, row.data());
        const std::span<const float> all = Center(snapshot, row, centered);
        std::copy(all.begin(), all.end(), residual.begin());
        for (std::size_t i = 0; snapshot.has_tree() && i < arrays.dim; ++i) residual[i] -= arrays.centroids.row(leaf)[i];
        const std::span<const float> coded = Project(snapshot, residual, projected);
        const std::uint8_t* group = segment.codes + place / kGroupPoints * layout.group_bytes();
        double square = 0.0;
        for (std::size_t i = 0; i < coded.size(); ++i) {
          const std::size_t code = layout.Get(group, i / arrays.width, place % kGroupPoints);
          const double error =
              static_cast<double>(coded[i]) - book.words[(i / arrays.width * book.count + code) * arrays.width + i % arrays.width];
          square += error * error;
        }
        means[fresh].sum += square;
        ++means[fresh].count;
      }
    }
  }
  return {means[0].value(), means[1].value()};
}

}  // namespace leafscan
