#include "common/http/message.hpp"

#include <boost/beast/http/message.hpp>

#include "common/http/request_head.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::http;

namespace {

boost::beast::http::request_header<> a_head() {
  boost::beast::http::request_header<> head;
  head.version(11);
  head.method(boost::beast::http::verb::get);
  head.target("/v1/run?wait=5");
  head.set(boost::beast::http::field::host, "localhost");
  return head;
}

}  // namespace

TEST_CASE("http: header names are found in any case", "[http]") {
  const Headers headers{{"Content-Type", "text/csv"}, {"X-Run", "7"}, {"x-run", "8"}};
  CHECK(find_header(headers, "content-type") == "text/csv");
  CHECK(find_header(headers, "X-RUN") == "7");
  CHECK(find_header(headers, "X-Ru").empty());
}

TEST_CASE("http: the bearer token is what follows its scheme", "[http]") {
  const auto token = [](const char* value) {
    Request request;
    request.headers.push_back({"Authorization", value});
    return request.bearer_token().has_value() ? std::string(*request.bearer_token()) : "(none)";
  };
  CHECK(token("Bearer abc.def") == "abc.def");
  CHECK(token("bearer  abc") == "abc");
  CHECK(token("Bearer ") == "(none)");
  CHECK(token("Bearer   ") == "(none)");
  CHECK(token("Basic abc") == "(none)");
  CHECK(token("Bearerabc") == "(none)");
  CHECK_FALSE(Request().bearer_token());
}

TEST_CASE("http: an error survives the way through a response", "[http]") {
  for (const Errc code : kErrcs) {
    const Response sent = error_response(Error{code, "column \"age\": kind differs"});
    const Error error = error_of(ClientResponse{sent.status, {}, *sent.body});
    CHECK(error.code == code);
    CHECK(error.message == "column \"age\": kind differs");
    CHECK(is_retryable(errc_of(sent.status)) == is_retryable(code));
  }
}

TEST_CASE("http: the status wins over a code that contradicts it", "[http]") {
  const ClientResponse lying{401, {}, R"({"code": "Unavailable", "message": "try again"})"};
  CHECK(error_of(lying).code == Errc::kUnauthenticated);
}

TEST_CASE("http: an answer of 401 asks to change the token, others no setting", "[http]") {
  CHECK(error_of(ClientResponse{401, {}, ""}).setting == Setting::kAuthToken);
  const Response refused = error_response(Error{Errc::kUnauthenticated, "token: missing or wrong"});
  CHECK(error_of(ClientResponse{401, {}, *refused.body}).setting == Setting::kAuthToken);
  CHECK(error_of(ClientResponse{403, {}, ""}).setting == Setting::kNone);
}

TEST_CASE("http: a response in another form is quoted, bounded and without control characters",
          "[http]") {
  const Error page = error_of(ClientResponse{502, {}, "<html>\x1b[31m" + std::string(5000, 'x')});
  CHECK(page.code == Errc::kUnavailable);
  CHECK_THAT(page.message, ContainsSubstring("status 502: <html> [31mxxx"));
  CHECK(page.message.size() < 300);
  CHECK(error_of(ClientResponse{404, {}, ""}).message == "the server answered with status 404");
  CHECK(error_of(ClientResponse{400, {}, "{\"code\": 1"}).code == Errc::kInvalidArgument);
  CHECK(error_of(ClientResponse{400, {}, R"({"code": 1, "message": []})"}).code ==
        Errc::kInvalidArgument);
}

TEST_CASE("http: an error message that is not UTF-8 still makes a JSON body", "[http]") {
  const Response response = error_response(Error{Errc::kInvalidArgument, "bad \xff byte"});
  CHECK_THAT(*response.body, ContainsSubstring("bad \xef\xbf\xbd byte"));
}

TEST_CASE("http: a head becomes a request", "[http]") {
  auto head = a_head();
  head.set("X-Content-SHA256", "abc");
  const auto request = to_request(head);
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->path == "/v1/run");
  CHECK(request->query.at("wait") == "5");
  CHECK(request->header("x-content-sha256") == "abc");

  head.method(boost::beast::http::verb::head);
  CHECK(to_request(head)->method == "GET");
}

TEST_CASE("http: heads that leave the message's end or host to guesswork are refused", "[http]") {
  auto head = a_head();
  head.erase(boost::beast::http::field::host);
  CHECK_FALSE(to_request(head));
  head.version(10);
  CHECK(to_request(head));

  head = a_head();
  head.insert(boost::beast::http::field::host, "other");
  CHECK_FALSE(to_request(head));

  head = a_head();
  head.version(9);
  CHECK_FALSE(to_request(head));

  for (const char* coding : {"gzip", "gzip, chunked", "chunked, chunked", ""}) {
    head = a_head();
    head.set(boost::beast::http::field::transfer_encoding, coding);
    INFO(coding);
    CHECK_FALSE(to_request(head));
  }
  head.set(boost::beast::http::field::transfer_encoding, "chunked");
  CHECK(to_request(head));
  head.version(10);
  CHECK_FALSE(to_request(head));

  head = a_head();
  head.target("http://other/");
  CHECK_FALSE(to_request(head));
}
