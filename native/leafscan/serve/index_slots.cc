#include "leafscan/serve/index_slots.h"

#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

namespace leafscan {
namespace {

[[noreturn]] void Refuse(std::int64_t slot) {
  throw std::invalid_argument("slot " + std::to_string(slot) +
                              " is not open: its index or layer is gone, or belongs to another process.");
}

}  // namespace

IndexSlots::IndexSlots() : next_((static_cast<std::int64_t>(std::random_device{}() & 0x3FFFFFFFu) << 32) + 1) {}

std::int64_t IndexSlots::Open() {
  const std::unique_lock lock(mutex_);
  open_.emplace(next_, nullptr);
  return next_++;
}

void IndexSlots::Publish(std::int64_t slot, std::shared_ptr<const ServedIndex> index) {
  const std::unique_lock lock(mutex_);
  const auto found = open_.find(slot);
  if (found == open_.end()) Refuse(slot);
  // What was there is let go of outside the lock, by `index`.
  std::swap(found->second, index);
}

void IndexSlots::Close(std::int64_t slot) {
  std::shared_ptr<const ServedIndex> last;
  const std::unique_lock lock(mutex_);
  const auto found = open_.find(slot);
  if (found == open_.end()) return;
  last = std::move(found->second);
  open_.erase(found);
}

std::shared_ptr<const ServedIndex> IndexSlots::Take(std::int64_t slot) const {
  const std::shared_lock lock(mutex_);
  const auto found = open_.find(slot);
  if (found == open_.end()) Refuse(slot);
  if (found->second == nullptr) {
    throw std::invalid_argument("slot " + std::to_string(slot) + " serves no index yet; publish one first.");
  }
  return found->second;
}

IndexSlots& ProcessSlots() {
  // Never destroyed: threads that Python does not know may ask until the very end.
  static IndexSlots* const slots = std::make_unique<IndexSlots>().release();
  return *slots;
}

}  // namespace leafscan
