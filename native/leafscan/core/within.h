// A number brought between two limits, whatever it is.
#pragma once

namespace leafscan {

// `value` between -limit and limit; limit where it is NaN, which std::clamp would let through, and a cast to an integer
// is not defined for. A file's centroids and codebooks are finite, but their products may overflow and make one.
template <class Float>
constexpr Float Within(Float value, Float limit) {
  const Float below = value < limit ? value : limit;
  return below > -limit ? below : -limit;
}

}  // namespace leafscan
