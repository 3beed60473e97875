#include "common/wire/messages.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/base/overloaded.hpp"

namespace genesis::wire {
namespace {

using nlohmann::json;

json nullable(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

json to_json(const ClientReport& client) {
  json body{{"id", client.id}, {"state", client.state}, {"last_round", client.last_round.value}};
  for (const auto& [name, count] : {std::pair("rows", client.rows),
                                    std::pair("late_updates", client.late_updates),
                                    std::pair("invalid_updates", client.invalid_updates),
                                    std::pair("scaled_updates", client.scaled_updates)}) {
    if (count) {
      body[name] = *count;
    }
  }
  if (!client.telemetry.empty()) {
    body["telemetry"] = client.telemetry;
  }
  if (!client.reason.empty()) {
    body["reason"] = client.reason;
  }
  return body;
}

Result<ClientReport> client_report_from(const Fields& fields) {
  ClientReport client;
  GENESIS_ASSIGN(client.id, fields.text("id"));
  GENESIS_ASSIGN(client.state, fields.text("state"));
  GENESIS_ASSIGN(client.last_round, fields.round("last_round"));
  for (const auto& [name, count] : {std::pair("rows", &client.rows),
                                    std::pair("late_updates", &client.late_updates),
                                    std::pair("invalid_updates", &client.invalid_updates),
                                    std::pair("scaled_updates", &client.scaled_updates)}) {
    if (fields.has(name)) {
      GENESIS_ASSIGN(*count, fields.count(name));
    }
  }
  if (fields.has("telemetry")) {
    GENESIS_ASSIGN(client.telemetry, fields.numbers("telemetry", rounds::kLargestTelemetry));
  }
  if (fields.has("reason")) {
    GENESIS_ASSIGN(client.reason, fields.text("reason"));
  }
  return client;
}

constexpr Phase kPhases[] = {
    Phase::kJoining, Phase::kSummarizing, Phase::kTraining, Phase::kComplete, Phase::kFailed};

Result<Phase> phase_from(const Fields& fields) {
  GENESIS_ASSIGN(const std::string text, fields.text("phase"));
  for (const Phase phase : kPhases) {
    if (to_string(phase) == text) {
      return phase;
    }
  }
  return fields.wrong("phase", "one of Joining, Summarizing, Training, Complete, Failed");
}

json to_json(const DocumentName& document) {
  return {{"name", document.name}, {"sha256", document.sha256}, {"bytes", document.bytes}};
}

json to_json(const Contribute& task) {
  json documents = json::array();
  for (const auto& document : task.documents) {
    documents.push_back(to_json(document));
  }
  return {{"task", "contribute"},
          {"collection", task.collection.value},
          {"attempt", task.attempt},
          {"stage", task.stage},
          {"purpose", task.purpose},
          {"round", task.round.value},
          {"parameters", task.parameters},
          {"documents", std::move(documents)},
          {"deadline_milliseconds", task.deadline_milliseconds}};
}

// It becomes a part of a path.
bool is_document_name(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !name.empty() && name.size() <= kLongest &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

Result<DocumentName> document_from(const Fields& fields) {
  DocumentName document;
  GENESIS_ASSIGN(document.name, fields.text("name"));
  if (!is_document_name(document.name)) {
    return fields.wrong("name", "1 to 64 of a-z, 0-9 and '-'");
  }
  GENESIS_ASSIGN(document.sha256, fields.text("sha256"));
  GENESIS_ASSIGN(document.bytes, fields.count("bytes"));
  return document;
}

Result<Task> contribute_from(const Fields& fields) {
  constexpr std::size_t kMostDocuments = 64;
  Contribute task;
  GENESIS_ASSIGN(task.collection.value, fields.small_count("collection"));
  GENESIS_ASSIGN(task.attempt, fields.small_count("attempt"));
  GENESIS_ASSIGN(task.stage, fields.text("stage"));
  GENESIS_ASSIGN(task.purpose, fields.text("purpose"));
  GENESIS_ASSIGN(task.round, fields.round("round"));
  GENESIS_ASSIGN(task.parameters, fields.text("parameters"));
  GENESIS_ASSIGN(const auto documents, fields.objects("documents"));
  if (documents.size() > kMostDocuments) {
    return fields.wrong("documents", "at most " + std::to_string(kMostDocuments));
  }
  for (const auto& entry : documents) {
    GENESIS_ASSIGN(auto document, document_from(entry));
    task.documents.push_back(std::move(document));
  }
  GENESIS_ASSIGN(task.deadline_milliseconds, fields.count("deadline_milliseconds"));
  return task;
}

}  // namespace

std::string encode(const JoinRequest& message) {
  json request{{"protocol", message.protocol},
               {"client", message.client.str()},
               {"introduction", json::parse(message.introduction)}};
  if (!message.signing_key.empty()) {
    request["signing_key"] = message.signing_key;
  }
  if (!message.paillier_modulus.empty()) {
    request["paillier_modulus"] = message.paillier_modulus;
  }
  return dump_json(request);
}

Result<JoinRequest> decode_join_request(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const auto body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "JoinRequest"));
  GENESIS_ASSIGN(ClientId client, fields.client("client"));
  JoinRequest message{.protocol = 1, .client = std::move(client), .introduction = "{}"};
  if (fields.has("protocol")) {
    GENESIS_ASSIGN(message.protocol, fields.small_count("protocol"));
  }
  if (fields.has("introduction")) {
    message.introduction = body.root().find("introduction")->source();
  }
  if (fields.has("signing_key")) {
    GENESIS_ASSIGN(message.signing_key, fields.text("signing_key"));
  }
  if (fields.has("paillier_modulus")) {
    GENESIS_ASSIGN(message.paillier_modulus, fields.text("paillier_modulus"));
  }
  return message;
}

std::string encode(const JoinReply& message) {
  json body{{"run", message.run}, {"training", message.training_json}};
  if (!message.ledger_head.empty()) {
    body["ledger_head"] = message.ledger_head;
  }
  return dump_json(body);
}

Result<JoinReply> decode_join_reply(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const auto body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "JoinReply"));
  JoinReply message;
  GENESIS_ASSIGN(message.run, fields.text("run"));
  GENESIS_ASSIGN(message.training_json, fields.text("training"));
  if (fields.has("ledger_head")) {
    GENESIS_ASSIGN(message.ledger_head, fields.text("ledger_head"));
  }
  return message;
}

