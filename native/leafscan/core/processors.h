// How many threads are worth having.
#pragma once

namespace leafscan {

// The processors that this process may use: its affinity, and under Linux the quota of its control group, rounded up;
// at least 1.
int AvailableThreads();

}  // namespace leafscan
