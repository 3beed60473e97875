#pragma once
// genesis fetch: brings the files of a finished training out of its claim in a cluster, through a
// pod; and genesis federated volume, which runs in that pod.

namespace genesis::cli {

/// `argv` begins with "fetch". The exit code.
int federated_fetch(int argc, char** argv);

/// `argv` begins with "volume". The exit code.
int federated_volume(int argc, char** argv);

}  // namespace genesis::cli
