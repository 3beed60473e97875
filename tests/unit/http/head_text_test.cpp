#include "common/http/head_text.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::http;

namespace {

constexpr std::time_t kTime = 784111777;  // the example of RFC 9110, 5.6.7
const Url kUrl{Scheme::kHttps, "::1", 8443, "/fed"};

}  // namespace

TEST_CASE("http: a response's head says what follows and what becomes of the connection",
          "[http]") {
  Response response = json_response(201, "{}");
  response.headers.push_back({"ETag", "\"7\""});
  CHECK(response_head(response, After::kKeep, kTime) ==
        "HTTP/1.1 201 Created\r\n"
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "ETag: \"7\"\r\n"
        "Content-Type: application/json\r\n"
        "Content-Length: 2\r\n"
        "Connection: keep-alive\r\n\r\n");
}

TEST_CASE("http: a response without a body says so, or nothing where none may be", "[http]") {
  Response response;
  CHECK_THAT(response_head(response, After::kClose, kTime), ContainsSubstring("Content-Length: 0"));
  CHECK_THAT(response_head(response, After::kClose, kTime), ContainsSubstring("Connection: close"));
  for (const int status : {204, 304}) {
    response.status = status;
    CHECK_THAT(response_head(response, After::kKeep, kTime), !ContainsSubstring("Content-"));
    CHECK_FALSE(may_have_body(status));
  }
}

TEST_CASE("http: a line break in a header's value starts no other header", "[http]") {
  Response response;
  response.headers.push_back({"X-Client", "a\r\nSet-Cookie: b"});
  CHECK_THAT(response_head(response, After::kKeep, kTime),
             ContainsSubstring("X-Client: a  Set-Cookie: b\r\n"));
}

TEST_CASE("http: a request's head names host, length and whether it waits", "[http]") {
  ClientRequest request;
  request.method = "PUT";
  request.path = "/v1/update?round=7";
  request.body = "12345";
  request.headers.push_back({"Authorization", "Bearer t"});
  CHECK(request_head(request, kUrl, Continue::kExpected) ==
        "PUT /fed/v1/update?round=7 HTTP/1.1\r\n"
        "Host: [::1]:8443\r\n"
        "User-Agent: genesis\r\n"
        "Authorization: Bearer t\r\n"
        "Content-Length: 5\r\n"
        "Expect: 100-continue\r\n\r\n");
  request.method = "GET";
  request.body = {};
  CHECK_THAT(request_head(request, kUrl, Continue::kUnasked),
             !ContainsSubstring("Content-Length") && !ContainsSubstring("Expect"));
}
