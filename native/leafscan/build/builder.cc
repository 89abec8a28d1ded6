#include "leafscan/build/builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "leafscan/build/encoder.h"
#include "leafscan/build/kept_rows.h"
#include "leafscan/build/panels.h"
#include "leafscan/core/numbers_in_range.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/reorder/row_encoder.h"
#include "leafscan/simd/encode_panel.h"
#include "leafscan/train/anisotropic_centroids.h"
#include "leafscan/train/assign.h"
#include "leafscan/train/codebooks.h"
#include "leafscan/train/kmeans.h"
#include "leafscan/train/sample.h"
#include "leafscan/train/spill.h"
#include "leafscan/train/upper_leaves.h"

namespace leafscan {
namespace {

constexpr std::size_t kCenterSample = 10'000;
// The best row of a leaf is taken to lie this many standard deviations beyond its centroid, in the query's direction.
// Measured on trained embeddings (benchmarks/LOG.md): 2 to 3 is best, and a fifth of the points is saved.
constexpr double kOptimism = 2.5;

// Rows whose residuals tell the mean of all to within a hundredth.
constexpr std::size_t kResidualSample = 20'000;
constexpr std::size_t kResidualsAtOnce = 256;

class Builder {
 public:
  Builder(const RowSource& source, const BuildOptions& options) : source_(source), options_(options), spherical_(options.spherical.value_or(source.normalize)),
        centered_(source), coded_(source) {}

  Sections Run() {
    CheckNumbers(source_.rows, "vectors", Most(source_.normalize), options_.threads);
    // Directions are seen from the origin.
    if (!source_.normalize && !spherical_ && (options_.leaves > 0 || options_.width > 0)) FindCenter();
    if (options_.leaves > 0) {
      TrainTree();
    } else {
      out_.leaf_offsets = {0, source_.size()};
      out_.order.resize(source_.size());
      std::iota(out_.order.begin(), out_.order.end(), 0u);
    }
    if (options_.width > 0) {
      TrainCodes();
      EncodeAll();
      if (options_.leaves > 0) MeasureResiduals();
    }
    if (options_.keep_rows) {
      Stage("laying out the rows");
      out_.rows = Kept(options_.row_type);
      if (options_.first_row_type) out_.first_rows = Kept(*options_.first_row_type);
    }
    return std::move(out_);
  }

 private:
  void Stage(const char* name) const {
    if (options_.monitor != nullptr) options_.monitor->Stage(name);
  }

  // Far from the origin, inner products drown small distances in rounding: trees are trained on rows seen from their mean.
  // For squared_l2 everything but the exact scores stays there; for dot products the centroids move back.
  void FindCenter() {
    const std::vector<std::uint32_t> chosen = SampleRows(source_.size(), kCenterSample, options_.seed + 4);
    std::vector<double> sum(source_.dim(), 0.0);
    for (const std::uint32_t row : chosen) {
      for (std::size_t i = 0; i < source_.dim(); ++i) sum[i] += source_.rows.row(row)[i];
    }
    center_.resize(source_.dim());
    for (std::size_t i = 0; i < source_.dim(); ++i) {
      center_[i] = static_cast<float>(sum[i] / static_cast<double>(chosen.size()));
    }
    centered_.center = center_.data();
    if (options_.metric == Metric::kSquaredL2) {
      coded_.center = center_.data();
      out_.center = center_;
    }
  }

