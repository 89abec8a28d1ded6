// Rows as the encoder wants them: residuals to their leaf's centroid and their own directions, projected where the codes
// see a projection alone, sixteen a panel.
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
#include "leafscan/simd/row_score.h"
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

  AlignedVector<float> residuals;   // a panel
  AlignedVector<float> directions;  // a panel, or empty
  AlignedVector<float> extra;
  AlignedVector<float> projected;   // sixteen rows as the codes see them
  AlignedVector<double> squares;    // |r|^2 of each lane, in all dimensions
  AlignedVector<float> row;
  AlignedVector<float> residual;
};

class PanelFiller {
 public:
  // No centroids: residuals are the rows themselves. `projection` holds orthonormal rows, or none: codes see everything.
  // `threshold` is ScaNN's T, 0 for plain squared error.
  PanelFiller(const RowSource& source, const MatrixView<float>& centroids, const MatrixView<float>& projection,
              std::size_t width, double threshold)
      : source_(source), centroids_(centroids), projection_(projection), width_(width), threshold_(threshold) {}

  std::size_t dim() const { return source_.dim(); }
  // Dimensions that codes see.
  std::size_t coded() const { return projection_.rows > 0 ? projection_.rows : source_.dim(); }
  std::size_t blocks() const { return CeilDiv(coded(), width_); }
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
    float* row = scratch.row.data();
    source_.Read(index, row);
    double square = 0.0;
    for (std::size_t i = 0; i < dim(); ++i) {
      scratch.residual[i] = row[i] - Center(leaf, i);
      square += static_cast<double>(scratch.residual[i]) * scratch.residual[i];
    }
    scratch.squares[lane] = square;
    float* projected = scratch.projected.data() + lane * coded();
    Project(scratch.residual.data(), projected);
    for (std::size_t i = 0; i < coded(); ++i) scratch.residuals[i * kEncodeLanes + lane] = projected[i];
    Project(row, projected);
    if (!anisotropic()) return;
    double length = 0.0;
    for (std::size_t i = 0; i < dim(); ++i) length += static_cast<double>(row[i]) * row[i];
    length = std::sqrt(length);
    for (std::size_t i = 0; i < coded(); ++i) {
      scratch.directions[i * kEncodeLanes + lane] = length > 0.0 ? static_cast<float>(projected[i] / length) : 0.0f;
    }
    scratch.extra[lane] = AnisotropicWeight(threshold_, length, dim()) - 1.0f;
  }

  void Copy(const PanelScratch& scratch, PanelSet& set, std::size_t panel) const {
    std::copy(scratch.residuals.begin(), scratch.residuals.end(), set.residuals.begin() + Offset(panel, set));
    if (!anisotropic()) return;
    std::copy(scratch.directions.begin(), scratch.directions.end(), set.directions.begin() + Offset(panel, set));
    std::copy(scratch.extra.begin(), scratch.extra.end(),
              set.extra.begin() + static_cast<std::ptrdiff_t>(panel * kEncodeLanes));
  }

  // The term t of a row x = c + r whose codes stand for r~, so that -|q - c|^2 + 2 <q, r~> - t is about -|q - x|^2.
  // With r = r~ + e + b, b what the projection leaves out, exactly t = |r|^2 + 2 <c, r~> - 2 <q - c, e + b>; the last product
  // is not known before the query is. For q = x it is <r, e + b>; for a query whose residual has nothing to do with r it
  // is 0. Neighbours lie between, and the shares below serve them best.
  float Term(const CodebookView& book, const std::uint8_t* codes, std::size_t lane, const PanelScratch& scratch) const {
    const float* projected = scratch.projected.data() + lane * coded();
    double inside = 0.0;   // <x, r~>
    double seen = 0.0;     // |r - b|^2
    double missed = 0.0;   // <r, e>
    for (std::size_t i = 0; i < coded(); ++i) {
      const std::uint8_t code = codes[i / width_ * kEncodeLanes + lane];
      const double word = book.words[(i / width_ * book.count + code) * width_ + i % width_];
      const double residual = scratch.residuals[i * kEncodeLanes + lane];
      inside += projected[i] * word;
      seen += residual * residual;
      missed += residual * (residual - word);
    }
    const double beyond = scratch.squares[lane] - seen;
    return static_cast<float>(2.0 * inside - seen + 2.0 * (1.0 - kShareOfError) * missed +
                              (1.0 - 2.0 * kShareBeyond) * beyond);
  }

 private:
  // Measured (benchmarks/LOG.md): recall is flat around both.
  static constexpr double kShareOfError = 0.7;
  static constexpr double kShareBeyond = 0.25;

  float Center(std::size_t leaf, std::size_t i) const { return centroids_.rows > 0 ? centroids_.row(leaf)[i] : 0.0f; }
  static std::ptrdiff_t Offset(std::size_t panel, const PanelSet& set) {
    return static_cast<std::ptrdiff_t>(panel * set.panel_size());
  }

  void Project(const float* from, float* to) const {
    if (projection_.rows > 0) {
      ScoreRowRange(Metric::kDotProduct, from, projection_, 0, projection_.rows, to);
    } else {
      std::copy_n(from, dim(), to);
    }
  }

  const RowSource& source_;
  MatrixView<float> centroids_;
  MatrixView<float> projection_;
  std::size_t width_;
  double threshold_;
};

inline PanelScratch::PanelScratch(const PanelFiller& filler)
    : residuals(kEncodeLanes * filler.components(), 0.0f),
      directions(filler.anisotropic() ? kEncodeLanes * filler.components() : 0, 0.0f),
      extra(filler.anisotropic() ? kEncodeLanes : 0, 0.0f),
      projected(kEncodeLanes * filler.coded(), 0.0f),
      squares(kEncodeLanes, 0.0),
      row(filler.dim()),
      residual(filler.dim()) {}

}  // namespace leafscan
