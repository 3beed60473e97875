#include "common/wire/messages.hpp"

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
  return {{"id", client.id},
          {"state", client.state},
          {"rows", client.rows},
          {"last_round", client.last_round.value},
          {"generator_loss", nullable(client.generator_loss)},
          {"discriminator_loss", nullable(client.discriminator_loss)},
          {"reason", client.reason},
          {"late_updates", client.late_updates},
          {"invalid_updates", client.invalid_updates}};
}

Result<ClientReport> client_report_from(const Fields& fields) {
  ClientReport client;
  GENESIS_ASSIGN(client.id, fields.text("id"));
  GENESIS_ASSIGN(client.state, fields.text("state"));
  GENESIS_ASSIGN(client.rows, fields.count("rows"));
  GENESIS_ASSIGN(client.last_round, fields.round("last_round"));
  GENESIS_ASSIGN(client.generator_loss, fields.optional_number("generator_loss"));
  GENESIS_ASSIGN(client.discriminator_loss, fields.optional_number("discriminator_loss"));
  GENESIS_ASSIGN(client.reason, fields.text("reason"));
  GENESIS_ASSIGN(client.late_updates, fields.count("late_updates"));
  GENESIS_ASSIGN(client.invalid_updates, fields.count("invalid_updates"));
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

Result<Task> train_from(const Fields& fields) {
  Train train;
  GENESIS_ASSIGN(train.round, fields.round("round"));
  GENESIS_ASSIGN(train.parameters_sha256, fields.text("parameters_sha256"));
  GENESIS_ASSIGN(train.learning_rate, fields.number("learning_rate"));
  GENESIS_ASSIGN(train.deadline_milliseconds, fields.count("deadline_milliseconds"));
  return train;
}

}  // namespace

std::string encode(const JoinRequest& message) {
  return dump_json(
      {{"client", message.client.str()}, {"sketch", tabular::to_json(message.sketch)}});
}

Result<JoinRequest> decode_join_request(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "JoinRequest"));
  GENESIS_ASSIGN(ClientId client, fields.client("client"));
  GENESIS_ASSIGN(tabular::Sketch sketch,
                 fields.document<tabular::Sketch>("sketch", tabular::sketch_from_json));
  return JoinRequest{std::move(client), std::move(sketch)};
}

std::string encode(const JoinReply& message) {
  return dump_json({{"run", message.run}, {"training", message.training_json}});
}

Result<JoinReply> decode_join_reply(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "JoinReply"));
  JoinReply message;
  GENESIS_ASSIGN(message.run, fields.text("run"));
  GENESIS_ASSIGN(message.training_json, fields.text("training"));
  return message;
}

std::string encode(const Task& message) {
  const json body =
      std::visit(Overloaded{
                     [](const Wait&) -> json {
                       return {{"task", "wait"}};
                     },
                     [](const Summarize& task) -> json {
                       return {{"task", "summarize"}, {"plan", tabular::to_json(task.plan)}};
                     },
                     [](const Train& task) -> json {
                       return {{"task", "train"},
                               {"round", task.round.value},
                               {"parameters_sha256", task.parameters_sha256},
                               {"learning_rate", task.learning_rate},
                               {"deadline_milliseconds", task.deadline_milliseconds}};
                     },
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
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "Task"));
  GENESIS_ASSIGN(const std::string task, fields.text("task"));
  if (task == "wait") {
    return Wait{};
  }
  if (task == "summarize") {
    GENESIS_ASSIGN(tabular::Plan plan,
                   fields.document<tabular::Plan>("plan", tabular::plan_from_json));
    return Summarize{std::move(plan)};
  }
  if (task == "train") {
    return train_from(fields);
  }
  if (task == "finished") {
    GENESIS_ASSIGN(std::string digest, fields.text("model_sha256"));
    return Finished{std::move(digest)};
  }
  if (task == "failed") {
    GENESIS_ASSIGN(std::string reason, fields.text("reason"));
    return Failed{std::move(reason)};
  }
  return fields.wrong("task", "one of wait, summarize, train, finished, failed");
}

std::string encode(const SummaryUpload& message) {
  return dump_json({{"run", message.run},
                    {"client", message.client.str()},
                    {"summary", tabular::to_json(message.summary)}});
}

Result<SummaryUpload> decode_summary_upload(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "SummaryUpload"));
  GENESIS_ASSIGN(std::string run, fields.text("run"));
  GENESIS_ASSIGN(ClientId client, fields.client("client"));
  GENESIS_ASSIGN(tabular::Summary summary,
                 fields.document<tabular::Summary>("summary", tabular::summary_from_json));
  return SummaryUpload{std::move(run), std::move(client), std::move(summary)};
}

std::string encode_encoder(const tabular::Encoder& encoder) {
  return dump_json(tabular::to_json(encoder));
}

Result<tabular::Encoder> decode_encoder(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
  return tabular::encoder_from_json(body);
}

std::string encode(const ErrorReply& message) {
  json body = {{"code", message.code}, {"message", message.message}};
  if (message.round) {
    body["round"] = message.round->value;
  }
  return dump_json(body);
}

Result<ErrorReply> decode_error_reply(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
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

std::string encode(const StatusReport& message) {
  json clients = json::array();
  for (const ClientReport& client : message.clients) {
    clients.push_back(to_json(client));
  }
  return dump_json(
      {{"run", message.run},
       {"name", message.name},
       {"phase", to_string(message.phase)},
       {"round", {{"current", message.current_round.value}, {"total", message.total_rounds}}},
       {"clients", std::move(clients)},
       {"bytes_received", message.bytes_received},
       {"bytes_sent", message.bytes_sent},
       {"elapsed_seconds", message.elapsed_seconds},
       {"estimated_remaining_seconds", nullable(message.estimated_remaining_seconds)},
       {"model_sha256", message.model_sha256},
       {"reason", message.reason}});
}

Result<StatusReport> decode_status_report(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "StatusReport"));
  StatusReport message;
  GENESIS_ASSIGN(message.run, fields.text("run"));
  GENESIS_ASSIGN(message.name, fields.text("name"));
  GENESIS_ASSIGN(message.phase, phase_from(fields));
  GENESIS_ASSIGN(const Fields round, fields.object("round"));
  GENESIS_ASSIGN(message.current_round, round.round("current"));
  GENESIS_ASSIGN(const RoundId total, round.round("total"));
  message.total_rounds = total.value;
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
  return message;
}

}  // namespace genesis::wire
