#pragma once
// A page that follows one training in a browser: rounds, clients, losses as curves, bytes, time
// left, warnings. One self-contained file, which asks who served it for numbers once a second and
// nobody else. The aggregator serves it to who may read its status, and the command line on
// 127.0.0.1.
#include <string>

#include "common/http/message.hpp"
#include "common/status_page/round_history.hpp"

namespace genesis::status_page {

/// The page, whose policy lets nothing run and nothing load but what is in it. `nonce`, new in each
/// answer or secret, marks its own script and style. Its numbers come from "rounds" beside it.
[[nodiscard]] http::Response page(const std::string& nonce);

/// Those numbers: {status, rounds}. `status` is a StatusReport as JSON, or "" where there is none
/// yet.
[[nodiscard]] http::Response numbers(const std::string& status, const RoundHistory& history);

}  // namespace genesis::status_page
