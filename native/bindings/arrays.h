// Arrays across the border: in without a copy, out by handing over.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace leafscan {

template <class T>
using InArray = nanobind::ndarray<const T, nanobind::c_contig, nanobind::device::cpu>;

// Of any type of number.
using InAnyArray = nanobind::ndarray<nanobind::ro, nanobind::c_contig, nanobind::device::cpu>;

template <class T>
using OutArray = nanobind::ndarray<nanobind::numpy, T>;

// Hands a vector's memory to NumPy, which frees it with the array.
template <class Vector>
nanobind::object ToNumPy(Vector&& vector, std::initializer_list<std::size_t> shape) {
  using Owned = std::remove_reference_t<Vector>;
  auto owned = std::make_unique<Owned>(std::move(vector));
  auto* data = owned->data();
  const nanobind::capsule owner(owned.get(), [](void* pointer) noexcept {
    const std::unique_ptr<Owned> freed(static_cast<Owned*>(pointer));
  });
  owned.release();
  return nanobind::cast(OutArray<typename Owned::value_type>(data, shape, owner));
}

// One array of a mapping, by name; without data where the mapping has no such name.
template <class T>
InArray<T> Take(const nanobind::handle& sections, const char* name) {
  const nanobind::object found = sections.attr("get")(name);
  if (found.is_none()) return {};
  return nanobind::cast<InArray<T>>(found);
}

inline InAnyArray TakeAny(const nanobind::handle& sections, const char* name) {
  const nanobind::object found = sections.attr("get")(name);
  if (found.is_none()) return {};
  return nanobind::cast<InAnyArray>(found);
}

}  // namespace leafscan
