#pragma once
// genesis federated bundle: the one file that a site joins a training with.

namespace genesis::cli {

/// `argv` begins with "bundle". The exit code.
int federated_bundle(int argc, char** argv);

}  // namespace genesis::cli
