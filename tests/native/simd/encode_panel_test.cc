#include "leafscan/simd/encode_panel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/simd/encode_panel_reference.h"

namespace leafscan {
namespace {

class EncodePanelTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(EncodePanelTest);

constexpr int kPlenty = 200;  // visits: more than any of these cases needs to settle

// A codebook and one panel of points.
struct Case {
  std::vector<float> words;
  std::size_t blocks = 0;
  std::size_t width = 0;
  std::vector<float> residuals;
  std::vector<float> directions;
  std::vector<float> extra;
  std::size_t count = 16;  // words a block

  CodebookView book() const { return {words.data(), blocks, width, count}; }
  std::vector<std::uint8_t> Plain() const {
    std::vector<std::uint8_t> codes(blocks * kEncodeLanes, 99);
    EncodePanel(book(), residuals.data(), nullptr, nullptr, kPlenty, codes.data());
    return codes;
  }
  std::vector<std::uint8_t> Anisotropic(int visits) const {
    std::vector<std::uint8_t> codes(blocks * kEncodeLanes, 99);
    EncodePanel(book(), residuals.data(), directions.data(), extra.data(), visits, codes.data());
    return codes;
  }
  double PlainLoss(const std::vector<std::uint8_t>& codes, std::size_t lane) const {
    return reference::EncodeLoss(book(), residuals.data(), nullptr, nullptr, codes.data(), lane);
  }
  double Loss(const std::vector<std::uint8_t>& codes, std::size_t lane) const {
    return reference::EncodeLoss(book(), residuals.data(), directions.data(), extra.data(), codes.data(), lane);
  }
  // Float losses of a lane are right to within this.
  double Slack(std::size_t lane) const {
    double size = 0.0;
    for (std::size_t i = 0; i < blocks * width; ++i) {
      const double r = residuals[i * kEncodeLanes + lane];
      for (std::size_t code = 0; code < count; ++code) {
        const double word = words[(i / width * count + code) * width + i % width];
        size = std::max(size, (r - word) * (r - word));
      }
    }
    const double terms = static_cast<double>(blocks * width) + 8;
    return 4.0 * terms * terms * size * (1.0 + extra[lane]) * std::numeric_limits<float>::epsilon();
  }
};

Case Make(Draw& draw, std::size_t blocks, std::size_t width, double scale = 1.0, std::size_t count = 16) {
  Case made;
  made.count = count;
  made.blocks = blocks;
  made.width = width;
  const std::size_t components = blocks * width;
  made.words = draw.Normals(blocks * count * width, scale);
  made.residuals = draw.Normals(components * kEncodeLanes, scale);
  made.directions = draw.Normals(components * kEncodeLanes);
  made.extra.resize(kEncodeLanes);
  for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
    double square = 0.0;
    for (std::size_t i = 0; i < components; ++i) {
      square += static_cast<double>(made.directions[i * kEncodeLanes + lane]) * made.directions[i * kEncodeLanes + lane];
    }
    const bool zero = draw.Below(8) == 0;
    for (std::size_t i = 0; i < components; ++i) {
      float& u = made.directions[i * kEncodeLanes + lane];
      u = zero ? 0.0f : static_cast<float>(u / std::sqrt(square));
    }
    made.extra[lane] = draw.Below(4) == 0 ? 0.0f : static_cast<float>(31.0 * draw.Unit());
  }
  return made;
}

struct Shape {
  std::size_t blocks, width;
};
constexpr Shape kShapes[] = {{1, 1}, {1, 7}, {2, 2}, {3, 1}, {7, 3}, {16, 2}, {17, 1}, {50, 2}, {33, 4}, {392, 2}};

TEST_P(EncodePanelTest, PlainCodesAreNearestWords) {
  Draw draw(1);
  for (const Shape& shape : kShapes) {
    for (const double scale : {1e-6, 1.0, 1e6}) {
      const Case made = Make(draw, shape.blocks, shape.width, scale);
      std::vector<std::uint8_t> codes = made.Plain();
      for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
        const double loss = made.PlainLoss(codes, lane);
        for (std::size_t block = 0; block < shape.blocks; ++block) {
          const std::uint8_t code = codes[block * kEncodeLanes + lane];
          ASSERT_LT(code, 16);
          for (std::uint8_t other = 0; other < 16; ++other) {
            codes[block * kEncodeLanes + lane] = other;
            ASSERT_GE(made.PlainLoss(codes, lane), loss - 1e-5 * scale * scale);
          }
          codes[block * kEncodeLanes + lane] = code;
        }
      }
    }
  }
}

TEST_P(EncodePanelTest, VisitsLowerTheLossUntilEachBlockIsAtItsOptimum) {
  Draw draw(2);
  double before = 0.0;
  double after = 0.0;
  for (const Shape& shape : kShapes) {
    const Case made = Make(draw, shape.blocks, shape.width);
    const std::vector<std::uint8_t> start = made.Plain();
    std::vector<std::uint8_t> codes = made.Anisotropic(kPlenty);
    for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
      const double slack = made.Slack(lane);
      const double loss = made.Loss(codes, lane);
      ASSERT_LE(loss, made.Loss(start, lane) + slack);
      before += made.Loss(start, lane);
      after += loss;
      for (std::size_t block = 0; block < shape.blocks; ++block) {
        const std::uint8_t code = codes[block * kEncodeLanes + lane];
        ASSERT_LT(code, 16);
        for (std::uint8_t other = 0; other < 16; ++other) {
          codes[block * kEncodeLanes + lane] = other;
          ASSERT_GE(made.Loss(codes, lane), loss - slack) << shape.blocks << " x " << shape.width;
        }
        codes[block * kEncodeLanes + lane] = code;
      }
    }
  }
  EXPECT_LT(after, 0.95 * before);
}

