#pragma once
// What went wrong between client and server, in words that a person can act on. Private to this
// folder.
#include <string>

#include <boost/system/error_code.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"

namespace genesis::http {

enum class Step { kResolve, kConnect, kTunnel, kHandshake, kWrite, kRead };

struct Failure {
  Step step = Step::kConnect;
  boost::system::error_code error;
  std::string authority;       // "host:port"
  std::string proxy;           // "host:port" of the proxy on the way, or ""
  unsigned proxy_status = 0;   // with which it has refused the tunnel
  std::string verify_failure;  // why the server's certificate did not pass, or ""
  Milliseconds deadline{0};    // 0: the request's
  std::uint64_t max_body = 0;
};

Error describe(const Failure& failure);

}  // namespace genesis::http
