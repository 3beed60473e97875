#pragma once
// How our programs end when they fail, for whoever starts them: a shell, systemd, the kubelet.
// `genesis federated status` is apart: its exit code is the state of the training.
#include "common/base/error.hpp"

namespace genesis {

inline constexpr int kExitFailure = 1;         // starting it again may help
inline constexpr int kExitUsageError = 2;      // wrong or missing flags
inline constexpr int kExitUnavailable = 4;     // the server could not be reached: start it again
inline constexpr int kExitPermanentError = 3;  // do not retry: input or configuration is wrong

[[nodiscard]] inline int exit_code_of(Errc code) {
  return is_permanent(code) ? kExitPermanentError : kExitFailure;
}

}  // namespace genesis
