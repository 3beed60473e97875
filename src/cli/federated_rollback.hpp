#pragma once

namespace genesis::cli {

/// `genesis federated rollback`: asks a server to go on after an earlier round. Returns the exit
/// code.
int federated_rollback(int argc, char** argv);

}  // namespace genesis::cli
