// Centroids that predict the products that matter (ScaNN's AVQ for partitions).
#pragma once

#include <cstdint>
#include <span>

#include "leafscan/core/monitor.h"
#include "leafscan/core/row_source.h"

namespace leafscan {

// For each leaf the c that minimises the sum over its rows x, u = x / |x|, of
//   |x|^(eta - 1) (|x - c|^2 + (eta - 1) <x - c, u>^2):
// errors along a row weigh eta >= 1 times those across it, for queries that ask for the row point its way; and long rows
// weigh more than short ones, for they are asked for more often (Guo et al., "Accelerating Large-Scale Inference with
// Anisotropic Vector Quantization", ICML 2020; the weight of a row's length is that of ScaNN's `avq`). For eta = 1 it is the mean.
//
// Leaf l holds the rows order[offsets[l]] ... order[offsets[l + 1]]; `centroids` come in as the means, which leaves without
// rows, or with rows of zeros alone, keep. The source has no center. The result does not depend on the threads.
//
// The system of a leaf, (W I + (eta - 1) sum w u u^T) c = eta sum w x, has a condition number of at most eta: conjugate
// gradients solve it to the precision of float in some ten steps of two multiply-adds a row and dimension, where a Cholesky
// factor would cost d of them to set up, and d^3 / 6 more.
void RefitCentroids(const RowSource& source, std::span<const std::uint64_t> offsets,
                    std::span<const std::uint32_t> order, double eta, int threads, Monitor* monitor,
                    std::span<float> centroids);

}  // namespace leafscan
