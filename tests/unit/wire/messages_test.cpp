#include "common/wire/messages.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {
namespace {

using nlohmann::json;

ClientId client(std::string_view name) {
  return *ClientId::parse(name);
}

Contribute a_task() {
  return {.collection = {4},
          .attempt = 2,
          .purpose = "updates",
          .round = {3},
          .parameters = R"({"learning_rate":0.0002})",
          .documents = {{"parameters", "ab12", 4100000}, {"encoder", "cd34", 7}},
          .deadline_milliseconds = 300000};
}

StatusReport a_status() {
  return StatusReport{.run = "0a1b",
                      .name = "hospitals",
                      .phase = Phase::kTraining,
                      .current_round = {3},
                      .total_rounds = 10,
                      .joined = 1,
                      .clients = {{.id = "hospital-1",
                                   .state = "reported",
                                   .rows = 100,
                                   .last_round = {3},
                                   .telemetry = {{"loss", -0.25}, {"steps", 40.0}},
                                   .reason = ""},
                                  {.id = "hospital-2",
                                   .state = "lost",
                                   .rows = 50,
                                   .last_round = {0},
                                   .telemetry = {},
                                   .reason = "no answer for 30 s",
                                   .late_updates = 2,
                                   .invalid_updates = std::uint64_t{1} << 33,
                                   .scaled_updates = 7}},
                      .bytes_received = std::uint64_t{1} << 40,
                      .bytes_sent = std::numeric_limits<std::uint64_t>::max(),
                      .elapsed_seconds = 12.5,
                      .estimated_remaining_seconds = 30.0,
                      .model_sha256 = "",
                      .reason = "",
                      .warnings = {"client a dominates", "\"x\""},
                      .privacy = PrivacyReport{3.0, 4.5, 1e-5}};
}

// Each field but the optional ones: taken away, it is missed by name; of another type, it is
// refused by name. An unknown field is ignored.
template <typename Decode>
void check_fields(const std::string& bytes,
                  const std::vector<std::string>& optional,
                  const Decode& decode) {
  const json body = json::parse(bytes);
  json extended = body;
  extended["a_field_of_tomorrow"] = {1, 2, 3};
  CHECK(decode(extended.dump()).has_value());
  for (const auto& [name, value] : body.items()) {
    if (std::find(optional.begin(), optional.end(), name) != optional.end()) {
      continue;
    }
    json without = body;
    without.erase(name);
    const auto missing = decode(without.dump());
    REQUIRE_FALSE(missing.has_value());
    CHECK_THAT(missing.error().message, ContainsSubstring("." + name + ": missing"));
    json wrong = body;
    wrong[name] = true;
    const auto refused = decode(wrong.dump());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::kInvalidArgument);
    CHECK_THAT(refused.error().message, ContainsSubstring("." + name));
  }
}

// No damage may crash a decoder, and a cut message is never taken for a whole one.
template <typename Decode>
void check_damage(const std::string& bytes, const Decode& decode) {
  for_each_truncation(bytes,
                      [&](const std::string& cut) { REQUIRE_FALSE(decode(cut).has_value()); });
  for_each_bit_flip(bytes, [&](const std::string& damaged, std::size_t /*byte*/) {
    const auto decoded = decode(damaged);
    REQUIRE((decoded.has_value() || !decoded.error().message.empty()));
  });
}

}  // namespace

TEST_CASE("wire: a join request carries the protocol, the client and its introduction", "[wire]") {
  const JoinRequest message{.client = client("hospital-1"), .introduction = R"({"rows":21})"};
  const auto decode = [](std::string_view text) { return decode_join_request(text); };
  CHECK(decode(encode(message)) == message);
  check_fields(encode(message), {"protocol", "introduction"}, decode);
  check_damage(encode(message), decode);
  json foreign = json::parse(encode(message));
  foreign["client"] = "../etc";
  CHECK_THAT(decode(foreign.dump()).error().message, ContainsSubstring("JoinRequest.client: "));
  CHECK(decode(R"({"client":"a"})")->protocol == 1);
}

TEST_CASE("wire: a join reply carries the run and the spec", "[wire]") {
  JoinReply message{"0a1b", R"({"name":"hospitals"})"};
  const auto decode = [](std::string_view text) { return decode_join_reply(text); };
  CHECK(decode(encode(message)) == message);
  message.ledger_head = "0a:1:0b";
  CHECK(decode(encode(message)) == message);
  message.ledger_head.clear();
  check_fields(encode(message), {}, decode);
  check_damage(encode(message), decode);
}

