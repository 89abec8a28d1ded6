// The rows of an index in their order, in what they are kept in.
#pragma once

#include <cstdint>
#include <span>

#include "leafscan/build/sections.h"
#include "leafscan/core/row_source.h"
#include "leafscan/reorder/row_encoder.h"
#include "leafscan/reorder/row_store.h"

namespace leafscan {

// The rows order[0], order[1], ... of the source, whose rows are finite; for int8 with the scales of its dimensions.
RowSections KeepRows(const RowSource& source, std::span<const std::uint32_t> order, RowType type,
                     const RowEncoding& encoding);

}  // namespace leafscan
