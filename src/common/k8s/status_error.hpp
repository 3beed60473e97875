#pragma once
// The API server's Status objects as Errors. Pure. Private to this folder.
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/http/message.hpp"
#include "common/k8s/json.hpp"

namespace genesis::k8s {

/// The error of a Status (metav1), whose reason tells more than its code.
Error error_of_status(const Json& status);

/// The error of an answer of 300 and above, whether its body is a Status or not.
Error error_of_answer(const http::ClientResponse& answer);

/// How long the server asks to wait before the same request is sent again; nullopt where it does
/// not say that the request may be.
std::optional<Milliseconds> retry_after(const http::ClientResponse& answer);

}  // namespace genesis::k8s