TEST_CASE("wire: each task comes back as itself", "[wire]") {
  const auto decode = [](std::string_view text) { return decode_task(text); };
  for (const Task& task : {Task{Wait{}}, Task{a_task()}, Task{Finished{"c"}}, Task{Failed{"w"}}}) {
    CHECK(decode(encode(task)).value() == task);
    check_fields(encode(task), {}, decode);
    check_damage(encode(task), decode);
  }
  CHECK(decode(R"({"task":"dance"})").error().message ==
        "Task.task: expected one of wait, contribute, finished, failed, got \"dance\"");
}

TEST_CASE("wire: a document whose name is no part of a path is refused", "[wire]") {
  const auto* const name =
      GENERATE("",
               "../x",
               "a/b",
               "A",
               "a b",
               "0123456789012345678901234567890123456789012345678901234567890123456789");
  auto task = a_task();
  task.documents[0].name = name;
  CHECK_THAT(decode_task(encode(Task{task})).error().message,
             ContainsSubstring("Task.documents[0].name: expected 1 to 64 of a-z, 0-9 and '-'"));
}

TEST_CASE("wire: a task names no more documents than anyone needs", "[wire]") {
  auto task = a_task();
  task.documents.assign(65, {"a", "b", 1});
  CHECK_THAT(decode_task(encode(Task{task})).error().message,
             ContainsSubstring("Task.documents: expected at most 64"));
}

TEST_CASE("wire: a refusal may say the current round", "[wire]") {
  const ErrorReply with{"Conflict", "stale", RoundId{4}};
  const ErrorReply without{"NotFound", "no such path", std::nullopt};
  const auto decode = [](std::string_view text) { return decode_error_reply(text); };
  CHECK(decode(encode(with)) == with);
  CHECK(decode(encode(without)) == without);
  check_fields(encode(with), {"round"}, decode);
  check_damage(encode(with), decode);
  CHECK(decode(R"({"code":"c","message":"m","round":-1})").error().message ==
        "ErrorReply.round: expected a whole number from 0, got -1");
}

TEST_CASE("wire: a status report comes back as it was sent", "[wire]") {
  const auto decode = [](std::string_view text) { return decode_status_report(text); };
  CHECK(decode(encode(a_status())) == a_status());
  StatusReport early;
  early.run = "r";
  early.name = "n";
  CHECK(decode(encode(early)) == early);
  check_fields(encode(a_status()), {"estimated_remaining_seconds", "warnings", "privacy"}, decode);
  auto wrong = json::parse(encode(a_status()));
  wrong["warnings"] = {1};
  CHECK_THAT(decode(wrong.dump()).error().message,
             ContainsSubstring("StatusReport.warnings: expected a list"));
  check_damage(encode(a_status()), decode);
  json body = json::parse(encode(a_status()));
  body["clients"][1].erase("state");
  CHECK(decode(body.dump()).error().message == "StatusReport.clients[1].state: missing");
  body = json::parse(encode(a_status()));
  body["round"]["total"] = "ten";
  CHECK(decode(body.dump()).error().message ==
        "StatusReport.round.total: expected a whole number from 0, got \"ten\"");
}

TEST_CASE("wire: what who asks may not know of a client is absent", "[wire]") {
  StatusReport report = a_status();
  report.clients = {{.id = "hospital-1", .state = "training", .last_round = {2}}};
  const json body = json::parse(encode(report));
  CHECK(body["clients"][0] == json{{"id", "hospital-1"}, {"state", "training"}, {"last_round", 2}});
  CHECK(decode_status_report(encode(report)) == report);
}

TEST_CASE("wire: each phase has a word and comes back from it", "[wire]") {
  for (const Phase phase :
       {Phase::kJoining, Phase::kSummarizing, Phase::kTraining, Phase::kComplete, Phase::kFailed}) {
    StatusReport report = a_status();
    report.phase = phase;
    CHECK(decode_status_report(encode(report))->phase == phase);
  }
  CHECK(to_string(Phase::kSummarizing) == "Summarizing");
  json body = json::parse(encode(a_status()));
  body["phase"] = "Dancing";
  CHECK_THAT(decode_status_report(body.dump()).error().message,
             ContainsSubstring("StatusReport.phase: expected one of Joining"));
}

TEST_CASE("wire: a message beyond its bound is not parsed", "[wire]") {
  const std::string bytes = encode(a_status());
  CHECK(decode_status_report(bytes, {.max_bytes = bytes.size() - 1}).error().code ==
        Errc::kResourceExhausted);
  CHECK(decode_join_reply(std::string(17, '[')).error().code == Errc::kResourceExhausted);
  CHECK(decode_task("[]").error().message == "Task: expected an object, got array of 0");
}

}  // namespace genesis::wire
