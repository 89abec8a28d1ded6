// Rows as the encoder wants them: residuals to their leaf's centroid and their own directions, sixteen a panel.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/matrix_view.h"
#include "leafscan/core/row_source.h"
#include "leafscan/hash/layout.h"
#include "leafscan/train/codebooks.h"

namespace leafscan {

class PanelFiller;

// One panel and the rows it came from.
struct PanelScratch {
  explicit PanelScratch(const PanelFiller& filler);

  void Clear() {
    std::fill(residuals.begin(), residuals.end(), 0.0f);
    std::fill(directions.begin(), directions.end(), 0.0f);
    std::fill(extra.begin(), extra.end(), 0.0f);
  }
  const float* directions_or_null() const { return directions.empty() ? nullptr : directions.data(); }
  const float* extra_or_null() const { return directions.empty() ? nullptr : extra.data(); }

  AlignedVector<float> rows;  // sixteen rows of d
  AlignedVector<float> residuals;
  AlignedVector<float> directions;
  AlignedVector<float> extra;
};

class PanelFiller {
 public:
  // No centroids: residuals are the rows themselves. `threshold` is ScaNN's T, 0 for plain squared error.
  PanelFiller(const RowSource& source, const MatrixView<float>& centroids, std::size_t width, double threshold)
      : source_(source), centroids_(centroids), width_(width), threshold_(threshold) {}

  std::size_t dim() const { return source_.dim(); }
  std::size_t blocks() const { return CeilDiv(source_.dim(), width_); }
  std::size_t components() const { return blocks() * width_; }
  bool anisotropic() const { return threshold_ > 0.0; }

  PanelSet MakeSet(std::size_t points) const {
    PanelSet set;
    set.points = points;
    set.blocks = blocks();
    set.width = width_;
    set.residuals.resize(set.panels() * set.panel_size());
    if (anisotropic()) {
      set.directions.resize(set.panels() * set.panel_size());
      set.extra.resize(set.panels() * kEncodeLanes);
    }
    return set;
  }

  // Puts the source's row `index`, of leaf `leaf`, into a lane.
  void Fill(std::size_t index, std::size_t leaf, std::size_t lane, PanelScratch& scratch) const {
    float* row = scratch.rows.data() + lane * dim();
    source_.Read(index, row);
    for (std::size_t i = 0; i < dim(); ++i) {
      scratch.residuals[i * kEncodeLanes + lane] = row[i] - Center(leaf, i);
    }
    if (!anisotropic()) return;
    double square = 0.0;
    for (std::size_t i = 0; i < dim(); ++i) square += static_cast<double>(row[i]) * row[i];
    const double norm = std::sqrt(square);
    const double scale = norm > 0.0 ? 1.0 / norm : 0.0;
    for (std::size_t i = 0; i < dim(); ++i) {
      scratch.directions[i * kEncodeLanes + lane] = static_cast<float>(row[i] * scale);
    }
    scratch.extra[lane] = AnisotropicWeight(threshold_, norm, dim()) - 1.0f;
  }

  void Copy(const PanelScratch& scratch, PanelSet& set, std::size_t panel) const {
    std::copy(scratch.residuals.begin(), scratch.residuals.end(), set.residuals.begin() + Offset(panel, set));
    if (!anisotropic()) return;
    std::copy(scratch.directions.begin(), scratch.directions.end(), set.directions.begin() + Offset(panel, set));
    std::copy(scratch.extra.begin(), scratch.extra.end(),
              set.extra.begin() + static_cast<std::ptrdiff_t>(panel * kEncodeLanes));
  }

  // t = 2 <x, r~> - |r|^2 of the row in a lane: with it a point's squared distance to itself comes out as zero, and the
  // error for a query q is 2 <q - x, r - r~>, small for whatever is near.
  float Term(const CodebookView& book, const std::uint8_t* codes, std::size_t leaf, std::size_t lane,
             const PanelScratch& scratch) const {
    const float* row = scratch.rows.data() + lane * dim();
    double term = 0.0;
    for (std::size_t i = 0; i < dim(); ++i) {
      const std::uint8_t code = codes[i / width_ * kEncodeLanes + lane];
      const double decoded = book.words[(i / width_ * kCodeWords + code) * width_ + i % width_];
      const double residual = row[i] - Center(leaf, i);
      term += 2.0 * row[i] * decoded - residual * residual;
    }
    return static_cast<float>(term);
  }

 private:
  float Center(std::size_t leaf, std::size_t i) const { return centroids_.rows > 0 ? centroids_.row(leaf)[i] : 0.0f; }
  static std::ptrdiff_t Offset(std::size_t panel, const PanelSet& set) {
    return static_cast<std::ptrdiff_t>(panel * set.panel_size());
  }

  const RowSource& source_;
  MatrixView<float> centroids_;
  std::size_t width_;
  double threshold_;
};

inline PanelScratch::PanelScratch(const PanelFiller& filler)
    : rows(kEncodeLanes * filler.dim()),
      residuals(kEncodeLanes * filler.components(), 0.0f),
      directions(filler.anisotropic() ? kEncodeLanes * filler.components() : 0, 0.0f),
      extra(filler.anisotropic() ? kEncodeLanes : 0, 0.0f) {}

}  // namespace leafscan