  void TrainTree() {
    Stage("training the tree");
    KMeansOptions kmeans;
    kmeans.clusters = options_.leaves;
    kmeans.iterations = options_.tree_iterations;
    kmeans.spherical = spherical_;
    kmeans.balanced = true;
    kmeans.seed = options_.seed;
    kmeans.threads = options_.threads;
    kmeans.monitor = options_.monitor;
    RowSource points = centered_;
    points.normalize = source_.normalize || spherical_;
    const std::size_t wanted = std::max(options_.tree_sample, options_.leaves);
    std::vector<std::uint32_t> leaf_of;
    if (wanted >= source_.size()) {
      KMeansResult trained = TrainKMeans(points, kmeans);
      out_.centroids = std::move(trained.centroids);
      leaf_of = std::move(trained.nearest);
    } else {
      const std::vector<std::uint32_t> chosen = SampleRows(source_.size(), wanted, options_.seed);
      RowSource sample = points;
      sample.chosen = chosen;
      out_.centroids = TrainKMeans(sample, kmeans).centroids;
      Stage("filling the leaves");
      AlignedVector<float> directions(out_.centroids);
      if (spherical_) {
        for (std::size_t l = 0; l < options_.leaves; ++l) {
          Normalize(out_.centroids.data() + l * source_.dim(), source_.dim(), directions.data() + l * source_.dim());
        }
      }
      leaf_of.resize(source_.size());
      const MatrixView<float> centroids{directions.data(), options_.leaves, source_.dim()};
      AssignAll(points, centroids, kmeans, options_.monitor, leaf_of);
      if (options_.leaves > kNeighbours) {
        AssignNearby(points, centroids, GroupByCluster(leaf_of, options_.leaves), {}, options_.threads,
                     options_.monitor, leaf_of);
      }
    }
    if (options_.upper_leaves > 0) TrainUpper(kmeans, leaf_of);
    const Clusters clusters = GroupByCluster(leaf_of, options_.leaves);
    out_.leaf_offsets.assign(clusters.starts.begin(), clusters.starts.end());
    out_.order.assign(clusters.members.begin(), clusters.members.end());
    // Of the rows as they are, and not of their directions.
    if (spherical_ && !source_.normalize) FindMeans();
    if (options_.soar_lambda >= 0.0f && options_.leaves > 1) Spill(leaf_of);
    if (options_.metric == Metric::kDotProduct) {
      if (centered_.center != nullptr) MoveBack();
      if (options_.avq_eta > 1.0) {
        Stage("refitting the centroids");
        out_.routing_centroids = out_.centroids;
        RefitCentroids(source_, out_.leaf_offsets, out_.order, options_.avq_eta, options_.threads,
                       options_.monitor, out_.routing_centroids);
      }
      MeasureLeaves();
      if (options_.upper_leaves > 0) {
        if (!out_.routing_centroids.empty() || (spherical_ && !source_.normalize)) MoveUpper();
        MeasureUpper();
      }
    }
  }

  void MoveBack() {
    for (std::size_t i = 0; i < out_.centroids.size(); ++i) out_.centroids[i] += center_[i % source_.dim()];
    for (std::size_t i = 0; i < out_.upper_centroids.size(); ++i) out_.upper_centroids[i] += center_[i % source_.dim()];
  }

  // Groups the leaves, and numbers them so that those of a group follow one another.
  void TrainUpper(const KMeansOptions& leaves, std::vector<std::uint32_t>& leaf_of) {
    Stage("training the upper tree");
    const std::size_t dim = source_.dim();
    KMeansOptions kmeans = leaves;
    kmeans.clusters = options_.upper_leaves;
    kmeans.seed += 5;
    UpperLeaves upper = GroupLeaves({out_.centroids.data(), options_.leaves, dim}, kmeans);
    std::vector<std::uint32_t> number(options_.leaves);
    AlignedVector<float> centroids(out_.centroids.size());
    for (std::size_t leaf = 0; leaf < options_.leaves; ++leaf) {
      number[upper.leaves[leaf]] = static_cast<std::uint32_t>(leaf);
      std::copy_n(out_.centroids.data() + upper.leaves[leaf] * dim, dim, centroids.data() + leaf * dim);
    }
    out_.centroids = std::move(centroids);
    for (std::uint32_t& leaf : leaf_of) leaf = number[leaf];
    out_.upper_centroids = std::move(upper.centroids);
    out_.upper_offsets.assign(upper.offsets.begin(), upper.offsets.end());
  }

  void FindMeans() {
    const std::size_t dim = source_.dim();
    ParallelFor(options_.leaves, options_.threads, [&](std::size_t leaf) {
      const std::size_t count = out_.leaf_offsets[leaf + 1] - out_.leaf_offsets[leaf];
      if (count == 0) return;
      std::vector<double> sum(dim, 0.0);
      for (std::size_t row = out_.leaf_offsets[leaf]; row < out_.leaf_offsets[leaf + 1]; ++row) {
        const float* x = source_.rows.row(out_.order[row]);
        for (std::size_t i = 0; i < dim; ++i) sum[i] += x[i];
      }
      for (std::size_t i = 0; i < dim; ++i) {
        out_.centroids[leaf * dim + i] = static_cast<float>(sum[i] / static_cast<double>(count));
      }
    });
  }

  // How a query's score for a leaf follows from its product with the centroid (tree/router.h).
  void MeasureLeaves() {
    const std::size_t dim = source_.dim();
    out_.leaf_scales.assign(options_.leaves, 1.0f);
    out_.leaf_biases.assign(options_.leaves, 0.0f);
    ParallelFor(options_.leaves, options_.threads, [&](std::size_t leaf) {
      const AlignedVector<float>& routing = out_.routing_centroids.empty() ? out_.centroids : out_.routing_centroids;
      const float* center = routing.data() + leaf * dim;
      const std::size_t count = out_.leaf_offsets[leaf + 1] - out_.leaf_offsets[leaf];
      if (source_.normalize || spherical_) {
        const double square = SquaredLength(center, dim);
        if (square > 0.0) out_.leaf_scales[leaf] = static_cast<float>(MeanLength(leaf) / std::sqrt(square));
        return;
      }
      if (count == 0) return;
      double square = 0.0;
      for (std::size_t row = out_.leaf_offsets[leaf]; row < out_.leaf_offsets[leaf + 1]; ++row) {
        const float* x = source_.rows.row(out_.order[row]);
        for (std::size_t i = 0; i < dim; ++i) {
          const double residual = static_cast<double>(x[i]) - center[i];
          square += residual * residual;
        }
      }
      out_.leaf_biases[leaf] =
          static_cast<float>(kOptimism * std::sqrt(square / static_cast<double>(count * dim)));
    });
  }

