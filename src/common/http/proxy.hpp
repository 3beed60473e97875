#pragma once
// The HTTP proxy through which a client reaches a server, as the environment says it: HTTPS_PROXY
// and NO_PROXY, or the same in lower case, which wins. Through it goes a tunnel (CONNECT, RFC 9110
// section 9.3.6), so that TLS is still between client and server. Used by the programs of a
// training's sites; https:// alone.
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/http/url.hpp"

namespace genesis::http {

struct Proxy {
  Url url;                    // http://HOST:PORT
  std::string authorization;  // value of Proxy-Authorization, or ""
};

/// The value of a variable; nullopt where it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The proxy for `server`; nullopt where there is none. NO_PROXY is a list of hosts, each a name
/// that holds for what is below it too (example.org, .example.org), an address, a range of
/// addresses (10.0.0.0/8) or "*", with ":port" behind it or not. Errors: kInvalidArgument names the
/// variable and never quotes it, as it may hold a password.
[[nodiscard]] Result<std::optional<Proxy>> proxy_for(const Url& server,
                                                     const Environment& environment);

/// The same for `url` from this process's environment.
[[nodiscard]] Result<std::optional<Proxy>> proxy_for(std::string_view url);

}  // namespace genesis::http
