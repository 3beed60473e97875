#pragma once
// What the clients of a status have told of their training, as one. Pure.
#include "common/wire/messages.hpp"

namespace genesis::wire {

/// Over the clients that have told, by rows, as the server's metrics have it.
[[nodiscard]] rounds::Telemetry mean_telemetry(const StatusReport& report);

/// What a method calls a loss: the names that end in "_loss", without it.
[[nodiscard]] rounds::Telemetry losses_of(const rounds::Telemetry& telemetry);

}  // namespace genesis::wire
