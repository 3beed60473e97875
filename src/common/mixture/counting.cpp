#include "common/mixture/counting.hpp"

#include <cmath>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/check.hpp"
#include "common/base/fields.hpp"
#include "common/base/json.hpp"
#include "common/mixture/exchange.hpp"

namespace genesis::mixture {

Counting::Counting(const spec::FederatedTraining& training,
                   Settings settings,
                   std::optional<Protection> protection)
    : settings_(std::move(settings)),
      declared_(training.table),
      is_told_rows_(!protection && !training.privacy.secure_aggregation),
      protection_(protection) {}

void Counting::leave(const ClientId& client) {
  introductions_.erase(client);
  together_.reset();
}

Result<std::uint64_t> Counting::introduce(const ClientId& client, std::string_view introduction) {
  auto told = parse_introduction(introduction);
  if (!told) {
    return tl::unexpected(told.error().within("client " + client.str()));
  }
  if (told->rows.has_value() != is_told_rows_) {
    return fail(Errc::kInvalidArgument,
                "client " + client.str() +
                    ": has other privacy settings than this server; start it with the same spec");
  }
  if (!together_ && !introductions_.empty()) {
    GENESIS_ASSIGN(together_, merged(introduced()));
  }
  std::vector<Introduction> all;
  if (together_) {
    all.push_back(*together_);
  }
  if (!introductions_.contains(client)) {
    all.push_back(*told);
  }
  auto schema = schema_of(declared_, all);
  if (schema) {
    if (auto target = target_of(settings_, *schema); !target) {
      return tl::unexpected(target.error());
    }
  } else {
    return tl::unexpected(schema.error().within("client " + client.str()));
  }
  const auto rows = told->rows.value_or(0);
  GENESIS_ASSIGN(together_, merged(all));
  introductions_.insert_or_assign(client, std::move(*told));
  return rows;
}

std::vector<Introduction> Counting::introduced() const {
  std::vector<Introduction> all;
  for (const auto& [client, introduction] : introductions_) {
    all.push_back(introduction);
  }
  return all;
}

Status Counting::agree() {
  if (is_agreed()) {
    return {};
  }
  GENESIS_ASSIGN(auto schema, schema_of(declared_, introduced()));
  return agree(std::move(schema));
}

// A schema that is agreed starts the counting anew.
Status Counting::agree(Schema schema) {
  stage_ = Stage::kFine;
  zoomed_ = {};
  GENESIS_ASSIGN(target_, target_of(settings_, schema));
  if (counted_columns(schema) == 0) {
    return fail(Errc::kInvalidArgument, "table: every column is an identifier; nothing to learn");
  }
  schema_ = std::move(schema);
  return {};
}

double Counting::deviation(const Query& query, std::uint64_t sites) const {
  return protection_ ? std::sqrt(variance_of(*protection_, query) * static_cast<double>(sites))
                     : 0.0;
}

std::size_t Counting::cells() const {
  return stage_ == Stage::kFine   ? fine_cells(schema_)
         : stage_ == Stage::kZoom ? zoom_cells(zoom_.ranges)
                                  : 0;
}

Status Counting::take_up(Summed sum) {
  if (sum.counts.size() != cells()) {
    return fail(Errc::kInvalidArgument,
                "sum of counts: " + std::to_string(sum.counts.size()) + "; expected " +
                    std::to_string(cells()));
  }
  switch (stage_) {
    case Stage::kFine:
      sites_ = sum.sites;
      fine_ = {std::move(sum.counts), deviation(fine_query(settings_, schema_), sum.sites)};
      zoom_ = plan_zoom(schema_, fine_.counts, fine_.sigma);
      stage_ = zoom_.ranges.empty() ? Stage::kDone : Stage::kZoom;
      break;
    case Stage::kZoom:
      zoomed_ = {std::move(sum.counts), deviation(zoom_query(settings_, zoom_.ranges), sum.sites)};
      stage_ = Stage::kDone;
      break;
    case Stage::kDone:
      break;
  }
  return {};
}

method::Ask Counting::ask() const {
  GENESIS_CHECK(!is_done(), "there is something to count");
  method::Ask ask;
  ask.documents = {json_document(kSchemaDocument, to_json(schema_))};
  if (stage_ == Stage::kZoom) {
    ask.documents.push_back(json_document(kColumnsDocument, to_json(zoom_.schema)));
    ask.documents.push_back(json_document(kRangesDocument, to_json(zoom_.ranges)));
  }
  ask.request = {
      std::string(stage_ == Stage::kFine ? kFine : kZoom), rounds::Roster::kEveryone, RoundId{0}};
  ask.combine = method::SumOfCounts{cells() + 1};
  return ask;
}

Status Counting::check(const rounds::Plain& answer) {
  const auto* counts = std::get_if<rounds::Counts>(&answer.values);
  if (counts == nullptr) {
    return {};
  }
  GENESIS_ASSIGN(const auto one, from_words(*counts));
  return one.sites == 1 ? Status()
                        : Status(fail(Errc::kInvalidArgument, "counts: the first one must be 1"));
}

method::Document json_document(std::string_view name, const nlohmann::json& json) {
  return method::make_document(std::string(name), dump_json(json));
}

nlohmann::json to_json(const std::vector<Summed>& sums) {
  auto json = nlohmann::json::array();
  for (const auto& sum : sums) {
    json.push_back({{"sites", sum.sites}, {"counts", sum.counts}});
  }
  return json;
}

Result<std::vector<Summed>> sums_from_json(JsonValue json) {
  std::vector<Summed> sums;
  for (const JsonValue entry : json.elements()) {
    GENESIS_ASSIGN(const auto fields, Fields::of(entry, "checkpoint: sum"));
    Summed sum;
    GENESIS_ASSIGN(sum.sites, fields.count("sites"));
    const auto counts = entry.find("counts");
    for (const JsonValue count : counts.value_or(entry).elements()) {
      const auto value = count.integer();
      if (!value) {
        return fields.wrong("counts", "whole numbers");
      }
      sum.counts.push_back(*value);
    }
    sums.push_back(std::move(sum));
  }
  return sums;
}

}  // namespace genesis::mixture
