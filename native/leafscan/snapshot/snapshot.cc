#include "leafscan/snapshot/snapshot.h"

#include <atomic>

namespace leafscan {
namespace {

std::uint64_t NextVersion() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

Snapshot::Snapshot(std::shared_ptr<const Base> of)
    : base(std::move(of)),
      arrays(base->arrays),
      router(base->router),
      codebooks(base->codebooks),
      version(NextVersion()) {}

std::shared_ptr<const Snapshot> OpenSnapshot(const IndexArrays& arrays) {
  auto snapshot = std::make_shared<Snapshot>(OpenBase(arrays));
  snapshot->count = arrays.count;
  snapshot->row_end = arrays.count;
  snapshot->live = LiveRows(arrays.count);
  snapshot->leaves = snapshot->base->leaves;
  snapshot->leaf_versions.assign(snapshot->leaves.size(), snapshot->version);
  snapshot->rows = RowTable(arrays.rows);
  snapshot->first_rows = RowTable(arrays.first_rows);
  return snapshot;
}

}  // namespace leafscan
