#include "leafscan/build/builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fixtures/draw.h"
#include "leafscan/hash/layout.h"

namespace leafscan {
namespace {

// Small, but with all that a build may have.
BuildOptions Options(Metric metric, std::size_t leaves, std::size_t width) {
  BuildOptions options;
  options.metric = metric;
  options.leaves = leaves;
  options.width = width;
  options.tree_sample = 700;
  options.code_sample = 500;
  options.tree_iterations = 4;
  options.code_iterations = 3;
  options.anisotropic_threshold = metric == Metric::kDotProduct ? 0.2 : 0.0;
  options.soar_lambda = leaves > 0 && width > 0 ? 1.5f : -1.0f;
  options.seed = 9;
  return options;
}

bool Same(const CodeSections& a, const CodeSections& b) {
  return a.codes == b.codes && a.terms == b.terms && a.live == b.live;
}

bool Same(const RowSections& a, const RowSections& b) {
  return a.float32 == b.float32 && a.bfloat16 == b.bfloat16 && a.int8 == b.int8 && a.scales == b.scales;
}

bool Same(const Sections& a, const Sections& b) {
  return a.order == b.order && Same(a.rows, b.rows) && Same(a.first_rows, b.first_rows) && a.center == b.center &&
         a.leaf_offsets == b.leaf_offsets && a.centroids == b.centroids &&
         a.leaf_scales == b.leaf_scales && a.leaf_biases == b.leaf_biases && a.codebooks == b.codebooks &&
         Same(a.primary, b.primary) && a.term_scale == b.term_scale && a.spill_offsets == b.spill_offsets &&
         a.spill_rows == b.spill_rows && Same(a.spill, b.spill);
}

constexpr Metric kMetrics[] = {Metric::kDotProduct, Metric::kSquaredL2};

TEST(BuilderTest, OneSeedGivesTheSameBytesWhateverTheThreads) {
  Draw draw(1);
  const Rows rows = ClusteredRows(draw, 1500, 13, 20, 0.4);
  for (const Metric metric : kMetrics) {
    for (const bool normalize : {false, true}) {
      BuildOptions options = Options(metric, 30, 2);
      const Sections one = Build({rows.view(), normalize}, options);
      for (const int threads : {1, 2, 3}) {
        options.threads = threads;
        EXPECT_TRUE(Same(Build({rows.view(), normalize}, options), one)) << threads;
      }
      options.seed = 10;
      EXPECT_FALSE(Same(Build({rows.view(), normalize}, options), one));
    }
  }
}

TEST(BuilderTest, SectionsHaveTheirSizesAndHoldEveryRowOnce) {
  Draw draw(2);
  for (const Metric metric : kMetrics) {
    for (const std::size_t count : {1, 2, 31, 32, 33, 900}) {
      for (const std::size_t leaves : {0, 1, 7, 40}) {
        for (const std::size_t width : {0, 1, 2, 5}) {
          if (leaves > count) continue;
          const std::size_t dim = 7;
          const Rows rows = NormalRows(draw, count, dim);
          const BuildOptions options = Options(metric, leaves, width);
          const Sections built = Build({rows.view(), false}, options);

          std::vector<std::uint32_t> order(built.order.begin(), built.order.end());
          for (std::size_t row = 0; row < count; ++row) {
            ASSERT_TRUE(std::equal(rows.row(order[row]), rows.row(order[row]) + dim, built.rows.float32.data() + row * dim));
          }
          std::sort(order.begin(), order.end());
          std::vector<std::uint32_t> all(count);
          std::iota(all.begin(), all.end(), 0u);
          ASSERT_EQ(order, all);

          ASSERT_EQ(built.leaf_offsets.size(), std::max<std::size_t>(leaves, 1) + 1);
          ASSERT_EQ(built.leaf_offsets.front(), 0u);
          ASSERT_EQ(built.leaf_offsets.back(), count);
          ASSERT_TRUE(std::is_sorted(built.leaf_offsets.begin(), built.leaf_offsets.end()));
          ASSERT_EQ(built.centroids.size(), leaves * dim);
          const bool measured = metric == Metric::kDotProduct && leaves > 0;
          ASSERT_EQ(built.leaf_scales.size(), measured ? leaves : 0);
          ASSERT_EQ(built.leaf_biases.size(), measured ? leaves : 0);

          const std::size_t blocks = width > 0 ? CeilDiv(dim, width) : 0;
          ASSERT_EQ(built.codebooks.size(), blocks * 16 * width);
          if (width == 0) {
            ASSERT_TRUE(built.primary.codes.empty());
            continue;
          }
          const auto check = [&](const CodeSections& codes, const AlignedVector<std::uint64_t>& offsets) {
            std::size_t group = 0;
            for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
              std::size_t left = offsets[leaf + 1] - offsets[leaf];
              for (; left > 0; ++group) {
                const std::size_t here = std::min<std::size_t>(left, kGroupPoints);
                ASSERT_EQ(codes.live.at(group), here == 32 ? ~0u : (1u << here) - 1);
                left -= here;
              }
            }
            ASSERT_EQ(codes.live.size(), group);
            ASSERT_EQ(codes.codes.size(), group * PaddedBlocks(blocks) * kBlockBytes);
            ASSERT_EQ(codes.terms.size(), metric == Metric::kSquaredL2 ? group * kGroupPoints : 0);
          };
          check(built.primary, built.leaf_offsets);
          if (leaves > 1) {
            ASSERT_EQ(built.spill_offsets.size(), leaves + 1);
            ASSERT_EQ(built.spill_offsets.back(), count);
            check(built.spill, built.spill_offsets);
            ASSERT_EQ(built.spill_rows.size(), built.spill.live.size() * kGroupPoints);
          } else {
            ASSERT_TRUE(built.spill_offsets.empty());
          }
        }
      }
    }
  }
}

TEST(BuilderTest, EveryRowIsListedOnceMoreInAnotherLeaf) {
  Draw draw(3);
  const Rows rows = NormalRows(draw, 1000, 6);
  const Sections built = Build({rows.view(), false}, Options(Metric::kSquaredL2, 25, 2));
  std::vector<int> listed(1000, 0);
  std::size_t group = 0;
  for (std::size_t leaf = 0; leaf < 25; ++leaf) {
    const std::size_t count = built.spill_offsets[leaf + 1] - built.spill_offsets[leaf];
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t row = built.spill_rows[group * kGroupPoints + i];
      ++listed.at(row);
      EXPECT_FALSE(row >= built.leaf_offsets[leaf] && row < built.leaf_offsets[leaf + 1]);
    }
    group += GroupsOf(count);
  }
  EXPECT_EQ(listed, std::vector<int>(1000, 1));
}