std::string encode(const Task& message) {
  const json body =
      std::visit(Overloaded{
                     [](const Wait&) -> json {
                       return {{"task", "wait"}};
                     },
                     [](const Contribute& task) -> json { return to_json(task); },
                     [](const Finished& task) -> json {
                       return {{"task", "finished"}, {"model_sha256", task.model_sha256}};
                     },
                     [](const Failed& task) -> json {
                       return {{"task", "failed"}, {"reason", task.reason}};
                     },
                 },
                 message);
  return dump_json(body);
}

Result<Task> decode_task(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const auto body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "Task"));
  GENESIS_ASSIGN(const std::string task, fields.text("task"));
  if (task == "wait") {
    return Wait{};
  }
  if (task == "contribute") {
    return contribute_from(fields);
  }
  if (task == "finished") {
    GENESIS_ASSIGN(std::string digest, fields.text("model_sha256"));
    return Finished{std::move(digest)};
  }
  if (task == "failed") {
    GENESIS_ASSIGN(std::string reason, fields.text("reason"));
    return Failed{std::move(reason)};
  }
  return fields.wrong("task", "one of wait, contribute, finished, failed");
}

std::string encode(const ErrorReply& message) {
  json body = {{"code", message.code}, {"message", message.message}};
  if (message.round) {
    body["round"] = message.round->value;
  }
  return dump_json(body);
}

