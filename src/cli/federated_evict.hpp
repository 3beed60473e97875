#pragma once
// genesis federated evict: the server refuses a client's certificates from now on.

namespace genesis::cli {

/// `argv` begins with "evict". The exit code.
int federated_evict(int argc, char** argv);

}  // namespace genesis::cli
