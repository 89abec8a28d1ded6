// A read-only, row-major matrix that somebody else owns.
#pragma once

#include <cstddef>
#include <span>

namespace leafscan {

template <class T>
struct MatrixView {
  const T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;

  const T* row(std::size_t index) const { return data + index * cols; }
  std::span<const T> span() const { return {data, rows * cols}; }
};

}  // namespace leafscan
