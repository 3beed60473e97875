#pragma once
// `genesis federated status`: how a training stands, read from its server.
#include <chrono>

namespace genesis::cli {

/// Exit code of a training that is neither complete nor failed. `status` tells how a training
/// stands: its 3 is not kExitPermanentError.
inline constexpr int kStillRunning = 3;
/// Between two questions of --watch; at most, near the end of a training.
inline constexpr std::chrono::seconds kWatchInterval{1};

/// Exit code: 0 complete, 1 failed or not reachable, 2 wrong use, 3 still running.
[[nodiscard]] int federated_status(int argc, char** argv);

}  // namespace genesis::cli
