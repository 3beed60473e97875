#include "common/method/agreement.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/tabular/fits.hpp"
#include "common/tabular/look_alikes.hpp"
#include "common/tabular/summary_counts.hpp"

namespace genesis::method {
namespace {

Result<tabular::Sketch> parse_sketch(const ClientId& client, std::string_view text) {
  GENESIS_ASSIGN(const auto json, parse_json(text));
  auto sketch = tabular::sketch_from_json(json);
  if (!sketch) {
    return tl::unexpected(sketch.error().within("client " + client.str()));
  }
  if (sketch->rows == 0) {
    return fail(Errc::kInvalidArgument,
                "client " + client.str() + ": has no rows; nothing to train on");
  }
  return sketch;
}

}  // namespace

std::string encoder_text(const tabular::Encoder& encoder) {
  return dump_json(tabular::to_json(encoder));
}

Result<tabular::Encoder> parse_encoder(std::string_view text) {
  GENESIS_ASSIGN(const auto json, parse_json(text));
  return tabular::encoder_from_json(json);
}

Result<std::uint64_t> Agreement::introduce(const ClientId& client, std::string_view sketch) {
  GENESIS_ASSIGN(auto introduced, parse_sketch(client, sketch));
  const auto rows = introduced.rows;
  std::vector<tabular::NamedSketch> all;
  for (const auto& [id, known] : sketches_) {
    if (id != client) {
      all.push_back({id.str(), known});
    }
  }
  all.push_back({client.str(), introduced});
  auto agreed = tabular::plan(all, declared_);
  if (!agreed) {
    return tl::unexpected(std::move(agreed).error());
  }
  sketches_.insert_or_assign(client, std::move(introduced));
  return rows;
}

Result<Ask> Agreement::ask() {
  std::vector<tabular::NamedSketch> all;
  for (const auto& [id, sketch] : sketches_) {
    all.push_back({id.str(), sketch});
  }
  GENESIS_ASSIGN(plan_, tabular::plan(all, declared_));
  Ask ask;
  ask.remarks = tabular::look_alikes(all);
  ask.request = {std::string(kSummaries), rounds::Roster::kEveryone, RoundId{0}};
  ask.documents.push_back(
      make_document(std::string(kPlanDocument), dump_json(tabular::to_json(plan_))));
  ask.combine = SumOfCounts{tabular::count_words(plan_)};
  return ask;
}

Status Agreement::check(const rounds::Counts& counts, std::uint64_t rows) const {
  GENESIS_ASSIGN(const auto summary, tabular::summary_of(counts, plan_));
  if (summary.rows != rows) {
    return fail(Errc::kInvalidArgument,
                "counts " + std::to_string(summary.rows) + " rows, but it joined with " +
                    std::to_string(rows));
  }
  return {};
}

Result<tabular::Encoder> Agreement::fit(const rounds::Counts& sum) const {
  GENESIS_ASSIGN(const auto summary, tabular::summary_of(sum, plan_));
  return tabular::fit(plan_, summary);
}

Result<std::uint64_t> introduce_late(const ClientId& client,
                                     std::string_view sketch,
                                     const tabular::Encoder& encoder) {
  GENESIS_ASSIGN(const auto introduced, parse_sketch(client, sketch));
  if (auto fits = tabular::check_fits(introduced, encoder); !fits) {
    return tl::unexpected(
        fits.error().within("client " + client.str() + ": joins after the start"));
  }
  return introduced.rows;
}

std::string sketch_text(const tabular::Sketch& sketch) {
  return dump_json(tabular::to_json(sketch));
}

Result<Answer> count_rows(const tabular::Table& table, Documents& documents) {
  GENESIS_ASSIGN(const std::string text, documents.fetch(kPlanDocument));
  GENESIS_ASSIGN(const auto json, parse_json(text));
  GENESIS_ASSIGN(const auto plan, tabular::plan_from_json(json));
  GENESIS_ASSIGN(const auto summary, tabular::summarize(table, plan));
  return Answer{tabular::counts_of(summary)};
}

}  // namespace genesis::method