  // What a query goes by to see that it has read enough (search/leaf_stop.h).
  void MeasureResiduals() {
    const std::size_t dim = source_.dim();
    const std::vector<std::uint32_t> chosen = SampleRows(source_.size(), kResidualSample, options_.seed + 6);
    std::vector<double> squares(chosen.size());
    ParallelFor((chosen.size() + kResidualsAtOnce - 1) / kResidualsAtOnce, options_.threads, [&](std::size_t part) {
      std::vector<float> row(dim);
      for (std::size_t i = part * kResidualsAtOnce; i < std::min(chosen.size(), (part + 1) * kResidualsAtOnce); ++i) {
        coded_.Read(out_.order[chosen[i]], row.data());
        const float* center = out_.centroids.data() + LeafOf(chosen[i]) * dim;
        for (std::size_t j = 0; j < dim; ++j) row[j] -= center[j];
        squares[i] = SquaredLength(row.data(), dim);
      }
    });
    double mean = 0.0;
    for (const double square : squares) mean += square / static_cast<double>(squares.size());
    double variance = 0.0;
    for (const double square : squares) variance += (square - mean) * (square - mean) / static_cast<double>(squares.size());
    double slope = 0.0;
    double leaves = 0.0;
    for (const float scale : out_.leaf_scales) {
      if (!std::isnormal(scale)) continue;
      slope += 1.0 / scale;
      leaves += 1.0;
    }
    const double most = std::numeric_limits<float>::max();
    out_.stop_scales = {static_cast<float>(leaves > 0.0 ? std::min(slope / leaves, most) : 1.0),
                        static_cast<float>(std::min(mean, most)), static_cast<float>(std::min(variance, most))};
  }

  // The same for upper leaves: the best leaf of one lies beyond its mean, and begins where a leaf's own bias puts it.
  void MeasureUpper() {
    const std::size_t dim = source_.dim();
    out_.upper_scales.assign(options_.upper_leaves, 1.0f);
    out_.upper_biases.assign(options_.upper_leaves, 0.0f);
    for (std::size_t upper = 0; upper < options_.upper_leaves; ++upper) {
      const float* center = out_.upper_centroids.data() + upper * dim;
      if (source_.normalize) {
        double square = 0.0;
        for (std::size_t i = 0; i < dim; ++i) square += static_cast<double>(center[i]) * center[i];
        if (square > 0.0) out_.upper_scales[upper] = static_cast<float>(1.0 / std::sqrt(square));
        continue;
      }
      const std::size_t count = out_.upper_offsets[upper + 1] - out_.upper_offsets[upper];
      if (count == 0) continue;
      double square = 0.0;
      double biases = 0.0;
      for (std::size_t leaf = out_.upper_offsets[upper]; leaf < out_.upper_offsets[upper + 1]; ++leaf) {
        biases += out_.leaf_biases[leaf];
        for (std::size_t i = 0; i < dim; ++i) {
          const double residual = RoutedBy(leaf, i) - center[i];
          square += residual * residual;
        }
      }
      out_.upper_biases[upper] = static_cast<float>(biases / static_cast<double>(count) +
                                                    kOptimism * std::sqrt(square / static_cast<double>(count * dim)));
    }
  }

  // Upper leaves stand for what their leaves are routed by, where that is not the centroids that were grouped.
  void MoveUpper() {
    const std::size_t dim = source_.dim();
    for (std::size_t upper = 0; upper < options_.upper_leaves; ++upper) {
      const std::size_t count = out_.upper_offsets[upper + 1] - out_.upper_offsets[upper];
      for (std::size_t i = 0; i < dim && count > 0; ++i) {
        double sum = 0.0;
        for (std::size_t leaf = out_.upper_offsets[upper]; leaf < out_.upper_offsets[upper + 1]; ++leaf) {
          sum += RoutedBy(leaf, i);
        }
        out_.upper_centroids[upper * dim + i] = static_cast<float>(sum / static_cast<double>(count));
      }
    }
  }

