#pragma once
// `genesis federated status`: how a training stands, read from its server.

namespace genesis::cli {

/// Exit code: 0 complete, 1 failed or not reachable, 2 wrong use, 3 still running.
[[nodiscard]] int federated_status(int argc, char** argv);

}  // namespace genesis::cli