TEST_P(EncodePanelTest, NoVisitRaisesTheLoss) {
  Draw draw(3);
  const Case made = Make(draw, 50, 2);
  std::vector<std::uint8_t> earlier = made.Anisotropic(0);
  EXPECT_EQ(earlier, made.Plain());
  for (int visits = 1; visits < 12; ++visits) {
    const std::vector<std::uint8_t> codes = made.Anisotropic(visits);
    for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
      ASSERT_LE(made.Loss(codes, lane), made.Loss(earlier, lane) + made.Slack(lane)) << visits;
    }
    earlier = codes;
  }
}

TEST_P(EncodePanelTest, OneBlockIsCodedAsWellAsCanBe) {
  Draw draw(4);
  for (const std::size_t width : {1, 2, 3, 8}) {
    for (int round = 0; round < 10; ++round) {
      const Case made = Make(draw, 1, width);
      const std::vector<std::uint8_t> codes = made.Anisotropic(8);
      for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
        double least = std::numeric_limits<double>::infinity();
        std::vector<std::uint8_t> tried(kEncodeLanes, 0);
        for (std::uint8_t code = 0; code < 16; ++code) {
          tried[lane] = code;
          least = std::min(least, made.Loss(tried, lane));
        }
        ASSERT_NEAR(made.Loss(codes, lane), least, made.Slack(lane));
      }
    }
  }
}

TEST_P(EncodePanelTest, TwoBlocksAreMostlyCodedAsWellAsCanBe) {
  Draw draw(5);
  int best = 0;
  int all = 0;
  double found = 0.0;
  double optimal = 0.0;
  for (int round = 0; round < 20; ++round) {
    const Case made = Make(draw, 2, 2);
    const std::vector<std::uint8_t> codes = made.Anisotropic(kPlenty);
    for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
      double least = std::numeric_limits<double>::infinity();
      std::vector<std::uint8_t> tried(2 * kEncodeLanes, 0);
      for (int pair = 0; pair < 256; ++pair) {
        tried[lane] = static_cast<std::uint8_t>(pair % 16);
        tried[kEncodeLanes + lane] = static_cast<std::uint8_t>(pair / 16);
        least = std::min(least, made.Loss(tried, lane));
      }
      const double loss = made.Loss(codes, lane);
      ASSERT_GE(loss, least - made.Slack(lane));
      best += loss <= least + made.Slack(lane);
      ++all;
      found += loss;
      optimal += least;
    }
  }
  // Visits in turn may settle where only a change of both would help.
  EXPECT_GT(best, all * 7 / 10) << "of " << all;
  EXPECT_LT(found, 1.5 * optimal);
}

TEST_P(EncodePanelTest, LanesDoNotTouchOneAnother) {
  Draw draw(6);
  const Case made = Make(draw, 9, 3);
  const std::vector<std::uint8_t> together = made.Anisotropic(8);
  for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
    Case alone = made;
    for (std::size_t i = 0; i < alone.residuals.size(); ++i) {
      if (i % kEncodeLanes == lane) continue;
      alone.residuals[i] = 0.0f;
      alone.directions[i] = 0.0f;
    }
    const std::vector<std::uint8_t> codes = alone.Anisotropic(8);
    for (std::size_t block = 0; block < made.blocks; ++block) {
      ASSERT_EQ(codes[block * kEncodeLanes + lane], together[block * kEncodeLanes + lane]);
    }
  }
}

TEST_P(EncodePanelTest, CodesOf256WordsAreAtTheirOptimum) {
  Draw draw(8);
  bool beyond = false;
  for (const Shape& shape : {Shape{1, 4}, Shape{2, 2}, Shape{7, 3}, Shape{25, 4}}) {
    const Case made = Make(draw, shape.blocks, shape.width, 1.0, 256);
    for (const bool anisotropic : {false, true}) {
      std::vector<std::uint8_t> codes = anisotropic ? made.Anisotropic(kPlenty) : made.Plain();
      const auto loss = [&](std::size_t lane) {
        return anisotropic ? made.Loss(codes, lane) : made.PlainLoss(codes, lane);
      };
      for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
        const double least = loss(lane);
        for (std::size_t block = 0; block < shape.blocks; ++block) {
          const std::uint8_t code = codes[block * kEncodeLanes + lane];
          beyond |= code > 127;
          for (int other = 0; other < 256; ++other) {
            codes[block * kEncodeLanes + lane] = static_cast<std::uint8_t>(other);
            ASSERT_GE(loss(lane), least - made.Slack(lane)) << shape.blocks << " x " << shape.width;
          }
          codes[block * kEncodeLanes + lane] = code;
        }
      }
    }
  }
  EXPECT_TRUE(beyond);
}

TEST_P(EncodePanelTest, WordsThemselvesAreCodedExactly) {
  Draw draw(7);
  Case made = Make(draw, 12, 2);
  std::vector<std::uint8_t> wanted(made.blocks * kEncodeLanes);
  for (std::size_t block = 0; block < made.blocks; ++block) {
    for (std::size_t lane = 0; lane < kEncodeLanes; ++lane) {
      const auto code = static_cast<std::uint8_t>(draw.Below(16));
      wanted[block * kEncodeLanes + lane] = code;
      for (std::size_t i = 0; i < made.width; ++i) {
        made.residuals[(block * made.width + i) * kEncodeLanes + lane] = made.words[(block * 16 + code) * made.width + i];
      }
    }
  }
  EXPECT_EQ(made.Plain(), wanted);
  EXPECT_EQ(made.Anisotropic(8), wanted);
}

}  // namespace
}  // namespace leafscan
