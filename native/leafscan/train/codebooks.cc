#include "leafscan/train/codebooks.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "leafscan/core/random.h"
#include "leafscan/core/thread_pool.h"
#include "leafscan/train/normal_equations.h"

namespace leafscan {
namespace {

// What the starts are drawn from, at least, and for each word.
constexpr std::size_t kStartPoints = 2048;
constexpr std::size_t kStartPointsAWord = 32;
constexpr std::size_t kPanelsPerChunk = 64;  // sums are taken over chunks of this size, whatever the threads
// Equations of all words are kept for each chunk: of many words, for fewer and larger ones.
constexpr std::size_t kWordsPerPanels = 64;
constexpr float kMaxWeight = 32.0f;

// One training run: the sample, its codes, and the codebooks as they stand.
class Trainer {
 public:
  Trainer(const PanelSet& sample, const CodebookOptions& options)
      : sample_(sample),
        options_(options),
        word_count_(options.words),
        words_(sample.blocks * options.words * sample.width, 0.0f),
        codes_(sample.panels() * sample.blocks * kEncodeLanes) {}

  AlignedVector<float> Run() {
    ParallelFor(sample_.blocks, options_.threads, [&](std::size_t block) { Start(block); });
    const int rounds = std::max(options_.iterations, 1);
    const int plain = sample_.anisotropic() ? (rounds + 1) / 2 : rounds;
    for (int round = 0; round < rounds; ++round) {
      StepMonitor step(options_.monitor, static_cast<std::size_t>(round), static_cast<std::size_t>(rounds));
      const bool anisotropic = round >= plain;
      EncodeAll(anisotropic, &step);
      if (anisotropic) {
        MoveAnisotropic();
      } else {
        ParallelFor(sample_.blocks, options_.threads, [&](std::size_t block) { MoveToMeans(block); });
      }
    }
    return std::move(words_);
  }

 private:
  CodebookView book() const { return {words_.data(), sample_.blocks, sample_.width, word_count_}; }
  float* word(std::size_t block, std::size_t code) {
    return words_.data() + (block * word_count_ + code) * sample_.width;
  }
  float residual(std::size_t point, std::size_t component) const {
    return sample_.residual_panel(point / kEncodeLanes)[component * kEncodeLanes + point % kEncodeLanes];
  }
  std::uint8_t* codes(std::size_t panel, std::size_t block) {
    return codes_.data() + (panel * sample_.blocks + block) * kEncodeLanes;
  }

  // k-means++ (Arthur and Vassilvitskii, 2007) on evenly spaced points of the sample.
  void Start(std::size_t block) {
    const std::size_t width = sample_.width;
    const std::size_t count = std::min(sample_.points, std::max(kStartPoints, kStartPointsAWord * word_count_));
    const std::size_t stride = sample_.points / count;
    Random random(options_.seed * 0x9E3779B97F4A7C15u + block);
    std::vector<double> distance(count, 0.0);
    std::size_t chosen = random.Below(count);
    for (std::size_t code = 0; code < word_count_; ++code) {
      for (std::size_t i = 0; i < width; ++i) word(block, code)[i] = residual(chosen * stride, block * width + i);
      double total = 0.0;
      for (std::size_t point = 0; point < count; ++point) {
        double square = 0.0;
        for (std::size_t i = 0; i < width; ++i) {
          const double error = residual(point * stride, block * width + i) - word(block, code)[i];
          square += error * error;
        }
        distance[point] = code == 0 ? square : std::min(distance[point], square);
        total += distance[point];
      }
      if (!(total > 0.0)) {
        chosen = random.Below(count);  // fewer distinct points than words
        continue;
      }
      double left = total * (static_cast<double>(random.Next() >> 11) * 0x1.0p-53);
      chosen = 0;
      while (chosen + 1 < count && left >= distance[chosen]) left -= distance[chosen++];
    }
  }

  void EncodeAll(bool anisotropic, Monitor* monitor) {
    const std::size_t chunks = (sample_.panels() + kPanelsPerChunk - 1) / kPanelsPerChunk;
    ParallelFor(
        chunks, options_.threads,
        [&](std::size_t chunk) {
          const std::size_t end = std::min(sample_.panels(), (chunk + 1) * kPanelsPerChunk);
          for (std::size_t p = chunk * kPanelsPerChunk; p < end; ++p) {
            EncodePanel(book(), sample_.residual_panel(p), anisotropic ? sample_.direction_panel(p) : nullptr,
                        anisotropic ? sample_.extra_panel(p) : nullptr, kMaxVisits, codes(p, 0));
          }
        },
        monitor);
  }

