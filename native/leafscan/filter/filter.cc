#include "leafscan/filter/filter.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "leafscan/hash/layout.h"

namespace leafscan {
namespace {

constexpr std::size_t kListedShare = 4;

// Where a share s of a leaf is allowed, 1 / s^kThinning leaves are visited for each one without a filter. The nearest k
// of what is allowed are the nearest k / s of all, and those lie in more leaves: for equal recall GloVe (331k x 100,
// cosine) wanted 1 / s^0.26 times as many, random clusters in 24 dimensions up to 1 / s^0.5, at s = .01 and at .1.
constexpr double kThinning = 0.5;

// But no more leaves than cost so many times a search without a filter.
constexpr double kMostCost = 2.0;

// Nanoseconds on one core; only their ratios matter.
constexpr double kLine = 10.0;      // a cache line of a row, anywhere in memory but fetched ahead (simd/row_score.h)
constexpr double kLookup = 0.43;    // 32 points and one block of the scan (simd/group_scan.h)
constexpr double kWideLookup = 5.0; // of 8-bit codes (simd/wide_scan.h)
constexpr double kLeaf = 40.0;      // a visit before anything is scanned; codes add the score of the centroid, a row
constexpr double kProduct = 0.02;   // of routing (simd/route_score.h)
constexpr double kLineBytes = 64.0;

// A bit for each byte that is not 0, of at most 32.
std::uint32_t Bits(std::span<const std::uint8_t> bytes) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) bits |= static_cast<std::uint32_t>(bytes[i] != 0) << i;
  return bits;
}

}  // namespace

Filter::Filter(const Snapshot& snapshot, std::span<const std::uint8_t> allowed, const Filter* before)
    : base_(snapshot.base), version_(snapshot.version), leaf_versions_(snapshot.leaf_versions) {
  const std::size_t n = allowed.size();
  bits_.assign(CeilDiv(n, 32) + 1, 0);
  for (std::size_t word = 0; word * 32 < n; ++word) {
    bits_[word] = Bits(allowed.subspan(word * 32, std::min<std::size_t>(32, n - word * 32))) & snapshot.live.Word(word);
    allowed_ += static_cast<std::size_t>(std::popcount(bits_[word]));
  }
  listed_ = allowed_ <= n / kListedShare;
  if (listed_) {
    rows_.reserve(allowed_);
    ForRows(0, n, [&](std::uint32_t row) { rows_.push_back(row); });
  }

  double thinning = 0.0;
  first_words_.reserve(snapshot.leaves.size() + 1);
  if (before != nullptr) words_.reserve(before->words_.size());
  for (std::size_t l = 0; l < snapshot.leaves.size(); ++l) {
    first_words_.push_back(words_.size());
    if (before != nullptr && before->leaf_versions_[l] == leaf_versions_[l]) {
      const auto words = before->words_.begin();
      words_.insert(words_.end(), words + static_cast<std::ptrdiff_t>(before->first_words_[l]),
                    words + static_cast<std::ptrdiff_t>(before->first_words_[l + 1]));
      shares_.push_back(before->shares_[l]);
    } else {
      shares_.push_back(Compile(snapshot.leaves[l]));
    }
    const Share& share = shares_.back();
    all_.groups += share.groups;
    all_.points += share.points;
    allowed_in_.groups += share.open_groups;
    open_.push_back(share.open_points > 0);
    if (share.open_points == 0) continue;
    ++open_count_;
    allowed_in_.points += share.open_points;
    thinning += std::pow(static_cast<double>(share.points) / share.open_points, kThinning);
  }
  first_words_.push_back(words_.size());
  if (open_count_ > 0) thinning_ = thinning / static_cast<double>(open_count_);
}

Filter::Share Filter::Compile(const Leaf& leaf) {
  Share share;
  for (const Segment& segment : leaf.segments) {
    for (std::size_t group = 0; group < segment.groups; ++group) {
      const std::uint32_t live = segment.live[group];
      std::uint32_t word = 0;
      if (segment.rows == nullptr) {
        word = RowsFrom(segment.first_row + group * kGroupPoints) & live;
      } else {
        const std::uint32_t* rows = segment.rows + group * kGroupPoints;
        for (std::size_t j = 0; j < kGroupPoints; ++j) word |= static_cast<std::uint32_t>(Allows(rows[j])) << j;
        word &= live;
      }
      words_.push_back(word);
      ++share.groups;
      share.open_groups += word != 0 ? 1 : 0;
      share.points += static_cast<std::uint32_t>(std::popcount(live));
      share.open_points += static_cast<std::uint32_t>(std::popcount(word));
    }
  }
  return share;
}

std::size_t Filter::nbytes() const {
  return bits_.size() * sizeof(bits_[0]) + rows_.size() * sizeof(rows_[0]) + words_.size() * sizeof(words_[0]) +
         first_words_.size() * sizeof(first_words_[0]) + open_.size() +
         shares_.size() * (sizeof(shares_[0]) + sizeof(leaf_versions_[0]));
}

double Filter::RowCost() const {
  return (std::ceil(static_cast<double>(base_->arrays.dim) * sizeof(float) / kLineBytes) + 1.0) * kLine;
}

double Filter::LeafCost(const Contents& of, double leaves) const {
  if (!base_->has_codes()) return kLeaf + of.points / leaves * RowCost();
  const CodeLayout layout = base_->layout();
  const double group = static_cast<double>(layout.padded_blocks()) * (layout.wide() ? kWideLookup : kLookup);
  return kLeaf + RowCost() + of.groups / leaves * group;
}

double Filter::OtherCost(double points, std::size_t candidates) const {
  const double routing = static_cast<double>(base_->router.leaves() * base_->arrays.dim) * kProduct;
  if (!base_->has_codes() || !base_->has_rows()) return routing;
  return routing + std::min(points, static_cast<double>(candidates)) * RowCost();
}

std::size_t Filter::Visits(std::size_t leaves, std::size_t candidates) const {
  const double all_leaves = static_cast<double>(open_.size());
  const double asked = std::min(static_cast<double>(leaves), all_leaves);
  const double open = static_cast<double>(open_count_);
  if (open == 0.0) return 0;
  const double other = OtherCost(all_.points / all_leaves * asked, candidates);
  const double budget = kMostCost * (asked * LeafCost(all_, all_leaves) + other) - other;
  const double affordable = std::max(budget / LeafCost(allowed_in_, open), asked);
  return static_cast<std::size_t>(std::min(std::round(std::min(asked * thinning_, affordable)), open));
}

bool Filter::BetterListed(std::size_t visits, std::size_t candidates) const {
  if (!listed_ || !base_->has_rows()) return false;
  if (open_count_ == 0) return true;
  const double open = static_cast<double>(open_count_);
  const double visited = static_cast<double>(visits);
  const double points = allowed_in_.points / open * visited;
  const double cost = visited * LeafCost(allowed_in_, open) + OtherCost(points, candidates);
  return static_cast<double>(allowed_) * RowCost() <= cost;
}

}  // namespace leafscan
