#pragma once
// From a parsed header to a Request: the checks that Beast leaves to its user. Private to this
// folder.
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include "common/base/error.hpp"
#include "common/http/message.hpp"

namespace genesis::http {

/// Errors: kInvalidArgument, for a 400: no Host in HTTP/1.1, a bad target, a transfer coding other
/// than chunked, an HTTP version other than 1.0 and 1.1.
[[nodiscard]] Result<Request> to_request(const boost::beast::http::request_header<>& head);

}  // namespace genesis::http
