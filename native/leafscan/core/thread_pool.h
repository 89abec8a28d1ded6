// One pool of threads for the process. Work is a range of chunks; the caller works along, so a pool without threads
// (a machine of one core, a child just forked) still makes progress.
#pragma once

#include <cstddef>
#include <functional>

#include "leafscan/core/monitor.h"

namespace leafscan {

// Runs body(chunk) for every chunk in [0, chunks) on at most `threads` threads, the caller's included, and returns
// when all are done. Which thread runs which chunk is not defined, so a body may write only what belongs to its
// chunk. The first exception (a body's or the monitor's) stops the chunks not yet begun and is thrown here.
void ParallelFor(std::size_t chunks, int threads, const std::function<void(std::size_t)>& body,
                 Monitor* monitor = nullptr);

}  // namespace leafscan
