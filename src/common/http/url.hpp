#pragma once
// Where a server is. RFC 3986, the part that a server address needs.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis::http {

enum class Scheme { kHttp, kHttps };

struct Url {
  Scheme scheme = Scheme::kHttps;
  std::string host;  // without brackets: "example.org", "192.0.2.7", "::1"
  std::uint16_t port = 443;
  std::string base_path;  // "" or "/prefix", without a slash at its end

  /// "host:port", with brackets round an IPv6 address.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] std::string str() const;
  bool operator==(const Url&) const = default;
};

/// https://host[:port][/prefix] or http://…; default ports 443 and 80. Errors: kInvalidArgument
/// quotes the text and says what is missing. User names, queries and fragments are refused.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

/// A request's target ("/a%20b?x=1"), split and decoded.
struct Target {
  std::string path;
  std::map<std::string, std::string, std::less<>> query;  // the last of equal names counts
};

/// Errors: kInvalidArgument for a target that does not start with '/', a bad escape or a NUL.
[[nodiscard]] Result<Target> parse_target(std::string_view text);

/// Undoes percent-encoding. Errors: kInvalidArgument for a bad escape or a NUL.
[[nodiscard]] Result<std::string> unescape(std::string_view text);

/// Percent-encodes all but RFC 3986's unreserved characters: for one path segment or query value.
std::string escape(std::string_view text);

}  // namespace genesis::http
