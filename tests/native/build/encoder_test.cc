#include "leafscan/build/encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/hash/layout.h"

namespace leafscan {
namespace {

struct Case {
  Rows rows;
  Rows centroids;
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint32_t> listed;
  std::vector<std::uint32_t> order;
  std::vector<float> words;
  std::size_t width = 0;

  PanelFiller Filler(const RowSource& source, double threshold) const {
    return {source, centroids.view(), {}, width, threshold};
  }
  CodebookView Book() const { return {words.data(), CeilDiv(rows.dim, width), width}; }
};

Case Make(Draw& draw, std::vector<std::uint64_t> offsets, std::size_t dim, std::size_t width, bool listed) {
  Case made{NormalRows(draw, offsets.back(), dim), NormalRows(draw, offsets.size() - 1, dim, 0.5), std::move(offsets), {},
            {}, draw.Normals(CeilDiv(dim, width) * 16 * width, 0.7), width};
  made.order.resize(made.rows.count);
  std::iota(made.order.rbegin(), made.order.rend(), 0u);  // places run against the source
  if (listed) {
    made.listed.resize(made.rows.count);
    for (std::size_t i = 0; i < made.listed.size(); ++i) {
      made.listed[i] = static_cast<std::uint32_t>((i * 7 + 3) % made.listed.size());
    }
  }
  return made;
}

// Each point's codes are the best for its residual to its leaf, each in its place.
void Check(const Case& made, double threshold, int threads) {
  const RowSource source{made.rows.view(), false};
  const PanelFiller filler = made.Filler(source, threshold);
  const CodebookView book = made.Book();
  const EncodedPostings out =
      EncodePostings(filler, book, {made.offsets, made.listed, made.order}, true, threads, nullptr);
  const std::size_t group_bytes = PaddedBlocks(book.blocks) * kBlockBytes;
  std::size_t group = 0;
  std::vector<std::uint8_t> wanted(book.blocks * kEncodeLanes);
  for (std::size_t leaf = 0; leaf + 1 < made.offsets.size(); ++leaf) {
    for (std::size_t begin = made.offsets[leaf]; begin < made.offsets[leaf + 1]; begin += kGroupPoints, ++group) {
      const std::size_t count = std::min<std::size_t>(kGroupPoints, made.offsets[leaf + 1] - begin);
      ASSERT_EQ(out.live.at(group), count == 32 ? ~0u : (1u << count) - 1);
      const std::uint8_t* codes = out.codes.data() + group * group_bytes;
      for (std::size_t j = 0; j < count; ++j) {
        const std::size_t row = made.listed.empty() ? begin + j : made.listed[begin + j];
        if (!made.listed.empty()) {
          ASSERT_EQ(out.rows[group * kGroupPoints + j], row);
        }
        PanelScratch scratch(filler);
        filler.Fill(made.order[row], leaf, 0, scratch);
        EncodePanel(book, scratch.residuals.data(), scratch.directions_or_null(), scratch.extra_or_null(), kMaxVisits,
                    wanted.data());
        for (std::size_t block = 0; block < book.blocks; ++block) {
          ASSERT_EQ(GetCode(codes, block, j), wanted[block * kEncodeLanes]) << "group " << group << " place " << j;
        }
        ASSERT_EQ(out.terms[group * kGroupPoints + j], filler.Term(book, wanted.data(), 0, scratch));
      }
      for (std::size_t j = count; j < kGroupPoints; ++j) {
        for (std::size_t block = 0; block < book.blocks; ++block) ASSERT_EQ(GetCode(codes, block, j), 0);
        if (!made.listed.empty()) {
          ASSERT_EQ(out.rows[group * kGroupPoints + j], 0u);
        }
      }
    }
  }
  ASSERT_EQ(out.live.size(), group);
}

TEST(EncoderTest, CodesLieWhereTheirPointsDo) {
  Draw draw(1);
  const std::vector<std::vector<std::uint64_t>> offsets{
      {0, 1}, {0, 16}, {0, 31, 31, 63, 64, 200}, {0, 0, 33}, {0, 32, 64, 1000}};
  for (const auto& leaves : offsets) {
    for (const std::size_t dim : {1, 5, 16}) {
      for (const std::size_t width : {1, 2, 3}) {
        for (const bool listed : {false, true}) {
          const Case made = Make(draw, leaves, dim, width, listed);
          Check(made, 0.0, 1);
          Check(made, 0.4, 2);
        }
      }
    }
  }
}

TEST(EncoderTest, TermsAreCountedInStepsThatFitSixteenBits) {
  Draw draw(2);
  for (const double size : {1e-12, 1.0, 1e12}) {
    const std::vector<float> terms = draw.Normals(100, size);
    const float scale = TermScale(terms, 0.0f);
    const AlignedVector<std::int16_t> steps = QuantizeTerms(terms, scale);
    for (std::size_t i = 0; i < terms.size(); ++i) {
      EXPECT_NEAR(steps[i] * static_cast<double>(scale), terms[i], 0.51 * scale);
      EXPECT_GE(steps[i], -32767);
    }
    const float more = TermScale({}, scale);  // a second list may only widen the scale
    EXPECT_NEAR(more, scale, 1e-6 * scale);
  }
  EXPECT_EQ(TermScale({}, 0.0f), 0.0f);
  const std::vector<float> zeros(3, 0.0f);
  EXPECT_EQ(QuantizeTerms(zeros, 0.0f), (AlignedVector<std::int16_t>{0, 0, 0}));
}

}  // namespace
}  // namespace leafscan
