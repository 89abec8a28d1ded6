#include "leafscan/train/spill.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/simd/panel.h"
#include "leafscan/simd/panel_spill.h"

namespace leafscan {
namespace {

constexpr std::size_t kChunk = 256;

}  // namespace

void AssignSpill(const RowSource& source, const MatrixView<float>& centroids, std::span<const std::uint32_t> first,
                 float lambda, int threads, Monitor* monitor, std::span<std::uint32_t> second) {
  const std::size_t dim = source.dim();
  std::vector<float> squares(centroids.rows);
  for (std::size_t c = 0; c < centroids.rows; ++c) {
    double square = 0.0;
    for (std::size_t i = 0; i < dim; ++i) square += static_cast<double>(centroids.row(c)[i]) * centroids.row(c)[i];
    squares[c] = static_cast<float>(square);
  }
  ParallelFor(
      (source.size() + kChunk - 1) / kChunk, threads,
      [&](std::size_t chunk) {
        AlignedVector<float> points(kPanelLanes * dim);
        AlignedVector<float> directions(kPanelLanes * dim);
        AlignedVector<float> point_panel(kPanelLanes * dim);
        AlignedVector<float> direction_panel(kPanelLanes * dim);
        const std::size_t end = std::min(source.size(), (chunk + 1) * kChunk);
        for (std::size_t begin = chunk * kChunk; begin < end; begin += kPanelLanes) {
          const std::size_t count = std::min(kPanelLanes, end - begin);
          float along[kPanelLanes] = {};
          std::uint32_t leaf[kPanelLanes] = {};
          std::uint32_t best[kPanelLanes];
          for (std::size_t lane = 0; lane < count; ++lane) {
            float* x = points.data() + lane * dim;
            float* u = directions.data() + lane * dim;
            leaf[lane] = first[begin + lane];
            source.Read(begin + lane, x);
            for (std::size_t i = 0; i < dim; ++i) u[i] = x[i] - centroids.row(leaf[lane])[i];
            Normalize(u, dim, u);
            double product = 0.0;
            for (std::size_t i = 0; i < dim; ++i) product += static_cast<double>(x[i]) * u[i];
            along[lane] = static_cast<float>(product);
          }
          PackPanel(points.data(), count, dim, point_panel.data());
          PackPanel(directions.data(), count, dim, direction_panel.data());
          PanelSpill({point_panel.data(), direction_panel.data(), along, leaf}, centroids, squares.data(), lambda, best);
          std::copy_n(best, count, second.data() + begin);
        }
      },
      monitor);
}

}  // namespace leafscan
