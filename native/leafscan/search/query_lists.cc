#include "leafscan/search/query_lists.h"

#include <algorithm>
#include <cmath>

namespace leafscan {
namespace {

// Denied rows are few up to this share of all.
constexpr std::size_t kFewShare = 64;

// Nanoseconds on one core, as in filter/filter.cc: compiling goes over each listing of a row, scoring over cache lines.
constexpr double kCompiled = 1.5;
constexpr double kLine = 10.0;
constexpr double kLineBytes = 64.0;

bool Few(std::size_t rows, std::size_t count) { return rows <= count / kFewShare; }

bool CheaperScored(std::size_t rows, const Snapshot& snapshot) {
  const double lines = std::ceil(static_cast<double>(snapshot.arrays.dim) * sizeof(float) / kLineBytes) + 1.0;
  const double listings = static_cast<double>(snapshot.arrays.count) * (snapshot.has_spill() ? 2.0 : 1.0);
  return static_cast<double>(rows) * lines * kLine <= listings * kCompiled;
}

// Calls use(row) for each row that is named, a row of a list as often as it is there.
template <class Use>
void ForNamed(const QueryRows& named, std::span<const std::uint32_t> by_place, std::size_t query, std::size_t count,
              const Use& use) {
  if (named.lists) {
    for (std::size_t i = 0; i < named.lists->cols; ++i) {
      const std::uint32_t row = named.lists->row(query)[i];
      if (row < count) use(row);
    }
  }
  if (named.masks) {
    for (std::size_t place = 0; place < named.masks->cols; ++place) {
      if (named.masks->row(query)[place] != 0) use(by_place[place]);
    }
  }
}

std::size_t Named(const QueryRows& named, std::span<const std::uint32_t> by_place, std::size_t query,
                  std::size_t count) {
  std::size_t rows = 0;
  ForNamed(named, by_place, query, count, [&](std::uint32_t) { ++rows; });
  return rows;
}

}  // namespace

bool QueryLists::OnlyFewDenied(std::size_t count) const {
  return !allow.given() && !deny.masks && deny.lists && Few(deny.lists->cols, count);
}

QuerySelection::Way QuerySelection::Select(const QueryLists& lists, std::size_t query, const Filter* filter,
                                           const Snapshot& snapshot) {
  const std::size_t count = snapshot.row_end;
  const bool few_denied = Few(Named(lists.deny, lists.rows, query, count), count);
  if (few_denied && lists.deny.lists && !lists.deny.masks) {
    denied_.Read(lists.Denied(query), count, lists.allow.given() || !snapshot.lists_rows_once());
  } else if (few_denied) {
    named_.clear();
    ForNamed(lists.deny, lists.rows, query, count, [&](std::uint32_t row) { named_.push_back(row); });
    denied_.Read(named_, count, lists.allow.given() || !snapshot.lists_rows_once());
  }
  if (!lists.allow.given() && few_denied) return Way::kDenied;

  if (lists.allow.given()) {
    const std::size_t allowed = Named(lists.allow, lists.rows, query, count);
    if (few_denied && (allowed == 0 || (snapshot.has_rows() && CheaperScored(allowed, snapshot)))) {
      rows_.clear();
      seen_.Reset(allowed);
      ForNamed(lists.allow, lists.rows, query, count, [&](std::uint32_t row) {
        if ((filter != nullptr && !filter->Allows(row)) || denied_.Contains(row) || !seen_.Insert(row)) return;
        rows_.push_back(row);
      });
      return Way::kListed;
    }
    allowed_.assign(count, 0);
    ForNamed(lists.allow, lists.rows, query, count, [&](std::uint32_t row) { allowed_[row] = 1; });
  } else {
    allowed_.assign(count, 1);
  }
  ForNamed(lists.deny, lists.rows, query, count, [&](std::uint32_t row) { allowed_[row] = 0; });
  if (filter != nullptr) {
    for (std::size_t row = 0; row < count; ++row) allowed_[row] &= static_cast<std::uint8_t>(filter->Allows(row));
  }
  return Way::kCompiled;
}

void QuerySelection::AllowAllBut(const DeniedRows& denied, const Filter* filter, std::size_t count) {
  allowed_.assign(count, 1);
  if (filter != nullptr) {
    for (std::size_t row = 0; row < count; ++row) allowed_[row] = static_cast<std::uint8_t>(filter->Allows(row));
  }
  for (const std::uint32_t row : denied.sorted()) allowed_[row] = 0;
}

}  // namespace leafscan
