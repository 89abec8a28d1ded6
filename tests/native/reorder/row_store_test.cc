#include "leafscan/reorder/row_store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "fixtures/draw.h"
#include "fixtures/each_instruction_set.h"
#include "leafscan/reorder/row_encoder.h"

namespace leafscan {
namespace {

class RowStoreTest : public EachInstructionSet {};
LEAFSCAN_ON_EACH_INSTRUCTION_SET(RowStoreTest);

constexpr std::size_t kCount = 60;

// The same rows, kept in each way.
struct Kept {
  Kept(Draw& draw, std::size_t dim) : rows(NormalRows(draw, kCount, dim)) {
    const RowSource source{rows.view(), false};
    std::vector<std::uint32_t> order(kCount);
    std::iota(order.begin(), order.end(), 0u);
    bfloat16 = EncodeBFloat16(source, order, {});
    scales = MeasureScales(source, 1, nullptr);
    int8 = EncodeInt8(source, order, scales, {});
  }
  std::vector<RowStore> stores() const {
    return {RowStore(rows.data.data(), kCount, rows.dim), RowStore(bfloat16.data(), kCount, rows.dim),
            RowStore(int8.data(), scales.data(), kCount, rows.dim)};
  }

  Rows rows;
  AlignedVector<std::uint16_t> bfloat16;
  AlignedVector<std::int8_t> int8;
  AlignedVector<float> scales;
};

TEST_P(RowStoreTest, ScoresOfTheThreeWaysOfAskingAreOne) {
  Draw draw(1);
  for (const std::size_t dim : kOddDimensions) {
    const Kept kept(draw, dim);
    const std::vector<float> asked = draw.Normals(dim);
    for (const RowStore& store : kept.stores()) {
      for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
        RowQuery query;
        query.Prepare(store, metric, asked.data());
        std::vector<float> range(kCount - 3);
        store.ScoreRange(query, 3, range.size(), range.data());
        const std::vector<std::uint32_t> which{59, 3, 3, 20};
        std::vector<float> listed(which.size());
        store.ScoreListed(query, which, listed.data());
        for (std::size_t i = 0; i < range.size(); ++i) ASSERT_EQ(range[i], store.Score(query, 3 + i));
        for (std::size_t i = 0; i < which.size(); ++i) ASSERT_EQ(listed[i], store.Score(query, which[i]));
      }
    }
  }
}

TEST_P(RowStoreTest, ScoresAreThoseOfTheRowsAsFloats) {
  Draw draw(2);
  for (const std::size_t dim : kOddDimensions) {
    const Kept kept(draw, dim);
    const std::vector<float> asked = draw.Normals(dim);
    for (const RowStore& store : kept.stores()) {
      std::vector<float> room(kCount * dim);
      const float* floats = store.Floats(0, kCount, room.data());
      for (const Metric metric : {Metric::kDotProduct, Metric::kSquaredL2}) {
        RowQuery query;
        query.Prepare(store, metric, asked.data());
        for (std::size_t r = 0; r < kCount; ++r) {
          double wanted = 0.0;
          double magnitude = 0.0;
          for (std::size_t i = 0; i < dim; ++i) {
            const double q = asked[i];
            const double x = floats[r * dim + i];
            const double term = metric == Metric::kDotProduct ? q * x : -(q - x) * (q - x);
            wanted += term;
            magnitude += std::abs(term);
          }
          ASSERT_NEAR(store.Score(query, r), wanted, 1e-5 * magnitude + 1e-12) << dim;
        }
      }
    }
  }
}

TEST_P(RowStoreTest, RowsComeOutAsTheyWentIn) {
  Draw draw(3);
  const Kept kept(draw, 33);
  const std::vector<RowStore> stores = kept.stores();
  const double worst[] = {0.0, 1.0 / 256, 0.05};
  std::vector<float> room(5 * 33);
  for (std::size_t s = 0; s < stores.size(); ++s) {
    EXPECT_EQ(stores[s].rows(), kCount);
    EXPECT_EQ(stores[s].cols(), 33u);
    const float* floats = stores[s].Floats(50, 5, room.data());
    for (std::size_t i = 0; i < room.size(); ++i) {
      const float x = kept.rows.row(50)[i];
      const double most = stores[s].type() == RowType::kInt8 ? worst[s] : worst[s] * std::abs(x);
      ASSERT_NEAR(floats[i], x, most);
    }
  }
  EXPECT_TRUE(RowStore().empty());
}

}  // namespace
}  // namespace leafscan
