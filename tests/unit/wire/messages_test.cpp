#include "common/wire/messages.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {
namespace {

using nlohmann::json;

ClientId client(std::string_view name) {
  return *ClientId::parse(name);
}

UpdateMetadata an_update_metadata() {
  return UpdateMetadata{.run = "0a1b",
                        .round = {7},
                        .client = client("hospital-1"),
                        .rows = 12345,
                        .generator_loss = -0.1,
                        .discriminator_loss = 1.0 / 3.0,
                        .update_norm = 1e-300,
                        .step_seconds = 0.016,
                        .steps = 400};
}

StatusReport a_status() {
  return StatusReport{.run = "0a1b",
                      .name = "hospitals",
                      .phase = Phase::kTraining,
                      .current_round = {3},
                      .total_rounds = 10,
                      .clients = {{.id = "hospital-1",
                                   .state = "reported",
                                   .rows = 100,
                                   .last_round = {3},
                                   .generator_loss = -0.25,
                                   .discriminator_loss = 0.5,
                                   .reason = ""},
                                  {.id = "hospital-2",
                                   .state = "lost",
                                   .rows = 50,
                                   .last_round = {0},
                                   .generator_loss = std::nullopt,
                                   .discriminator_loss = std::nullopt,
                                   .reason = "no answer for 30 s",
                                   .late_updates = 2,
                                   .invalid_updates = std::uint64_t{1} << 33}},
                      .bytes_received = std::uint64_t{1} << 40,
                      .bytes_sent = std::numeric_limits<std::uint64_t>::max(),
                      .elapsed_seconds = 12.5,
                      .estimated_remaining_seconds = 30.0,
                      .model_sha256 = "",
                      .reason = ""};
}

tabular::Sketch a_sketch() {
  tabular::ColumnSketch age;
  age.name = "age";
  age.kind = tabular::Kind::kInteger;
  age.extremes = {17.0, 40.0};
  tabular::ColumnSketch sex;
  sex.name = "sex";
  sex.kind = tabular::Kind::kCategory;
  sex.categories = {"Female", "Male"};
  return tabular::Sketch{21, {age, sex}};
}

tabular::Plan a_plan() {
  const std::vector<tabular::NamedSketch> sketches = {{"hospital-1", a_sketch()}};
  return tabular::plan(sketches, {}).value();
}

// One row in each bin of age, as many of both categories of sex.
tabular::Summary a_summary() {
  const tabular::ColumnPlan plan = a_plan().columns[0];
  tabular::ColumnSummary age;
  age.bins.assign(plan.edges.size() + 1, 1);
  const std::uint64_t rows = age.bins.size();
  tabular::ColumnSummary sex;
  sex.categories = {rows / 2, rows - rows / 2};
  return tabular::Summary{rows, {age, sex}};
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

TEST_CASE("wire: a join request carries the client and its sketch", "[wire]") {
  const std::string bytes = encode(JoinRequest{client("hospital-1"), a_sketch()});
  const auto decode = [](std::string_view text) { return decode_join_request(text); };
  const auto decoded = decode(bytes);
  REQUIRE(decoded.has_value());
  CHECK(decoded->client.str() == "hospital-1");
  CHECK(tabular::to_json(decoded->sketch) == tabular::to_json(a_sketch()));
  check_fields(bytes, {}, decode);
  check_damage(bytes, decode);
  json foreign = json::parse(bytes);
  foreign["client"] = "../etc";
  CHECK_THAT(decode(foreign.dump()).error().message, ContainsSubstring("JoinRequest.client: "));
}

TEST_CASE("wire: a join reply carries the run and the spec", "[wire]") {
  const JoinReply message{"0a1b", R"({"name":"hospitals"})"};
  const auto decode = [](std::string_view text) { return decode_join_reply(text); };
  CHECK(decode(encode(message)) == message);
  check_fields(encode(message), {}, decode);
  check_damage(encode(message), decode);
}

TEST_CASE("wire: each task comes back as itself", "[wire]") {
  const auto decode = [](std::string_view text) { return decode_task(text); };
  const Train train{RoundId{3}, "ab12", 2e-4, 300000};
  CHECK(std::holds_alternative<Wait>(*decode(encode(Task{Wait{}}))));
  CHECK(std::get<Train>(*decode(encode(Task{train}))) == train);
  CHECK(std::get<Finished>(*decode(encode(Task{Finished{"cd34"}}))) == Finished{"cd34"});
  CHECK(std::get<Failed>(*decode(encode(Task{Failed{"why"}}))) == Failed{"why"});
  const auto summarize = decode(encode(Task{Summarize{a_plan()}}));
  REQUIRE(summarize.has_value());
  CHECK(tabular::to_json(std::get<Summarize>(*summarize).plan) == tabular::to_json(a_plan()));
  for (const Task& task : {Task{Wait{}},
                           Task{Summarize{a_plan()}},
                           Task{train},
                           Task{Finished{"c"}},
                           Task{Failed{"w"}}}) {
    check_fields(encode(task), {}, decode);
    check_damage(encode(task), decode);
  }
  CHECK(decode(R"({"task":"dance"})").error().message ==
        "Task.task: expected one of wait, summarize, train, finished, failed, got \"dance\"");
}

TEST_CASE("wire: a summary upload carries run, client and counts", "[wire]") {
  const std::string bytes = encode(SummaryUpload{"0a1b", client("hospital-1"), a_summary()});
  const auto decode = [](std::string_view text) { return decode_summary_upload(text); };
  const auto decoded = decode(bytes);
  REQUIRE(decoded.has_value());
  CHECK(decoded->run == "0a1b");
  CHECK(decoded->client.str() == "hospital-1");
  CHECK(tabular::to_json(decoded->summary) == tabular::to_json(a_summary()));
  check_fields(bytes, {}, decode);
  check_damage(bytes, decode);
}

TEST_CASE("wire: an encoder document gives the same encoder", "[wire]") {
  const auto encoder = tabular::fit(a_plan(), a_summary());
  REQUIRE(encoder.has_value());
  const std::string bytes = encode_encoder(*encoder);
  const auto decoded = decode_encoder(bytes);
  REQUIRE(decoded.has_value());
  CHECK(encode_encoder(*decoded) == bytes);
  check_damage(bytes, [](std::string_view text) { return decode_encoder(text); });
}

TEST_CASE("wire: an update's metadata keeps every number exactly", "[wire][property]") {
  const auto decode = [](std::string_view text) { return decode_update_metadata(text); };
  CHECK(decode(encode(an_update_metadata())) == an_update_metadata());
  check_fields(encode(an_update_metadata()), {}, decode);
  check_damage(encode(an_update_metadata()), decode);
  REQUIRE(rc::check("any finite double", [&](std::uint64_t bits, std::uint64_t rows) {
    const double value = std::bit_cast<double>(bits);
    RC_PRE(std::isfinite(value));
    UpdateMetadata message = an_update_metadata();
    message.generator_loss = value;
    message.update_norm = -value;
    message.rows = rows;
    RC_ASSERT(decode(encode(message)).value() == message);
  }));
}

TEST_CASE("wire: a loss that is not a number does not pass as one", "[wire]") {
  UpdateMetadata message = an_update_metadata();
  message.generator_loss = std::numeric_limits<double>::quiet_NaN();
  CHECK(decode_update_metadata(encode(message)).error().message ==
        "UpdateMetadata.generator_loss: expected a number, got null");
}

TEST_CASE("wire: an update is one body with its metadata inside", "[wire]") {
  const Update message{an_update_metadata(),
                       Tensors{.specs = {{"w", {2}}}, .values = {1.0F, -1.0F}}};
  const auto decode = [](std::string_view text) { return decode_update(text); };
  CHECK(decode(encode(message)) == message);
  check_damage(encode(message), decode);
  CHECK(decode(encode_safetensors(message.delta, {})).error().message ==
        "update: its metadata lacks \"update\"");
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
  check_fields(encode(a_status()), {"estimated_remaining_seconds"}, decode);
  check_damage(encode(a_status()), decode);
  json body = json::parse(encode(a_status()));
  body["clients"][1].erase("rows");
  CHECK(decode(body.dump()).error().message == "StatusReport.clients[1].rows: missing");
  body = json::parse(encode(a_status()));
  body["round"]["total"] = "ten";
  CHECK(decode(body.dump()).error().message ==
        "StatusReport.round.total: expected a whole number from 0, got \"ten\"");
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
