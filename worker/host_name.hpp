#pragma once
#include <string>

namespace genesis::worker {

/// The name of this host up to its first point, as a client id that leaves room for a number; ""
/// where it has no letter or digit.
[[nodiscard]] std::string id_of_host();

/// `host` as such an id.
[[nodiscard]] std::string client_id_of(const std::string& host);

}  // namespace genesis::worker