  // Component i of what a leaf is routed by.
  double RoutedBy(std::size_t leaf, std::size_t i) const {
    const AlignedVector<float>& routing = out_.routing_centroids.empty() ? out_.centroids : out_.routing_centroids;
    return static_cast<double>(out_.leaf_scales[leaf]) * routing[leaf * source_.dim() + i];
  }

  // Of the rows of a leaf, as routing goes by them.
  double MeanLength(std::size_t leaf) const {
    const std::size_t first = out_.leaf_offsets[leaf];
    const std::size_t end = out_.leaf_offsets[leaf + 1];
    if (source_.normalize || first == end) return 1.0;
    double sum = 0.0;
    for (std::size_t row = first; row < end; ++row) {
      sum += std::sqrt(SquaredLength(source_.rows.row(out_.order[row]), source_.dim()));
    }
    return sum / static_cast<double>(end - first);
  }

  // Lists each row once more, in the leaf that serves best the queries which miss its first one.
  void Spill(std::span<const std::uint32_t> leaf_of) {
    Stage("spilling into second leaves");
    std::vector<std::uint32_t> second(source_.size());
    AssignSpill(centered_, {out_.centroids.data(), options_.leaves, source_.dim()}, leaf_of, options_.soar_lambda,
                options_.threads, options_.monitor, second);
    std::vector<std::uint32_t> by_row(source_.size());
    for (std::size_t row = 0; row < by_row.size(); ++row) by_row[row] = second[out_.order[row]];
    Clusters clusters = GroupByCluster(by_row, options_.leaves);
    out_.spill_offsets.assign(clusters.starts.begin(), clusters.starts.end());
    spill_rows_ = std::move(clusters.members);
  }

  std::size_t LeafOf(std::size_t row) const {
    const auto after = std::upper_bound(out_.leaf_offsets.begin(), out_.leaf_offsets.end(), row);
    return static_cast<std::size_t>(after - out_.leaf_offsets.begin()) - 1;
  }

  PanelFiller Filler() const {
    return {coded_, {out_.centroids.data(), options_.leaves, source_.dim()}, options_.projection,
            options_.width, options_.anisotropic_threshold};
  }

  void TrainCodes() {
    Stage("training the codes");
    const PanelFiller filler = Filler();
    const std::vector<std::uint32_t> chosen = SampleRows(source_.size(), options_.code_sample, options_.seed + 2);
    PanelSet sample = filler.MakeSet(chosen.size());
    ParallelFor(sample.panels(), options_.threads, [&](std::size_t p) {
      PanelScratch scratch(filler);
      const std::size_t first = p * kEncodeLanes;
      const std::size_t count = std::min(kEncodeLanes, chosen.size() - first);
      for (std::size_t lane = 0; lane < count; ++lane) {
        const std::size_t row = chosen[first + lane];
        filler.Fill(out_.order[row], LeafOf(row), lane, scratch);
      }
      filler.Copy(scratch, sample, p);
    });
    out_.codebooks = TrainCodebooks(
        sample, {options_.code_iterations, options_.seed + 3, options_.threads, options_.monitor, options_.words});
  }

  void EncodeAll() {
    Stage("coding the rows");
    const PanelFiller filler = Filler();
    const CodebookView book{out_.codebooks.data(), filler.blocks(), options_.width, options_.words};
    const bool terms = options_.metric == Metric::kSquaredL2;
    EncodedPostings primary = EncodePostings(filler, book, {out_.leaf_offsets, {}, out_.order}, terms,
                                             options_.threads, options_.monitor);
    EncodedPostings spill;
    if (!spill_rows_.empty()) {
      spill = EncodePostings(filler, book, {out_.spill_offsets, spill_rows_, out_.order}, terms, options_.threads,
                             options_.monitor);
      out_.spill_rows = std::move(spill.rows);
    }
    if (terms) out_.term_scale = TermScale(spill.terms, TermScale(primary.terms, 0.0f));
    out_.primary = {std::move(primary.codes), QuantizeTerms(primary.terms, out_.term_scale), std::move(primary.live)};
    out_.spill = {std::move(spill.codes), QuantizeTerms(spill.terms, out_.term_scale), std::move(spill.live)};
  }

  RowSections Kept(RowType type) const {
    return KeepRows(source_, out_.order, type, {options_.row_threshold, options_.threads, options_.monitor});
  }

  const RowSource& source_;
  const BuildOptions& options_;
  bool spherical_;
  RowSource centered_;  // rows as the tree is trained on them
  RowSource coded_;     // rows as codes are made of them
  AlignedVector<float> center_;
  Sections out_;
  std::vector<std::uint32_t> spill_rows_;
};

}  // namespace

Sections Build(const RowSource& source, const BuildOptions& options) { return Builder(source, options).Run(); }

}  // namespace leafscan
