#include "leafscan/simd/best_scores.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/best_scores.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, kScoreLanes>;
using U32 = hn::RebindToUnsigned<F32>;

constexpr std::size_t kMaximaForOne = 4;  // a score wanted
constexpr int kSteps = 12;
constexpr std::size_t kCloseEnough = 16;  // a cut may let pass a sixteenth more maxima than wanted

// Folds runs of whole vectors of sixteen, whatever the width of a vector; returns how many maxima there are.
std::size_t Fold(std::span<const float> scores, std::size_t run, float* maxima) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t count = 0;
  for (std::size_t first = 0; first < scores.size(); first += run * kScoreLanes) {
    const std::size_t end = std::min(first + run * kScoreLanes, scores.size());
    for (std::size_t lane = 0; lane < kScoreLanes; lane += lanes) {
      auto most = hn::LoadU(d, scores.data() + first + lane);
      for (std::size_t at = first + kScoreLanes; at < end; at += kScoreLanes) {
        most = hn::Max(most, hn::LoadU(d, scores.data() + at + lane));
      }
      hn::StoreU(most, d, maxima + count + lane);
    }
    count += kScoreLanes;
  }
  return count;
}

float Cut(std::span<const float> scores, std::size_t wanted, std::span<float> room) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  const auto nothing = hn::Set(d, -std::numeric_limits<float>::infinity());
  std::span<const float> maxima;
  auto most = nothing;
  auto least = nothing;
  std::size_t run = std::max<std::size_t>(scores.size() / (kMaximaForOne * wanted), 1);
  for (;; run = 1) {
    maxima = room.first(Fold(scores, run, room.data()));
    most = nothing;
    least = hn::Set(d, std::numeric_limits<float>::infinity());
    std::size_t finite = 0;
    for (std::size_t at = 0; at < maxima.size(); at += lanes) {
      const auto value = hn::LoadU(d, maxima.data() + at);
      const auto something = hn::Gt(value, nothing);
      finite += hn::CountTrue(d, something);
      most = hn::Max(most, value);
      least = hn::Min(least, hn::IfThenElse(something, value, least));
    }
    if (finite >= wanted || run == 1) break;  // else most places are empty
  }
  float low = hn::GetLane(hn::MinOfLanes(d, least));
  float high = hn::GetLane(hn::MaxOfLanes(d, most));
  for (int step = 0; step < kSteps; ++step) {
    const float middle = 0.5f * low + 0.5f * high;
    const auto cut = hn::Set(d, middle);
    std::size_t reached = 0;
    for (std::size_t at = 0; at < maxima.size(); at += lanes) {
      reached += hn::CountTrue(d, hn::Ge(hn::LoadU(d, maxima.data() + at), cut));
    }
    if (reached < wanted) {
      high = middle;
    } else {
      low = middle;
      if (reached <= wanted + wanted / kCloseEnough) break;
    }
  }
  return low;
}

// Where a score passes cannot be foreseen: both ways do without branches on it.
#if HWY_TARGET <= HWY_AVX3

std::size_t List(std::span<const float> scores, float cut, std::span<std::uint32_t> places) {
  const F32 d;
  const U32 du;
  const std::size_t lanes = hn::Lanes(d);
  const auto bound = hn::Set(d, cut);
  const auto step = hn::Set(du, static_cast<std::uint32_t>(lanes));
  auto place = hn::Iota(du, 0);
  std::size_t count = 0;
  for (std::size_t at = 0; at < scores.size(); at += lanes) {
    const auto reaches = hn::RebindMask(du, hn::Ge(hn::LoadU(d, scores.data() + at), bound));
    hn::StoreU(hn::Compress(place, reaches), du, places.data() + count);
    count += hn::CountTrue(du, reaches);
    place = hn::Add(place, step);
  }
  return count;
}

#else

std::size_t List(std::span<const float> scores, float cut, std::span<std::uint32_t> places) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  const auto bound = hn::Set(d, cut);
  std::uint32_t* next = places.data();
  for (std::size_t at = 0; at < scores.size(); at += kScoreLanes) {
    std::uint32_t hits = 0;
    for (std::size_t lane = 0; lane < kScoreLanes; lane += lanes) {
      const auto reaches = hn::Ge(hn::LoadU(d, scores.data() + at + lane), bound);
      std::uint8_t bits[8] = {};  // at least as many bytes as StoreMaskBits writes
      hn::StoreMaskBits(d, reaches, bits);
      std::uint32_t word;
      std::memcpy(&word, bits, sizeof(word));
      hits |= word << lane;
    }
    // Mostly there are none to two.
    const auto first = static_cast<std::uint32_t>(at);
    const std::uint32_t left = hits & (hits - 1);
    next[0] = first + static_cast<std::uint32_t>(std::countr_zero(hits));
    next[1] = first + static_cast<std::uint32_t>(std::countr_zero(left));
    std::uint32_t* after = next + static_cast<int>(hits != 0) + static_cast<int>(left != 0);
    for (hits = left & (left - 1); hits != 0; hits &= hits - 1) {
      *after++ = first + static_cast<std::uint32_t>(std::countr_zero(hits));
    }
    next = after;
  }
  return static_cast<std::size_t>(next - places.data());
}

#endif

void Rank(std::span<const float> scores, std::span<std::uint32_t> ranks) {
  const F32 d;
  const U32 du;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t count = scores.size();
  const auto one = hn::Set(du, 1u);
  const auto indices = hn::Iota(du, 0);
  for (std::size_t first = 0; first < count; first += lanes) {
    const auto these = hn::LoadU(d, scores.data() + first);
    auto rank = hn::Zero(du);
    std::size_t other = 0;
    for (; other < first; ++other) {
      const auto better = hn::Ge(hn::Set(d, scores[other]), these);
      rank = hn::Add(rank, hn::IfThenElseZero(hn::RebindMask(du, better), one));
    }
    for (; other < first + lanes; ++other) {
      const auto value = hn::Set(d, scores[other]);
      const auto earlier = hn::Gt(indices, hn::Set(du, static_cast<std::uint32_t>(other - first)));
      const auto equal = hn::And(hn::RebindMask(du, hn::Eq(value, these)), earlier);
      const auto better = hn::Or(hn::RebindMask(du, hn::Gt(value, these)), equal);
      rank = hn::Add(rank, hn::IfThenElseZero(better, one));
    }
    for (; other < count; ++other) {
      const auto better = hn::Gt(hn::Set(d, scores[other]), these);
      rank = hn::Add(rank, hn::IfThenElseZero(hn::RebindMask(du, better), one));
    }
    hn::StoreU(rank, du, ranks.data() + first);
  }
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(Cut);
HWY_EXPORT(List);
HWY_EXPORT(Rank);

float CutScores(std::span<const float> scores, std::size_t wanted, std::span<float> maxima) {
  return HWY_DYNAMIC_DISPATCH(Cut)(scores, wanted, maxima);
}

std::size_t ListScores(std::span<const float> scores, float cut, std::span<std::uint32_t> places) {
  return HWY_DYNAMIC_DISPATCH(List)(scores, cut, places);
}

void RankScores(std::span<const float> scores, std::span<std::uint32_t> ranks) {
  HWY_DYNAMIC_DISPATCH(Rank)(scores, ranks);
}

}  // namespace leafscan
#endif
