#include "leafscan/build/encoder.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "leafscan/core/thread_pool.h"
#include "leafscan/hash/layout.h"
#include "leafscan/train/codebooks.h"

namespace leafscan {
namespace {

constexpr std::size_t kGroupsPerChunk = 16;
constexpr float kMostSteps = 32767.0f;

}  // namespace

EncodedPostings EncodePostings(const PanelFiller& filler, const CodebookView& book, const Postings& postings,
                               bool with_terms, int threads, Monitor* monitor) {
  const std::size_t leaves = postings.offsets.size() - 1;
  const CodeLayout layout{book.blocks, book.count};
  const std::size_t group_bytes = layout.group_bytes();
  std::vector<std::size_t> group_starts(leaves + 1, 0);
  for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
    group_starts[leaf + 1] = group_starts[leaf] + GroupsOf(postings.offsets[leaf + 1] - postings.offsets[leaf]);
  }
  const std::size_t groups = group_starts.back();
  EncodedPostings out;
  out.codes.assign(groups * group_bytes, 0);
  out.live.assign(groups, 0);
  if (!postings.rows.empty()) out.rows.assign(groups * kGroupPoints, 0);
  if (with_terms) out.terms.assign(groups * kGroupPoints, 0.0f);

  const auto encode_group = [&](std::size_t group, PanelScratch& scratch, std::vector<std::uint8_t>& codes) {
    const auto after = std::upper_bound(group_starts.begin(), group_starts.end(), group);
    const auto leaf = static_cast<std::size_t>(after - group_starts.begin()) - 1;
    const std::size_t begin = postings.offsets[leaf] + (group - group_starts[leaf]) * kGroupPoints;
    const std::size_t count = std::min<std::size_t>(kGroupPoints, postings.offsets[leaf + 1] - begin);
    std::uint8_t* to = out.codes.data() + group * group_bytes;
    for (std::size_t half = 0; half < count; half += kEncodeLanes) {
      const std::size_t lanes = std::min(kEncodeLanes, count - half);
      scratch.Clear();
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const std::size_t entry = begin + half + lane;
        const std::size_t row = postings.rows.empty() ? entry : postings.rows[entry];
        if (!postings.rows.empty()) {
          out.rows[group * kGroupPoints + half + lane] = static_cast<std::uint32_t>(row);
        }
        filler.Fill(postings.order[row], leaf, lane, scratch);
      }
      EncodePanel(book, scratch.residuals.data(), scratch.directions_or_null(), scratch.extra_or_null(), kMaxVisits,
                  codes.data());
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        for (std::size_t block = 0; block < book.blocks; ++block) {
          layout.Put(to, block, half + lane, codes[block * kEncodeLanes + lane]);
        }
        if (with_terms) {
          out.terms[group * kGroupPoints + half + lane] = filler.Term(book, codes.data(), lane, scratch);
        }
      }
    }
    out.live[group] = count == kGroupPoints ? ~0u : (1u << count) - 1;
  };
  ParallelFor(
      (groups + kGroupsPerChunk - 1) / kGroupsPerChunk, threads,
      [&](std::size_t chunk) {
        PanelScratch scratch(filler);
        std::vector<std::uint8_t> codes(book.blocks * kEncodeLanes);
        const std::size_t end = std::min(groups, (chunk + 1) * kGroupsPerChunk);
        for (std::size_t group = chunk * kGroupsPerChunk; group < end; ++group) encode_group(group, scratch, codes);
      },
      monitor);
  return out;
}

float TermScale(std::span<const float> terms, float at_least) {
  float most = at_least * kMostSteps;
  for (const float term : terms) most = std::max(most, std::abs(term));
  return most / kMostSteps;
}

AlignedVector<std::int16_t> QuantizeTerms(std::span<const float> terms, float scale) {
  AlignedVector<std::int16_t> steps(terms.size());
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const float exact = scale > 0.0f ? std::round(terms[i] / scale) : 0.0f;
    // Terms overflow where squared norms do; such rows have no useful score.
    steps[i] = std::isfinite(exact) ? static_cast<std::int16_t>(std::clamp(exact, -kMostSteps, kMostSteps)) : 0;
  }
  return steps;
}

}  // namespace leafscan
