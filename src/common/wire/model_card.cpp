#include "common/wire/model_card.hpp"

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "common/crypto/digest.hpp"
#include "common/wire/model_file.hpp"

namespace genesis::wire {
namespace {

using nlohmann::json;

constexpr std::string_view kFormat = "genesis.model-card.v1";
constexpr std::size_t kLongestName = 64;

// A copy of what is there, within the bounds of JSON that came from elsewhere.
json document(const std::string& text) {
  return parse_json(text) ? json::parse(text) : json::object();
}

json columns_of(const json& encoder) {
  json columns = json::array();
  for (const auto& column : member(encoder, "columns")) {
    columns.push_back({{"name", text_field(column, "name")}, {"kind", text_field(column, "kind")}});
  }
  return columns;
}

// Of each site that told one. A site finds its own by the id.
json heads_of(const json& provenance) {
  json heads = json::object();
  for (const auto& [site, told] : member(provenance, "clients").items()) {
    if (auto head = text_field(told, "ledgerHead"); !head.empty()) {
      heads[site] = std::move(head);
    }
  }
  return heads;
}

std::string number(const json& value) {
  return value.is_null() ? "unknown" : value.dump();
}

// A table's cell, or a heading: no mark-up of the reader's.
std::string plain(const std::string& text) {
  std::string safe;
  for (const char c : printable(text, kLongestName)) {
    if (std::string_view("|\\`*_<>[]#").find(c) != std::string_view::npos) {
      safe += '\\';
    }
    safe += c;
  }
  return safe;
}

std::string privacy_text(const json& privacy) {
  if (!privacy.is_object()) {
    return "None. The model may reveal information about single rows, and the aggregator has seen "
           "what each site sent.\n";
  }
  const auto& worst = member(privacy, "worstEpsilon");
  return "Differential privacy with epsilon " + number(member(privacy, "epsilon")) +
         (worst.is_null() ? "" : " (" + number(worst) + " if all others collude)") + " and delta " +
         number(member(privacy, "delta")) + ", for " + plain(text_field(privacy, "unit")) +
         ", added or removed at one site.\n\nIt covers everything that a site has sent for this "
         "training, and so this model and all rows that are made with it. It holds against " +
         plain(text_field(privacy, "against")) +
         ". It does not cover what other trainings have sent of the same rows: the site's ledger "
         "has the sum.\n";
}

}  // namespace

Result<std::string> model_card_json(std::string_view bytes, const CardFacts& facts) {
  GENESIS_ASSIGN(const auto file, decode_model(bytes));
  const json model = document(file.model_json);
  const json provenance = document(file.provenance_json);
  json card{{"format", kFormat},
            {"modelSha256", crypto::sha256_hex(bytes)},
            {"method", text_field(model, "method")},
            {"training", text_field(provenance, "training")},
            {"rounds", member(provenance, "rounds")},
            {"sites", member(provenance, "clients").size()},
            {"columns", columns_of(document(file.encoder_json))},
            {"privacy", member(provenance, "privacy")},
            {"ledgerHeads", heads_of(provenance)},
            {"quality", nullptr},
            {"date", facts.date},
            {"version", facts.version}};
  if (facts.quality) {
    card["quality"] = document(*facts.quality);
  }
  return card.dump(2) + "\n";
}

Result<std::vector<std::string>> ledger_heads(std::string_view text) {
  GENESIS_RETURN_IF_ERROR(parse_json(text).map([](auto&&) {}));
  const json card = json::parse(text);
  if (text_field(card, "format") != kFormat) {
    return fail(Errc::kInvalidArgument,
                "is no model card: its format is not " + std::string(kFormat));
  }
  std::vector<std::string> heads;
  for (const auto& head : member(card, "ledgerHeads")) {
    if (head.is_string()) {
      heads.push_back(head.get<std::string>());
    }
  }
  return heads;
}

Result<std::string> model_card_markdown(std::string_view text) {
  GENESIS_RETURN_IF_ERROR(parse_json(text).map([](auto&&) {}));
  const json card = json::parse(text);
  std::string page = "# Model card: " + plain(text_field(card, "training")) + "\n\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    page += "| " + name + " | " + value + " |\n";
  };
  page += "| | |\n|---|---|\n";
  line("Method", plain(text_field(card, "method")));
  line("Sites", number(member(card, "sites")));
  line("Rounds", number(member(card, "rounds")));
  line("Date", plain(text_field(card, "date")));
  line("Version", plain(text_field(card, "version")));
  line("SHA-256 of the model", text_field(card, "modelSha256"));
  page += "\n## Privacy\n\n" + privacy_text(member(card, "privacy")) + "\n## Quality\n\n";
  const auto& quality = member(card, "quality");
  if (quality.is_object()) {
    page +=
        "Synthetic rows compared with real ones; the comparison itself is not private.\n\n"
        "| measure | value |\n|---|---|\n";
    for (const auto& [name, value] : quality.items()) {
      if (value.is_number()) {
        line(plain(name), value.dump());
      }
    }
  } else {
    page += "Not measured.\n";
  }
  page += "\n## Columns\n\n| name | kind |\n|---|---|\n";
  for (const auto& column : member(card, "columns")) {
    line(plain(text_field(column, "name")), plain(text_field(column, "kind")));
  }
  return page;
}

}  // namespace genesis::wire
