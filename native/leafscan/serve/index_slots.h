// Slots: numbers by which compiled programs name an index that may be replaced while they live. Publishing is one store,
// and a search goes on with what it began with.
#pragma once

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include "leafscan/serve/served_index.h"

namespace leafscan {

class IndexSlots {
 public:
  IndexSlots();

  // A number that no slot of this process had before, nor, but for a chance in 2^30, one of another process: so a stale
  // number is refused wherever it comes from.
  std::int64_t Open();
  // From now on searches of the slot are answered by this one. Throws std::invalid_argument for a slot that is not open.
  void Publish(std::int64_t slot, std::shared_ptr<const ServedIndex> index);
  void Close(std::int64_t slot);
  // Throws std::invalid_argument for a slot that is not open or serves nothing yet.
  std::shared_ptr<const ServedIndex> Take(std::int64_t slot) const;

 private:
  mutable std::shared_mutex mutex_;
  std::int64_t next_;
  std::unordered_map<std::int64_t, std::shared_ptr<const ServedIndex>> open_;
};

// The process' own.
IndexSlots& ProcessSlots();

}  // namespace leafscan
