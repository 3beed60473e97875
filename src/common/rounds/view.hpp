#pragma once
// What a state says of its clients, in words for status and for reasons of failure.
#include <string>
#include <string_view>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/rounds/state.hpp"

namespace genesis::rounds {

struct ClientView {
  std::string_view state;  // see docs/protocol.md, StatusReport
  std::string reason;      // why it does not train, or its last failure; "" where all is well
};

/// `client` need not be a member: then it is "dropped".
[[nodiscard]] ClientView view(const State& state, const ClientId& client);

/// Those whom the open collection lacks, each with the reason, at most 10 by name:
/// "b (lost: silent for 30 s, …), c (training)".
[[nodiscard]] std::string who_is_missing(const State& state);

}  // namespace genesis::rounds
