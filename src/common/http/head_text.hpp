#pragma once
// The header section of what we send, as text. Pure. Private to this folder.
#include <ctime>
#include <string>

#include "common/http/client.hpp"
#include "common/http/message.hpp"
#include "common/http/url.hpp"

namespace genesis::http {

enum class After { kKeep, kClose };  // what becomes of the connection

enum class Length { kKnown, kUnknown };  // of a body that is not sent

/// Status line, Date, the response's headers, Content-Type where there is a body, Content-Length
/// (where it is known, but for 204 and 304), Connection, and the empty line.
std::string response_head(const Response& response,
                          After after,
                          std::time_t now,
                          Length length = Length::kKnown);

enum class Continue { kUnasked, kExpected };

/// Request line, Host, the request's headers, Content-Length, Expect where asked, and the empty
/// line.
std::string request_head(const ClientRequest& request, const Url& url, Continue go_ahead);

/// Whether a body goes with `status`.
bool may_have_body(int status);

}  // namespace genesis::http
