#include "common/http/url.hpp"

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using namespace genesis;
using http::parse_target;
using http::parse_url;
using http::Scheme;
using http::Url;

TEST_CASE("http: addresses of servers parse with their defaults", "[http]") {
  CHECK(*parse_url("https://agg.example.org") == Url{Scheme::kHttps, "agg.example.org", 443, ""});
  CHECK(*parse_url("http://127.0.0.1:8080/") == Url{Scheme::kHttp, "127.0.0.1", 8080, ""});
  CHECK(*parse_url("http://h") == Url{Scheme::kHttp, "h", 80, ""});
  CHECK(*parse_url("https://[::1]:8443/fed/a/") == Url{Scheme::kHttps, "::1", 8443, "/fed/a"});
  CHECK(*parse_url("https://[fe80::1%25eth0]") == Url{Scheme::kHttps, "fe80::1%25eth0", 443, ""});
}

TEST_CASE("http: an address prints as it was meant", "[http]") {
  CHECK(parse_url("https://[::1]:8443/fed")->str() == "https://[::1]:8443/fed");
  CHECK(parse_url("http://h")->authority() == "h:80");
}

TEST_CASE("http: a bad address says what is wrong with it", "[http]") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "must begin with https:// or http://"},
      {"localhost:8443", "must begin with https:// or http://"},
      {"ftp://h", "must begin with https:// or http://"},
      {"https://", "has no host"},
      {"https://:8443", "has no host"},
      {"https://h:", "the port must be a number"},
      {"https://h:0", "the port must be a number"},
      {"https://h:65536", "the port must be a number"},
      {"https://h:8443x", "the port must be a number"},
      {"https://h:-1", "the port must be a number"},
      {"https://::1", "in brackets"},
      {"https://[::1", "closing ']'"},
      {"https://[::1]x", "only a port may follow"},
      {"https://user:secret@h", "user name"},
      {"https://h/?a=1", "query"},
      {"https://h#x", "fragment"},
      {"https://h\r\nX: y", "character"},
      {"https://h/a b", "%XX"},
  };
  for (const auto& [text, why] : cases) {
    INFO(text);
    const auto url = parse_url(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().code == Errc::kInvalidArgument);
    CHECK_THAT(url.error().message, ContainsSubstring(why));
  }
  CHECK_FALSE(parse_url("https://" + std::string(3000, 'h')));
}

TEST_CASE("http: any bytes as an address give a URL that prints and parses again, or an error",
          "[http][property]") {
  REQUIRE(rc::check("parse_url", [](const std::string& tail) {
    const auto url = parse_url("https://" + tail);
    if (url) {
      RC_ASSERT(*parse_url(url->str()) == *url);
    }
  }));
}

TEST_CASE("http: a target splits into path and query", "[http]") {
  const auto target = parse_target("/v1/rounds/7%2Fx?wait=30&client=site+a&flag&x=%26&x=2&&=");
  REQUIRE(target);
  CHECK(target->path == "/v1/rounds/7/x");
  CHECK(target->query.at("wait") == "30");
  CHECK(target->query.at("client") == "site a");
  CHECK(target->query.at("flag").empty());
  CHECK(target->query.at("x") == "2");
  CHECK(parse_target("/a+b")->path == "/a+b");
}

TEST_CASE("http: bad targets are refused", "[http]") {
  for (const char* text : {"", "x", "*", "http://h/", "/%", "/%2", "/%zz", "/%00", "/?a=%0"}) {
    INFO(text);
    CHECK_FALSE(parse_target(text));
  }
}

TEST_CASE("http: what is escaped comes back from a target", "[http][property]") {
  REQUIRE(rc::check("escape and parse", [](std::string text) {
    std::erase(text, '\0');
    const std::string escaped = http::escape(text);
    const auto target = parse_target("/" + escaped + "?k=" + escaped);
    RC_ASSERT(target.has_value());
    RC_ASSERT(target->path == "/" + text);
    RC_ASSERT(target->query.at("k") == text);
  }));
}
