#include "operator/status.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace genesis::control {
namespace {

const Json& field(const Json& object, const char* name) {
  static const Json kNothing;
  if (!object.is_object()) {
    return kNothing;
  }
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

std::string text(const Json& object, const char* name) {
  const Json& value = field(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<std::int64_t> integer(const Json& object, const char* name) {
  const Json& value = field(object, name);
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

std::optional<SystemTime> time(const Json& object, const char* name) {
  return parse_rfc3339(text(object, name));
}

template <typename T>
void set(Json& object, const char* name, const std::optional<T>& value) {
  if (value) {
    object[name] = *value;
  }
}

void set(Json& object, const char* name, const std::string& value) {
  if (!value.empty()) {
    object[name] = value;
  }
}

Condition condition_from_json(const Json& json) {
  Condition condition;
  condition.type = text(json, "type");
  condition.holds = text(json, "status") == "True";
  condition.reason = text(json, "reason");
  condition.message = text(json, "message");
  condition.since = time(json, "lastTransitionTime").value_or(SystemTime());
  condition.observed_generation = integer(json, "observedGeneration").value_or(0);
  return condition;
}

Json to_json(const Condition& condition) {
  return Json{{"type", condition.type},
              {"status", condition.holds ? "True" : "False"},
              {"reason", condition.reason},
              {"message", condition.message},
              {"lastTransitionTime", to_rfc3339(condition.since)},
              {"observedGeneration", condition.observed_generation}};
}

ParticipantStatus participant_from_json(const Json& json) {
  ParticipantStatus participant;
  participant.name = text(json, "name");
  participant.state = text(json, "state");
  participant.rows = integer(json, "rows");
  participant.last_round = integer(json, "lastRound");
  participant.replaced_after_round = integer(json, "replacedAfterRound");
  participant.reason = text(json, "reason");
  return participant;
}

Json to_json(const ParticipantStatus& participant) {
  Json json{{"name", participant.name}};
  set(json, "state", participant.state);
  set(json, "rows", participant.rows);
  set(json, "lastRound", participant.last_round);
  set(json, "replacedAfterRound", participant.replaced_after_round);
  set(json, "reason", participant.reason);
  return json;
}

}  // namespace

std::string record_key(std::string_view kind, std::string_view name) {
  return std::string(kind) + "/" + std::string(name);
}

const Condition* TrainingStatus::condition(std::string_view type) const {
  const auto found = std::ranges::find(conditions, type, &Condition::type);
  return found == conditions.end() ? nullptr : &*found;
}

bool TrainingStatus::holds(std::string_view type) const {
  const auto* const found = condition(type);
  return found != nullptr && found->holds;
}

bool TrainingStatus::has_replaced_jobs() const {
  return retry_time || replaced_after_round ||
         std::ranges::any_of(participants, [](const ParticipantStatus& participant) {
           return participant.replaced_after_round.has_value();
         });
}

TrainingStatus status_from_json(const Json& json) {
  TrainingStatus status;
  status.observed_generation = integer(json, "observedGeneration").value_or(0);
  status.phase = text(json, "phase");
  if (const Json& list = field(json, "conditions"); list.is_array()) {
    for (const Json& entry : list) {
      status.conditions.push_back(condition_from_json(entry));
    }
  }
  if (const Json& round = field(json, "round"); round.is_object()) {
    status.round = RoundStatus{integer(round, "current").value_or(0),
                               integer(round, "total").value_or(0),
                               integer(round, "estimatedRemainingSeconds")};
  }
  status.clients = integer(json, "clients");
  status.min_clients = integer(json, "minClients").value_or(0);
  status.rounds = text(json, "rounds");
  status.joined = text(json, "joined");
  status.reason = text(json, "reason");
  if (const Json& list = field(json, "participants"); list.is_array()) {
    for (const Json& entry : list) {
      status.participants.push_back(participant_from_json(entry));
    }
  }
  if (const Json& model = field(json, "model"); model.is_object()) {
    status.model = ModelStatus{text(model, "sha256"), integer(model, "bytes"), text(model, "path")};
  }
  status.spec_sha256 = text(json, "specSha256");
  status.retry = integer(json, "retry").value_or(0);
  status.retry_time = time(json, "retryTime");
  status.replaced_after_round = integer(json, "replacedAfterRound");
  if (const Json& images = field(json, "images"); images.is_object()) {
    for (const auto& [name, image] : images.items()) {
      if (image.is_string()) {
        status.images.emplace(name, image.get<std::string>());
      }
    }
  }
  status.certificate_expiry = time(json, "certificateExpiry");
  status.start_time = time(json, "startTime");
  status.completion_time = time(json, "completionTime");
  if (const Json& children = field(json, "children"); children.is_object()) {
    status.children.emplace();
    for (const auto& [key, uid] : children.items()) {
      if (uid.is_string()) {
        status.children->emplace(key, uid.get<std::string>());
      }
    }
  }
  return status;
}

Json to_json(const TrainingStatus& status) {
  Json json{{"observedGeneration", status.observed_generation}};
  set(json, "phase", status.phase);
  json["conditions"] = Json::array();
  for (const auto& condition : status.conditions) {
    json["conditions"].push_back(to_json(condition));
  }
  if (status.round) {
    Json round{{"current", status.round->current}, {"total", status.round->total}};
    set(round, "estimatedRemainingSeconds", status.round->estimated_remaining_seconds);
    json["round"] = std::move(round);
  }
  set(json, "clients", status.clients);
  if (status.min_clients > 0) {
    json["minClients"] = status.min_clients;
  }
  set(json, "rounds", status.rounds);
  set(json, "joined", status.joined);
  set(json, "reason", status.reason);
  if (!status.participants.empty()) {
    json["participants"] = Json::array();
    for (const auto& participant : status.participants) {
      json["participants"].push_back(to_json(participant));
    }
  }
  if (status.model) {
    Json model = Json::object();
    set(model, "sha256", status.model->sha256);
    set(model, "bytes", status.model->bytes);
    set(model, "path", status.model->path);
    json["model"] = std::move(model);
  }
  set(json, "specSha256", status.spec_sha256);
  if (status.retry > 0) {
    json["retry"] = status.retry;
  }
  if (status.retry_time) {
    json["retryTime"] = to_rfc3339(*status.retry_time);
  }
  set(json, "replacedAfterRound", status.replaced_after_round);
  if (!status.images.empty()) {
    json["images"] = status.images;
  }
  if (status.certificate_expiry) {
    json["certificateExpiry"] = to_rfc3339(*status.certificate_expiry);
  }
  if (status.start_time) {
    json["startTime"] = to_rfc3339(*status.start_time);
  }
  if (status.completion_time) {
    json["completionTime"] = to_rfc3339(*status.completion_time);
  }
  if (status.children) {
    json["children"] = *status.children;
  }
  return json;
}

}  // namespace genesis::control
