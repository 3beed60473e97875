#include "common/http/routes.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::http;

namespace {

const RouteTable& table() {
  static const RouteTable made({
      {"GET", "/healthz", {Role::kAnyone}},
      {"GET", "/v1/status", {Role::kObserver, Role::kMember, Role::kAdmin}},
      {"POST", "/v1/join", {Role::kMember}, 4096},
      {"PUT", "/v1/rounds/{round}/updates/{client}", {Role::kMember}, 8192},
      {"GET", "/v1/rounds/{round}/updates/{client}", {Role::kMember}},
      {"POST", "/v1/evict/{client}", {Role::kAdmin}},
  });
  return made;
}

Request a_request(std::string method, std::string path) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

int refusal(const std::string& method, const std::string& path, Roles asking) {
  const auto request = a_request(method, path);
  const auto found = table().find(request, asking);
  const auto* const response = std::get_if<Response>(&found);
  return response == nullptr ? 0 : response->status;
}

}  // namespace

TEST_CASE("http: a route is open to its roles alone", "[http]") {
  const Roles nobody{Role::kAnyone};
  const Roles observer{Role::kAnyone, Role::kObserver};
  const Roles member{Role::kAnyone, Role::kMember};
  const Roles admin{Role::kAnyone, Role::kAdmin};
  struct Case {
    const char* method;
    const char* path;
    int nobody, observer, member, admin;
  };
  for (const auto& [method, path, for_nobody, for_observer, for_member, for_admin] : {
           Case{"GET", "/healthz", 0, 0, 0, 0},
           Case{"GET", "/v1/status", 401, 0, 0, 0},
           Case{"POST", "/v1/join", 401, 403, 0, 403},
           Case{"PUT", "/v1/rounds/7/updates/site-1", 401, 403, 0, 403},
           Case{"POST", "/v1/evict/site-1", 401, 403, 403, 0},
           Case{"GET", "/v1/join", 405, 405, 405, 405},
           Case{"GET", "/v1", 404, 404, 404, 404},
           Case{"GET", "/v1/status/", 404, 404, 404, 404},
           Case{"GET", "//healthz", 404, 404, 404, 404},
           Case{"PUT", "/v1/rounds//updates/site-1", 404, 404, 404, 404},
           Case{"PUT", "/v1/rounds/7/updates/site-1/more", 404, 404, 404, 404},
           Case{"PUT", "/v1/rounds/7/updates/", 404, 404, 404, 404},
       }) {
    INFO(method << " " << path);
    CHECK(refusal(method, path, nobody) == for_nobody);
    CHECK(refusal(method, path, observer) == for_observer);
    CHECK(refusal(method, path, member) == for_member);
    CHECK(refusal(method, path, admin) == for_admin);
  }
}

TEST_CASE("http: a match tells the route and the parts of its path", "[http]") {
  const auto request = a_request("PUT", "/v1/rounds/7/updates/site-1");
  const auto found = table().find(request, {Role::kMember});
  const auto& match = std::get<RouteTable::Match>(found);
  CHECK(match.index == 3);
  CHECK(match.route->max_body == 8192);
  CHECK(match.parts.at("round") == "7");
  CHECK(match.parts.at("client") == "site-1");
}

TEST_CASE("http: a refusal says what the route takes", "[http]") {
  const auto message = [](const char* method, const char* path, Roles asking) {
    const auto request = a_request(method, path);
    const auto found = table().find(request, asking);
    return *std::get<Response>(found).body;
  };
  CHECK_THAT(
      message("GET", "/v1/status", {Role::kAnyone}),
      ContainsSubstring("takes a client certificate or token of role observer, member, admin"));
  CHECK_THAT(message("POST", "/v1/evict/x", {Role::kAnyone, Role::kMember}),
             ContainsSubstring("for role admin only, not anyone, member"));
  const auto request = a_request("DELETE", "/v1/rounds/7/updates/a");
  const auto found = table().find(request, {Role::kMember});
  CHECK(find_header(std::get<Response>(found).headers, "allow") == "PUT, GET");
}
