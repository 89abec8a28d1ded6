#include "leafscan/simd/encode_panel.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "leafscan/simd/encode_panel.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace leafscan::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, kEncodeLanes>;
using U32 = hn::RebindToUnsigned<F32>;

struct Choice {
  hn::Vec<U32> code;
  hn::Vec<F32> along;  // <r_b - word, u_b> of the chosen word
};

// The best word of one block for some lanes. `rest` is what the other blocks' errors come to along the direction.
template <std::uint32_t kWords, bool kAlong>
HWY_INLINE Choice BestWord(const float* HWY_RESTRICT words, std::size_t width, const float* HWY_RESTRICT residuals,
                           const float* HWY_RESTRICT directions, hn::Vec<F32> rest, hn::Vec<F32> extra) {
  const F32 d;
  const U32 du;
  auto least = hn::Set(d, std::numeric_limits<float>::infinity());
  Choice best{hn::Zero(du), hn::Zero(d)};
  for (std::uint32_t code = 0; code < kWords; ++code, words += width) {
    auto loss = hn::Zero(d);
    auto along = hn::Zero(d);
    for (std::size_t i = 0; i < width; ++i) {
      const auto error = hn::Sub(hn::LoadU(d, residuals + i * kEncodeLanes), hn::Set(d, words[i]));
      loss = hn::MulAdd(error, error, loss);
      if constexpr (kAlong) along = hn::MulAdd(error, hn::LoadU(d, directions + i * kEncodeLanes), along);
    }
    if constexpr (kAlong) {
      const auto total = hn::Add(rest, along);
      loss = hn::MulAdd(hn::Mul(total, total), extra, loss);
    }
    const auto better = hn::Lt(loss, least);
    least = hn::IfThenElse(better, loss, least);
    best.code = hn::IfThenElse(hn::RebindMask(du, better), hn::Set(du, code), best.code);
    if constexpr (kAlong) best.along = hn::IfThenElse(better, along, best.along);
  }
  return best;
}

// <r_b - word, u_b> for the words that some lanes hold.
HWY_INLINE hn::Vec<F32> AlongNow(const float* HWY_RESTRICT words, std::size_t width, const float* HWY_RESTRICT residuals,
                                 const float* HWY_RESTRICT directions, const std::uint8_t* HWY_RESTRICT codes) {
  const F32 d;
  HWY_ALIGN float along[kEncodeLanes];
  for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) {
    const float* word = words + codes[lane] * width;
    float sum = 0.0f;
    for (std::size_t i = 0; i < width; ++i) {
      sum += (residuals[i * kEncodeLanes + lane] - word[i]) * directions[i * kEncodeLanes + lane];
    }
    along[lane] = sum;
  }
  return hn::Load(d, along);
}

template <std::uint32_t kWords>
HWY_INLINE void Encode(const CodebookView& book, const float* HWY_RESTRICT residuals, const float* HWY_RESTRICT directions,
                       const float* HWY_RESTRICT extra, int max_visits, std::uint8_t* HWY_RESTRICT codes) {
  const F32 d;
  const U32 du;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN std::uint32_t chosen[kEncodeLanes];
  const auto put = [&](hn::Vec<U32> code, std::uint8_t* to) HWY_ATTR {
    hn::Store(code, du, chosen);
    bool changed = false;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      changed |= to[lane] != chosen[lane];
      to[lane] = static_cast<std::uint8_t>(chosen[lane]);
    }
    return changed;
  };
  for (std::size_t first = 0; first < kEncodeLanes; first += lanes) {
    const auto none = hn::Zero(d);
    auto total = hn::Zero(d);
    for (std::size_t block = 0; block < book.blocks; ++block) {
      const float* words = book.words + block * kWords * book.width;
      const std::size_t at = block * book.width * kEncodeLanes + first;
      std::uint8_t* to = codes + block * kEncodeLanes + first;
      put(BestWord<kWords, false>(words, book.width, residuals + at, nullptr, none, none).code, to);
      if (directions != nullptr) {
        total = hn::Add(total, AlongNow(words, book.width, residuals + at, directions + at, to));
      }
    }
    if (directions == nullptr) continue;
    const auto weight = hn::LoadU(d, extra + first);
    for (int visit = 0; visit < max_visits; ++visit) {
      bool changed = false;
      for (std::size_t block = 0; block < book.blocks; ++block) {
        const float* words = book.words + block * kWords * book.width;
        const std::size_t at = block * book.width * kEncodeLanes + first;
        std::uint8_t* to = codes + block * kEncodeLanes + first;
        const auto rest =
            hn::Sub(total, AlongNow(words, book.width, residuals + at, directions + at, to));
        const Choice best = BestWord<kWords, true>(words, book.width, residuals + at, directions + at, rest, weight);
        changed |= put(best.code, to);
        total = hn::Add(rest, best.along);
      }
      if (!changed) break;
    }
  }
}

void EncodeAny(const CodebookView& book, const float* residuals, const float* directions, const float* extra,
               int max_visits, std::uint8_t* codes) {
  book.count == 16 ? Encode<16>(book, residuals, directions, extra, max_visits, codes)
                   : Encode<256>(book, residuals, directions, extra, max_visits, codes);
}

}  // namespace leafscan::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leafscan {

HWY_EXPORT(EncodeAny);

void EncodePanel(const CodebookView& book, const float* residuals, const float* directions, const float* extra,
                 int max_visits, std::uint8_t* codes) {
  HWY_DYNAMIC_DISPATCH(EncodeAny)(book, residuals, directions, extra, max_visits, codes);
}

}  // namespace leafscan
#endif
