#include "leafscan/build/builder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "leafscan/build/panels.h"
#include "leafscan/core/finite.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/hash/layout.h"
#include "leafscan/simd/encode_panel.h"
#include "leafscan/train/codebooks.h"
#include "leafscan/train/kmeans.h"
#include "leafscan/train/sample.h"

namespace leafscan {
namespace {

constexpr std::size_t kGroupsPerChunk = 16;
constexpr std::size_t kRowsPerChunk = 1024;

class Builder {
 public:
  Builder(const RowSource& source, const BuildOptions& options) : source_(source), options_(options) {}

  Sections Run() {
    CheckFinite(source_.rows, "vectors", options_.threads);
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
    }
    if (options_.keep_rows) CopyRows();
    return std::move(out_);
  }

 private:
  void Stage(const char* name) const {
    if (options_.monitor != nullptr) options_.monitor->Stage(name);
  }

  void TrainTree() {
    const std::size_t dim = source_.dim();
    {
      Stage("training the tree");
      const std::vector<std::uint32_t> chosen =
          SampleRows(source_.size(), std::max(options_.tree_sample, options_.leaves), options_.seed);
      AlignedVector<float> sample(chosen.size() * dim);
      ParallelFor((chosen.size() + kRowsPerChunk - 1) / kRowsPerChunk, options_.threads, [&](std::size_t chunk) {
        const std::size_t end = std::min(chosen.size(), (chunk + 1) * kRowsPerChunk);
        for (std::size_t i = chunk * kRowsPerChunk; i < end; ++i) source_.Read(chosen[i], sample.data() + i * dim);
      });
      out_.centroids = TrainKMeans({sample.data(), chosen.size(), dim},
                                   {options_.leaves, options_.tree_iterations, options_.seed + 1, options_.threads,
                                    options_.monitor});
    }
    Stage("filling the leaves");
    std::vector<std::uint32_t> leaf_of(source_.size());
    AssignNearest(source_, {out_.centroids.data(), options_.leaves, dim}, options_.threads, options_.monitor, leaf_of);
    const Clusters clusters = GroupByCluster(leaf_of, options_.leaves);
    out_.leaf_offsets.assign(clusters.starts.begin(), clusters.starts.end());
    out_.order.assign(clusters.members.begin(), clusters.members.end());
  }

  std::size_t LeafOf(std::size_t row) const {
    const auto after = std::upper_bound(out_.leaf_offsets.begin(), out_.leaf_offsets.end(), row);
    return static_cast<std::size_t>(after - out_.leaf_offsets.begin()) - 1;
  }

  PanelFiller Filler() const {
    return {source_, {out_.centroids.data(), options_.leaves, source_.dim()}, options_.width,
            options_.anisotropic_threshold};
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
        sample, {options_.code_iterations, options_.seed + 3, options_.threads, options_.monitor});
  }

  void EncodeAll() {
    Stage("coding the rows");
    const PanelFiller filler = Filler();
    const CodebookView book{out_.codebooks.data(), filler.blocks(), options_.width};
    const std::size_t leaves = out_.leaf_offsets.size() - 1;
    const std::size_t group_bytes = PaddedBlocks(book.blocks) * kBlockBytes;
    std::vector<std::size_t> group_starts(leaves + 1, 0);
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
      group_starts[leaf + 1] = group_starts[leaf] + GroupsOf(out_.leaf_offsets[leaf + 1] - out_.leaf_offsets[leaf]);
    }
    const std::size_t groups = group_starts.back();
    out_.codes.assign(groups * group_bytes, 0);
    out_.live.assign(groups, 0);
    const bool terms = options_.metric == Metric::kSquaredL2;
    std::vector<float> exact_terms(terms ? groups * kGroupPoints : 0, 0.0f);
    ParallelFor(
        (groups + kGroupsPerChunk - 1) / kGroupsPerChunk, options_.threads,
        [&](std::size_t chunk) {
          PanelScratch scratch(filler);
          std::vector<std::uint8_t> codes(book.blocks * kEncodeLanes);
          const std::size_t last = std::min(groups, (chunk + 1) * kGroupsPerChunk);
          for (std::size_t group = chunk * kGroupsPerChunk; group < last; ++group) {
            const auto after = std::upper_bound(group_starts.begin(), group_starts.end(), group);
            const auto leaf = static_cast<std::size_t>(after - group_starts.begin()) - 1;
            const std::size_t begin = out_.leaf_offsets[leaf] + (group - group_starts[leaf]) * kGroupPoints;
            const std::size_t count = std::min<std::size_t>(kGroupPoints, out_.leaf_offsets[leaf + 1] - begin);
            for (std::size_t half = 0; half < count; half += kEncodeLanes) {
              const std::size_t lanes = std::min(kEncodeLanes, count - half);
              scratch.Clear();
              for (std::size_t lane = 0; lane < lanes; ++lane) {
                filler.Fill(out_.order[begin + half + lane], leaf, lane, scratch);
              }
              EncodePanel(book, scratch.residuals.data(), scratch.directions_or_null(), scratch.extra_or_null(),
                          kMaxVisits, codes.data());
              std::uint8_t* to = out_.codes.data() + group * group_bytes;
              for (std::size_t lane = 0; lane < lanes; ++lane) {
                for (std::size_t block = 0; block < book.blocks; ++block) {
                  PutCode(to, block, half + lane, codes[block * kEncodeLanes + lane]);
                }
                if (terms) {
                  exact_terms[group * kGroupPoints + half + lane] =
                      filler.Term(book, codes.data(), leaf, lane, scratch);
                }
              }
            }
            out_.live[group] = count == kGroupPoints ? ~0u : (1u << count) - 1;
          }
        },
        options_.monitor);
    if (terms) QuantizeTerms(exact_terms);
  }

  void QuantizeTerms(const std::vector<float>& exact) {
    float most = 0.0f;
    for (const float term : exact) most = std::max(most, std::abs(term));
    out_.term_scale = most / 32767.0f;
    out_.terms.resize(exact.size());
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const float steps = out_.term_scale > 0.0f ? std::round(exact[i] / out_.term_scale) : 0.0f;
      out_.terms[i] = static_cast<std::int16_t>(std::clamp(steps, -32767.0f, 32767.0f));
    }
  }

  void CopyRows() {
    Stage("laying out the rows");
    const std::size_t dim = source_.dim();
    out_.rows.resize(source_.size() * dim);
    ParallelFor(
        (source_.size() + kRowsPerChunk - 1) / kRowsPerChunk, options_.threads,
        [&](std::size_t chunk) {
          const std::size_t end = std::min(source_.size(), (chunk + 1) * kRowsPerChunk);
          for (std::size_t row = chunk * kRowsPerChunk; row < end; ++row) {
            source_.Read(out_.order[row], out_.rows.data() + row * dim);
          }
        },
        options_.monitor);
  }

  const RowSource& source_;
  const BuildOptions& options_;
  Sections out_;
};

}  // namespace

Sections Build(const RowSource& source, const BuildOptions& options) { return Builder(source, options).Run(); }

}  // namespace leafscan
