#pragma once
// Parts of a body for clients whose link was cut: RFC 9110, 13.1.5 (If-Range) and 14. Pure.
#include <string_view>

#include "common/http/message.hpp"

namespace genesis::http {

/// The answer to a GET of what `whole` (a 200 with the body that `etag` names) holds: all of it, or
/// with 206 the one part that Range asks for, where If-Range is absent or names the same etag; 416
/// where the part begins after the end. Several ranges, or a Range that does not parse, get all of
/// it, as the RFC allows. `etag` without quotes.
[[nodiscard]] Response part_of(const Request& request, Response whole, std::string_view etag);

}  // namespace genesis::http
