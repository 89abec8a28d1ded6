// What a search keeps from query to query; a thread has its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "leafscan/core/aligned_vector.h"
#include "leafscan/core/score_key.h"
#include "leafscan/core/select_best.h"
#include "leafscan/core/top_keys.h"
#include "leafscan/reorder/row_table.h"
#include "leafscan/search/denied_rows.h"
#include "leafscan/search/leaf_scan.h"
#include "leafscan/search/query_lists.h"
#include "leafscan/search/search_trace.h"
#include "leafscan/search/searcher.h"
#include "leafscan/simd/group_scan.h"
#include "leafscan/tree/router.h"

namespace leafscan {

struct Searcher::Workspace {
  AlignedVector<float> centered;
  AlignedVector<float> projected;
  Router::Scratch route;
  LeafScan scan;
  TopKeys best;
  TableQuery table_query;
  AlignedVector<std::uint32_t> rows;
  AlignedVector<float> scores;
  AlignedVector<std::uint64_t> keys;
  SearchTrace* trace = nullptr;  // of the search that is going on; null where nothing is traced

  // With lists alone.
  QuerySelection selection;
  std::vector<DeniedRows> denied;  // of the queries of a batch
  std::size_t left_out = 0;        // denied rows that a search came by
  AlignedVector<std::uint64_t> left;

  // Puts a key among the best, unless its row is denied.
  void Push(std::uint64_t key, const DeniedRows* not_for_it) {
    if (not_for_it != nullptr) {
      if (key < best.least()) return;
      if (not_for_it->Contains(KeyRow(key))) {
        ++left_out;
        return;
      }
    }
    best.Push(key);
  }

  // The best `wanted` of the survivors that are not denied, in no order.
  std::span<const std::uint64_t> Undenied(std::span<const std::uint64_t> survivors, const DeniedRows& not_for_it,
                                          std::size_t wanted) {
    left.resize(survivors.size());
    std::size_t kept = 0;
    for (const std::uint64_t key : survivors) {
      left[kept] = key;
      kept += static_cast<std::size_t>(!not_for_it.Contains(SurvivorRow(key)));
    }
    left_out += survivors.size() - kept;
    const std::span<std::uint64_t> all(left.data(), kept);
    if (kept > wanted && wanted > 0) SelectBest(all, wanted);
    return all.first(std::min(kept, wanted));
  }

  // The denied rows of queries `first` and so on, of lists that deny few rows and no more; none where there are no lists.
  std::span<const DeniedRows> ReadDenied(const QueryLists* lists, std::size_t first, std::size_t queries,
                                         const Snapshot& snapshot) {
    left_out = 0;
    if (lists == nullptr) return {};
    if (denied.size() < queries) denied.resize(queries);
    for (std::size_t i = 0; i < queries; ++i) {
      denied[i].Read(lists->Denied(first + i), snapshot.row_end, !snapshot.lists_rows_once());
    }
    return {denied.data(), queries};
  }
};

}  // namespace leafscan
