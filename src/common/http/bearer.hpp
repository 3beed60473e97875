#pragma once
// The training's token on its way to a server: over TLS, or to this machine itself.
#include <string_view>

#include "common/base/error.hpp"
#include "common/http/message.hpp"
#include "common/http/url.hpp"

namespace genesis::http {

/// The header that carries `token`. Errors: kPermissionDenied where it would travel in the clear to
/// another host than "localhost" or a loopback address.
[[nodiscard]] Result<Header> bearer(const Url& server, std::string_view token);

}  // namespace genesis::http
