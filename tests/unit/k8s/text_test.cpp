#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "common/k8s/json_text.hpp"
#include "common/k8s/resource.hpp"
#include "common/k8s/status_error.hpp"
#include "common/k8s/time_text.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::k8s;

namespace {

http::ClientResponse an_answer(int status, std::string body, http::Headers headers = {}) {
  http::ClientResponse answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.headers = std::move(headers);
  return answer;
}

}  // namespace

TEST_CASE("k8s: paths of objects and collections", "[k8s]") {
  CHECK(collection_path(kPods, "") == "/api/v1/pods");
  CHECK(collection_path(kJobs, "team a") == "/apis/batch/v1/namespaces/team%20a/jobs");
  CHECK(object_path(kNamespaces, "ignored", "x") == "/api/v1/namespaces/x");
  CHECK(object_path(kFederatedTrainings, "ns", "t", Subresource::kStatus) ==
        "/apis/federated.genesis.dev/v1alpha1/namespaces/ns/federatedtrainings/t/status");
  CHECK(kPods.api_version() == "v1");
  CHECK(kLeases.api_version() == "coordination.k8s.io/v1");
}

TEST_CASE("k8s: times as the API writes them", "[k8s]") {
  const auto time =
      std::chrono::system_clock::time_point(std::chrono::microseconds(1'767'225'600'000'042));
  CHECK(to_time(time) == "2026-01-01T00:00:00Z");
  CHECK(to_micro_time(time) == "2026-01-01T00:00:00.000042Z");
}

TEST_CASE("k8s: each reason has its code", "[k8s]") {
  const std::tuple<int, std::string, Errc> reasons[] = {
      {404, "NotFound", Errc::kNotFound},
      {409, "AlreadyExists", Errc::kAlreadyExists},
      {409, "Conflict", Errc::kConflict},
      {410, "Expired", Errc::kDataLoss},
      {410, "Gone", Errc::kDataLoss},
      {403, "Forbidden", Errc::kPermissionDenied},
      {401, "Unauthorized", Errc::kUnauthenticated},
      {422, "Invalid", Errc::kInvalidArgument},
      {400, "BadRequest", Errc::kInvalidArgument},
      {429, "TooManyRequests", Errc::kUnavailable},
      {500, "InternalError", Errc::kUnavailable},
      {503, "ServiceUnavailable", Errc::kUnavailable},
      {504, "Timeout", Errc::kUnavailable},
  };
  for (const auto& [status, reason, code] : reasons) {
    INFO(reason);
    const Json body = {{"kind", "Status"}, {"code", status}, {"reason", reason}, {"message", "m"}};
    CHECK(error_of_answer(an_answer(status, body.dump())).code == code);
    CHECK(error_of_status(body).code == code);
    CHECK(error_of_status(body).message == "m");
  }
}

TEST_CASE("k8s: an invalid object's error names the fields", "[k8s]") {
  const std::string body = R"({"kind":"Status","reason":"Invalid","code":422,
    "message":"FederatedTraining.federated.genesis.dev \"t\" is invalid: [spec.a: …]",
    "details":{"causes":[{"reason":"FieldValueInvalid","field":"spec.rounds.count","message":"Invalid value: 0"},
                         {"field":"spec.model","message":"Required value"}]}})";
  const Error error = error_of_answer(an_answer(422, body));
  CHECK(error.code == Errc::kInvalidArgument);
  CHECK(error.message == "spec.rounds.count: Invalid value: 0; spec.model: Required value");
}

TEST_CASE("k8s: an answer that is no Status is quoted, without what harms a terminal", "[k8s]") {
  const Error error = error_of_answer(an_answer(502, "bad\x1b[31m gateway"));
  CHECK(error.code == Errc::kUnavailable);
  CHECK(error.message == "the API server answered with status 502: bad [31m gateway");
  CHECK(error_of_answer(an_answer(404, "{not json")).code == Errc::kNotFound);
}

TEST_CASE("k8s: Retry-After says whether and when to ask again", "[k8s]") {
  using std::chrono::seconds;
  CHECK(retry_after(an_answer(429, "", {{"Retry-After", "3"}})) == seconds(3));
  CHECK(retry_after(an_answer(429, "")) == seconds(1));
  CHECK(retry_after(an_answer(503, "", {{"retry-after", "2"}})) == seconds(2));
  CHECK_FALSE(retry_after(an_answer(503, "")));
  CHECK_FALSE(retry_after(an_answer(409, "", {{"Retry-After", "1"}})));
  CHECK(retry_after(an_answer(429, "", {{"Retry-After", "99999"}})) == seconds(120));
  CHECK(retry_after(an_answer(429, "", {{"Retry-After", "soon"}})) == seconds(1));
}

TEST_CASE("k8s: JSON is bounded in depth, and brackets in text do not count", "[k8s]") {
  CHECK(parse_json("{\"a\":\"" + std::string(500, '[') + "\\\"[\"}", "x"));
  CHECK_FALSE(parse_json(std::string(129, '[') + std::string(129, ']'), "x"));
  CHECK(parse_json(std::string(128, '[') + std::string(128, ']'), "x"));
  CHECK_FALSE(parse_json("{\"a\":", "x"));
}
