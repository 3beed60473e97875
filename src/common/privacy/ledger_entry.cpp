#include "common/privacy/ledger_entry.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/base/json.hpp"
#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::privacy {
namespace {

constexpr std::size_t kMaxLine = 16384;
constexpr std::uint64_t kFormat = 1;

nlohmann::json to_json(const Event& event) {
  return std::visit(
      Overloaded{[](const Opened& opened) {
                   return nlohmann::json{{"kind", "opened"},
                                         {"dataSet", opened.data_set},
                                         {"format", kFormat},
                                         {"id", opened.id},
                                         {"publicKey", opened.public_key}};
                 },
                 [](const Charged& charged) {
                   const auto& [question, cost] = charged;
                   nlohmann::json json{{"kind", "charged"},
                                       {"run", question.run},
                                       {"collection", question.collection},
                                       {"attempt", question.attempt},
                                       {"querySha256", question.query_sha256},
                                       {"tables", cost.tables},
                                       {"cells", cost.cells},
                                       {"variance", cost.variance.units()},
                                       {"shift", cost.shift},
                                       {"shares", cost.shares},
                                       {"extraDelta", cost.extra_delta},
                                       {"distance", cost.distance}};
                   if (cost.is_training()) {
                     json["sampling"] = cost.sampling;
                   }
                   return json;
                 },
                 [](const Released& released) {
                   return nlohmann::json{{"kind", "released"},
                                         {"charge", released.charge},
                                         {"sha256", released.sha256}};
                 },
                 [](const Exported& exported) {
                   return nlohmann::json{{"kind", "exported"}, {"transfer", exported.transfer}};
                 },
                 [](const Imported& imported) {
                   return nlohmann::json{{"kind", "imported"}, {"transfer", imported.transfer}};
                 }},
      event);
}

Result<Event> opened_of(const Fields& fields) {
  GENESIS_ASSIGN(const auto format, fields.count("format"));
  if (format != kFormat) {
    return fail(Errc::kDataLoss,
                "ledger format " + std::to_string(format) +
                    " is not that of this version; use the version that wrote it");
  }
  Opened opened;
  GENESIS_ASSIGN(opened.data_set, fields.text("dataSet"));
  GENESIS_ASSIGN(opened.id, fields.text("id"));
  GENESIS_ASSIGN(opened.public_key, fields.text("publicKey"));
  return opened;
}

Result<Event> charged_of(const Fields& fields) {
  Question question;
  GENESIS_ASSIGN(question.run, fields.text("run"));
  GENESIS_ASSIGN(question.collection, fields.small_count("collection"));
  GENESIS_ASSIGN(question.attempt, fields.small_count("attempt"));
  GENESIS_ASSIGN(question.query_sha256, fields.text("querySha256"));
  GENESIS_ASSIGN(const auto units, fields.count("variance"));
  GENESIS_ASSIGN(const auto variance, NoiseVariance::of_units(units));
  Cost cost{.variance = variance};
  GENESIS_ASSIGN(cost.tables, fields.count("tables"));
  GENESIS_ASSIGN(cost.cells, fields.count("cells"));
  GENESIS_ASSIGN(cost.shift, fields.count("shift"));
  GENESIS_ASSIGN(cost.shares, fields.small_count("shares"));
  GENESIS_ASSIGN(cost.extra_delta, fields.count("extraDelta"));
  GENESIS_ASSIGN(cost.distance, fields.count("distance"));
  if (fields.has("sampling")) {
    GENESIS_ASSIGN(cost.sampling, fields.count("sampling"));
  }
  GENESIS_RETURN_IF_ERROR(check(cost));
  return Charged{std::move(question), cost};
}

Result<Event> event_of(const Fields& fields) {
  GENESIS_ASSIGN(const auto kind, fields.text("kind"));
  if (kind == "opened") {
    return opened_of(fields);
  }
  if (kind == "charged") {
    return charged_of(fields);
  }
  if (kind == "released") {
    Released released;
    GENESIS_ASSIGN(released.charge, fields.count("charge"));
    GENESIS_ASSIGN(released.sha256, fields.text("sha256"));
    return released;
  }
  if (kind == "exported") {
    GENESIS_ASSIGN(auto transfer, fields.text("transfer"));
    return Exported{std::move(transfer)};
  }
  if (kind == "imported") {
    GENESIS_ASSIGN(auto transfer, fields.text("transfer"));
    return Imported{std::move(transfer)};
  }
  return fail(Errc::kDataLoss,
              "\"" + kind + "\" is no kind of entry that this version knows; use a newer one");
}

Result<Entry> entry_of(std::string_view line) {
  JsonLimits limits;
  limits.max_bytes = kMaxLine;
  limits.max_depth = 4;
  GENESIS_ASSIGN(const auto json, parse_json(line, limits));
  GENESIS_ASSIGN(const auto outer, Fields::of(json, "line"));
  GENESIS_ASSIGN(const auto fields, outer.object("entry"));
  Entry entry;
  GENESIS_ASSIGN(entry.sequence, fields.count("sequence"));
  GENESIS_ASSIGN(entry.previous, fields.text("previous"));
  GENESIS_ASSIGN(entry.time, fields.text("time"));
  GENESIS_ASSIGN(entry.event, event_of(fields));
  GENESIS_ASSIGN(entry.hash, outer.text("hash"));
  return entry;
}

}  // namespace

std::string to_line(const Entry& entry) {
  nlohmann::json json = to_json(entry.event);
  json["sequence"] = entry.sequence;
  json["previous"] = entry.previous;
  json["time"] = entry.time;
  const std::string body = dump_json(json);
  return R"({"entry":)" + body + R"(,"hash":")" + crypto::sha256_hex(body) + "\"}";
}

Result<Entry> parse_line(std::string_view line) {
  auto entry = entry_of(line);
  if (!entry) {
    return fail(Errc::kDataLoss, entry.error().message);
  }
  if (to_line(*entry) != line) {
    return fail(Errc::kDataLoss, "its hash or its form is not that of its content");
  }
  return entry;
}

}  // namespace genesis::privacy