  void MoveToMeans(std::size_t block) {
    const std::size_t width = sample_.width;
    std::vector<double> sums(word_count_ * width, 0.0);
    std::vector<std::size_t> counts(word_count_, 0);
    for (std::size_t point = 0; point < sample_.points; ++point) {
      const std::uint8_t code = codes(point / kEncodeLanes, block)[point % kEncodeLanes];
      ++counts[code];
      for (std::size_t i = 0; i < width; ++i) sums[code * width + i] += residual(point, block * width + i);
    }
    for (std::size_t code = 0; code < word_count_; ++code) {
      if (counts[code] == 0) continue;
      for (std::size_t i = 0; i < width; ++i) {
        word(block, code)[i] = static_cast<float>(sums[code * width + i] / static_cast<double>(counts[code]));
      }
    }
  }

  // <e_b, u_b> of one point in one block.
  double Along(std::size_t panel, std::size_t lane, std::size_t block) {
    const std::size_t width = sample_.width;
    const float* r = sample_.residual_panel(panel) + block * width * kEncodeLanes + lane;
    const float* u = sample_.direction_panel(panel) + block * width * kEncodeLanes + lane;
    const float* w = word(block, codes(panel, block)[lane]);
    double sum = 0.0;
    for (std::size_t i = 0; i < width; ++i) sum += (r[i * kEncodeLanes] - w[i]) * u[i * kEncodeLanes];
    return sum;
  }

  // Solves each block's codewords in turn; `along_` keeps every point's total error along its direction meanwhile.
  void MoveAnisotropic() {
    const std::size_t width = sample_.width;
    const std::size_t panels_per_chunk = kPanelsPerChunk * std::max<std::size_t>(1, word_count_ / kWordsPerPanels);
    const std::size_t chunks = (sample_.panels() + panels_per_chunk - 1) / panels_per_chunk;
    along_.assign(sample_.panels() * kEncodeLanes, 0.0);
    const auto for_points = [&](const auto& body) {
      ParallelFor(chunks, options_.threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * panels_per_chunk * kEncodeLanes;
        const std::size_t end = std::min(sample_.points, first + panels_per_chunk * kEncodeLanes);
        for (std::size_t point = first; point < end; ++point) body(chunk, point);
      });
    };
    for_points([&](std::size_t, std::size_t point) {
      for (std::size_t block = 0; block < sample_.blocks; ++block) {
        along_[point] += Along(point / kEncodeLanes, point % kEncodeLanes, block);
      }
    });
    for (std::size_t block = 0; block < sample_.blocks; ++block) {
      std::vector<NormalEquations> parts(chunks * word_count_, NormalEquations(width));
      for_points([&](std::size_t chunk, std::size_t point) {
        const std::size_t panel = point / kEncodeLanes;
        const std::size_t lane = point % kEncodeLanes;
        const std::size_t at = block * width * kEncodeLanes + lane;
        const double own = Along(panel, lane, block);
        along_[point] -= own;
        parts[chunk * word_count_ + codes(panel, block)[lane]].Add(
            sample_.residual_panel(panel) + at, sample_.direction_panel(panel) + at, kEncodeLanes,
            sample_.extra_panel(panel)[lane], along_[point]);
      });
      for (std::size_t code = 0; code < word_count_; ++code) {
        NormalEquations whole(width);
        for (std::size_t chunk = 0; chunk < chunks; ++chunk) whole.Add(parts[chunk * word_count_ + code]);
        whole.Solve(word(block, code));
      }
      for_points([&](std::size_t, std::size_t point) {
        along_[point] += Along(point / kEncodeLanes, point % kEncodeLanes, block);
      });
    }
  }

  const PanelSet& sample_;
  const CodebookOptions& options_;
  std::size_t word_count_;
  AlignedVector<float> words_;
  std::vector<std::uint8_t> codes_;
  std::vector<double> along_;
};

}  // namespace

float AnisotropicWeight(double threshold, double norm, std::size_t dim) {
  if (!(threshold > 0.0)) return 1.0f;
  if (!(norm > threshold)) return kMaxWeight;
  const double t = threshold / norm * (threshold / norm);
  const double eta = static_cast<double>(dim - 1) * t / (1.0 - t);
  return static_cast<float>(std::clamp(eta, 1.0, static_cast<double>(kMaxWeight)));
}

AlignedVector<float> TrainCodebooks(const PanelSet& sample, const CodebookOptions& options) {
  return Trainer(sample, options).Run();
}

}  // namespace leafscan
