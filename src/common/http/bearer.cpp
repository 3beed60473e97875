#include "common/http/bearer.hpp"

#include <string>

#include <boost/asio/ip/address.hpp>

namespace genesis::http {
namespace {

bool is_loopback(const std::string& host) {
  boost::system::error_code not_an_address;
  const auto address = boost::asio::ip::make_address(host, not_an_address);
  return not_an_address ? host == "localhost" : address.is_loopback();
}

}  // namespace

Result<Header> bearer(const Url& server, std::string_view token) {
  if (server.scheme == Scheme::kHttp && !is_loopback(server.host)) {
    return fail(Errc::kPermissionDenied,
                "token: not sent to " + server.authority() +
                    " over plain HTTP, where anyone on the way can read it; use https");
  }
  return Header{"Authorization", "Bearer " + std::string(token)};
}

}  // namespace genesis::http