Result<ErrorReply> decode_error_reply(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const auto body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "ErrorReply"));
  ErrorReply message;
  GENESIS_ASSIGN(message.code, fields.text("code"));
  GENESIS_ASSIGN(message.message, fields.text("message"));
  if (fields.has("round")) {
    GENESIS_ASSIGN(message.round, fields.round("round"));
  }
  return message;
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kJoining:
      return "Joining";
    case Phase::kSummarizing:
      return "Summarizing";
    case Phase::kTraining:
      return "Training";
    case Phase::kComplete:
      return "Complete";
    case Phase::kFailed:
      return "Failed";
  }
  return "Failed";
}

bool is_joined(const ClientReport& client) {
  return client.state != "dropped" && client.state != "lost" && client.state != "refused" &&
         client.state != "evicted";
}

std::string encode(const StatusReport& message) {
  json clients = json::array();
  for (const ClientReport& client : message.clients) {
    clients.push_back(to_json(client));
  }
  json body({{"run", message.run},
             {"name", message.name},
             {"phase", to_string(message.phase)},
             {"round", {{"current", message.current_round.value}, {"total", message.total_rounds}}},
             {"joined", message.joined},
             {"clients", std::move(clients)},
             {"bytes_received", message.bytes_received},
             {"bytes_sent", message.bytes_sent},
             {"elapsed_seconds", message.elapsed_seconds},
             {"estimated_remaining_seconds", nullable(message.estimated_remaining_seconds)},
             {"model_sha256", message.model_sha256},
             {"reason", message.reason},
             {"warnings", message.warnings}});
  if (message.privacy) {
    body["privacy"] = {{"epsilon", message.privacy->epsilon},
                       {"worst_epsilon", message.privacy->worst_epsilon},
                       {"delta", message.privacy->delta}};
  }
  return dump_json(body);
}

Result<StatusReport> decode_status_report(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const auto body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "StatusReport"));
  StatusReport message;
  GENESIS_ASSIGN(message.run, fields.text("run"));
  GENESIS_ASSIGN(message.name, fields.text("name"));
  GENESIS_ASSIGN(message.phase, phase_from(fields));
  GENESIS_ASSIGN(const Fields round, fields.object("round"));
  GENESIS_ASSIGN(message.current_round, round.round("current"));
  GENESIS_ASSIGN(const RoundId total, round.round("total"));
  message.total_rounds = total.value;
  GENESIS_ASSIGN(message.joined, fields.small_count("joined"));
  GENESIS_ASSIGN(const std::vector<Fields> clients, fields.objects("clients"));
  for (const Fields& client : clients) {
    GENESIS_ASSIGN(ClientReport report, client_report_from(client));
    message.clients.push_back(std::move(report));
  }
  GENESIS_ASSIGN(message.bytes_received, fields.count("bytes_received"));
  GENESIS_ASSIGN(message.bytes_sent, fields.count("bytes_sent"));
  GENESIS_ASSIGN(message.elapsed_seconds, fields.number("elapsed_seconds"));
  GENESIS_ASSIGN(message.estimated_remaining_seconds,
                 fields.optional_number("estimated_remaining_seconds"));
  GENESIS_ASSIGN(message.model_sha256, fields.text("model_sha256"));
  GENESIS_ASSIGN(message.reason, fields.text("reason"));
  if (fields.has("warnings")) {
    GENESIS_ASSIGN(message.warnings, fields.texts("warnings"));
  }
  if (fields.has("privacy")) {
    GENESIS_ASSIGN(const Fields told, fields.object("privacy"));
    PrivacyReport privacy;
    GENESIS_ASSIGN(privacy.epsilon, told.number("epsilon"));
    GENESIS_ASSIGN(privacy.worst_epsilon, told.number("worst_epsilon"));
    GENESIS_ASSIGN(privacy.delta, told.number("delta"));
    message.privacy = privacy;
  }
  return message;
}

}  // namespace genesis::wire
