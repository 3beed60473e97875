#include "common/http/bearer.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::http;

TEST_CASE("http: a token travels over TLS, or to this machine", "[http]") {
  for (const char* url : {"https://example.org",
                          "https://192.0.2.7:8443",
                          "http://127.0.0.1:80",
                          "http://127.9.9.9",
                          "http://[::1]:8080",
                          "http://localhost"}) {
    CAPTURE(url);
    const auto header = bearer(*parse_url(url), "secret");
    REQUIRE(header);
    CHECK(header->value == "Bearer secret");
  }
}

TEST_CASE("http: a token does not travel in the clear", "[http]") {
  for (const char* url : {"http://example.org",
                          "http://192.0.2.7",
                          "http://0.0.0.0:80",
                          "http://localhost.example.org",
                          "http://[2001:db8::1]"}) {
    CAPTURE(url);
    const auto header = bearer(*parse_url(url), "secret");
    REQUIRE_FALSE(header);
    CHECK(header.error().code == Errc::kPermissionDenied);
    CHECK(header.error().message.find("secret") == std::string::npos);
    CHECK_THAT(header.error().message, ContainsSubstring("over plain HTTP"));
  }
}