TEST(BuilderTest, WithoutRowsNoneAreKept) {
  Draw draw(4);
  const Rows rows = NormalRows(draw, 100, 4);
  BuildOptions options = Options(Metric::kDotProduct, 4, 2);
  options.keep_rows = false;
  EXPECT_TRUE(Build({rows.view(), false}, options).rows.float32.empty());
}

TEST(BuilderTest, NormalizedRowsAreKeptAsSuch) {
  Draw draw(5);
  const Rows rows = HardRows(draw, 200, 9);
  const Sections built = Build({rows.view(), true}, Options(Metric::kDotProduct, 10, 2));
  std::vector<float> unit(9);
  for (std::size_t row = 0; row < 200; ++row) {
    Normalize(rows.row(built.order[row]), 9, unit.data());
    ASSERT_TRUE(std::equal(unit.begin(), unit.end(), built.rows.float32.data() + row * 9));
  }
}

TEST(BuilderTest, HardRowsGiveFiniteNumbers) {
  Draw draw(6);
  for (const Metric metric : kMetrics) {
    for (const std::size_t dim : {1, 3, 17}) {
      const Rows rows = HardRows(draw, 600, dim);
      const Sections built = Build({rows.view(), false}, Options(metric, 20, 2));
      const auto finite = [](float value) { return std::isfinite(value); };
      EXPECT_TRUE(std::all_of(built.centroids.begin(), built.centroids.end(), finite));
      EXPECT_TRUE(std::all_of(built.codebooks.begin(), built.codebooks.end(), finite));
      EXPECT_TRUE(std::all_of(built.leaf_biases.begin(), built.leaf_biases.end(), finite));
      EXPECT_TRUE(std::isfinite(built.term_scale));
    }
  }
}

TEST(BuilderTest, ABadRowIsNamedBeforeAnyWork) {
  Draw draw(7);
  Rows rows = NormalRows(draw, 50, 3);
  rows.row(17)[2] = std::numeric_limits<float>::quiet_NaN();
  rows.row(40)[0] = std::numeric_limits<float>::infinity();
  try {
    Build({rows.view(), false}, Options(Metric::kDotProduct, 5, 2));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("row 17"), std::string::npos) << error.what();
  }
}

class Recorder final : public Monitor {
 public:
  void Stage(std::string_view name) override {
    stages.emplace_back(name);
    last = 0.0;
    if (stages.size() == stop_in) throw std::runtime_error("stopped");
  }
  void Tick(std::size_t done, std::size_t total) override {
    EXPECT_LE(done, total) << stages.back();
    EXPECT_FALSE(stages.empty());
    last = static_cast<double>(done) / static_cast<double>(total);
  }

  std::vector<std::string> stages;
  std::size_t stop_in = 0;
  double last = 0.0;
};

TEST(BuilderTest, TheMonitorHearsOfEachStageAndMayStopInAny) {
  Draw draw(8);
  const Rows rows = NormalRows(draw, 1200, 5);
  Recorder all;
  BuildOptions options = Options(Metric::kDotProduct, 12, 2);
  options.monitor = &all;
  Build({rows.view(), false}, options);
  EXPECT_GE(all.stages.size(), 4u);
  for (std::size_t stage = 1; stage <= all.stages.size(); ++stage) {
    Recorder some;
    some.stop_in = stage;
    options.monitor = &some;
    EXPECT_THROW(Build({rows.view(), false}, options), std::runtime_error) << all.stages[stage - 1];
  }
}

}  // namespace
}  // namespace leafscan
