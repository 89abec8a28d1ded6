#include "leafscan/search/query_table.h"

#include <algorithm>
#include <cmath>

#include "leafscan/core/within.h"
#include "leafscan/hash/layout.h"
#include "leafscan/simd/wide_scan.h"

namespace leafscan {
namespace {

constexpr double kMaxBias = 1 << 29;
// Multiplies a term by less than one: a product of 15-bit fractions.
constexpr float kFractions = 32768.0f;

}  // namespace

void QueryTable::Build(const Snapshot& snapshot, std::span<const float> query) {
  const TransposedCodebooks& books = snapshot.codebooks;
  const bool l2 = snapshot.arrays.metric == Metric::kSquaredL2;
  padded_blocks_ = snapshot.layout().padded_blocks();
  words_ = books.count;
  padded_query_.assign(books.blocks * books.width, 0.0f);
  for (std::size_t i = 0; i < query.size(); ++i) padded_query_[i] = l2 ? 2.0f * query[i] : query[i];
  scratch_.resize(books.blocks * words_);
  entries_.assign(padded_blocks_ * words_, 0);
  const int most = words_ == kWideWords ? kMaxWideEntry : kMaxTableEntry;
  const int levels = std::min(most, static_cast<int>(kMaxBlocks / books.blocks));
  const float least_unit = l2 ? snapshot.arrays.term_scale * 1.0001f : 0.0f;
  scale_ = BuildTable({books.words, words_, books.width}, padded_query_, levels, least_unit, scratch_, entries_.data());
  term_factor_ = 0;
  if (l2 && snapshot.arrays.term_scale > 0.0f) {
    const float factor = std::round(snapshot.arrays.term_scale / scale_.unit * kFractions);
    term_factor_ = static_cast<std::int16_t>(Within(factor, 32767.0f));
  }
}

std::int32_t QueryTable::Bias(float center) const {
  const double steps = (static_cast<double>(center) - origin_) / scale_.unit;
  return static_cast<std::int32_t>(std::lround(Within(steps, kMaxBias)));
}

float QueryTable::Score(std::int32_t score) const {
  return static_cast<float>(origin_ + scale_.offset + static_cast<double>(scale_.unit) * score);
}

}  // namespace leafscan
