#include "common/method/agreement.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/aggregation/weights.hpp"
#include "common/base/json.hpp"
#include "common/method/inner_bounds.hpp"
#include "common/method/majority.hpp"
#include "common/tabular/fits.hpp"
#include "common/tabular/look_alikes.hpp"
#include "common/tabular/public_grid.hpp"
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

constexpr JsonLimits kEncodingLimits{.max_bytes = kMaxEncodingBytes};
constexpr std::size_t kMostOtherModes = 11;  // of a column of numbers: Gaussian ones, and missing
constexpr std::size_t kMostExactOfPublic = 64;  // values with a mode each, on a public grid
constexpr std::size_t kBytesOfMode = 96;        // beside its category
constexpr std::size_t kValuesOfMode = 4;
constexpr std::size_t kBytesOfColumn = 1024;

// The shape of the largest encoder that can come of the plan.
tabular::Layout largest_layout(const tabular::Plan& plan) {
  tabular::Layout layout;
  for (const auto& planned : plan.columns) {
    tabular::ColumnLayout column;
    column.name = planned.name;
    if (tabular::is_continuous(planned.kind)) {
      column.has_value = true;
      column.modes = static_cast<std::uint32_t>(kMostOtherModes + planned.most_exact);
    } else if (planned.kind != tabular::Kind::kIdentifier) {
      column.conditional = true;
      column.modes = static_cast<std::uint32_t>(planned.categories.size()) + 2;  // other, missing
    }
    layout.columns.push_back(std::move(column));
  }
  return layout;
}

Status check_encoder_size(const tabular::Plan& plan, std::size_t plan_bytes) {
  const auto layout = largest_layout(plan);
  const std::size_t modes = layout.width();
  // What the plan holds of texts the encoder holds too.
  const std::size_t bytes =
      plan_bytes + modes * kBytesOfMode + plan.columns.size() * kBytesOfColumn;
  if (bytes > kMaxEncodingBytes || modes * kValuesOfMode > kEncodingLimits.max_values) {
    return fail(Errc::kInvalidArgument,
                "the encoder would be of " + std::to_string(bytes) + " bytes; at most " +
                    std::to_string(kMaxEncodingBytes) +
                    " are sent. Declare columns of free text with kind identifier, or group their "
                    "values");
  }
  return {};
}

}  // namespace

std::size_t electorate(const spec::FederatedTraining& training) {
  constexpr std::size_t kFewestVoters = 3;
  const auto expected = std::min(training.participants.size(),
                                 static_cast<std::size_t>(spec::max_clients_of(training)));
  return std::max(static_cast<std::size_t>(spec::min_clients_of(training)),
                  std::min(kFewestVoters, expected));
}

Grid grid_of(const spec::FederatedTraining& training) {
  return training.privacy.secure_aggregation ? Grid::kPublic : Grid::kOfSites;
}

std::string encoder_text(const tabular::Encoder& encoder) {
  return dump_json(tabular::to_json(encoder));
}

Result<tabular::Encoder> parse_encoder(std::string_view text) {
  GENESIS_ASSIGN(const auto json, parse_json(text, kEncodingLimits));
  return tabular::encoder_from_json(json);
}

Result<std::uint64_t> Agreement::introduce(const ClientId& client, std::string_view sketch) {
  GENESIS_ASSIGN(auto introduced, parse_sketch(client, sketch));
  const auto rows = introduced.rows;
  if (auto sense = check_sense(introduced); !sense) {
    return tl::unexpected(sense.error().within("client " + client.str()));
  }
  std::vector<tabular::NamedSketch> with{{client.str(), introduced}};
  if (is_settled_) {
    for (const auto& [id, known] : sketches_) {
      if (id != client) {
        with.push_back({id.str(), known});
      }
    }
  }
  if (auto agreed = usable_plan(with); !agreed) {
    return tl::unexpected(agreed.error());
  }
  if (is_settled_) {
    GENESIS_RETURN_IF_ERROR(agrees_with_others(client, with));
  }
  leave(client);  // as what it was before
  sketches_.insert_or_assign(client, std::move(introduced));
  order_.push_back(client);
  if (!is_settled_ && sketches_.size() >= electorate_) {
    // Where there is no majority yet, one of those who are still to come may make it.
    [[maybe_unused]] const Status settled = settle();
  }
  return rows;
}

// What one site says alone binds the others no more once they have agreed than before.
Status Agreement::agrees_with_others(const ClientId& client,
                                     std::span<const tabular::NamedSketch> with) const {
  GENESIS_ASSIGN(const auto against, dissenters(with, declared_));
  const auto it = std::ranges::find(against, client, &Disqualified::client);
  return it == against.end() ? Status() : Status(fail(Errc::kInvalidArgument, it->reason));
}

void Agreement::leave(const ClientId& client) {
  sketches_.erase(client);
  std::erase(order_, client);
}

std::vector<tabular::NamedSketch> Agreement::named() const {
  std::vector<tabular::NamedSketch> all;
  for (const auto& [id, sketch] : sketches_) {
    all.push_back({id.str(), sketch});
  }
  return all;
}

Status Agreement::settle() {
  GENESIS_ASSIGN(auto found, dissenters(named(), declared_));
  is_settled_ = true;
  for (auto& dissenter : found) {
    leave(dissenter.client);
    disqualified_.push_back(std::move(dissenter));
  }
  if (usable_plan(named())) {
    return {};
  }
  // The first whose table makes the plan one that can't be used goes, in the order in which they
  // came.
  std::vector<tabular::NamedSketch> kept;
  for (const auto& client : std::vector(order_)) {
    kept.push_back({client.str(), sketches_.at(client)});
    if (auto usable = usable_plan(kept); !usable) {
      kept.pop_back();
      leave(client);
      disqualified_.push_back({client, usable.error().message});
    }
  }
  return {};
}

Result<tabular::Plan> Agreement::usable_plan(std::vector<tabular::NamedSketch> sketches,
                                             std::vector<std::string>* notes) const {
  if (grid_ == Grid::kPublic) {
    tabular::add_public_grid(sketches, declared_);
  }
  auto bounded = inner_bounds(std::move(sketches), declared_);
  GENESIS_ASSIGN(auto plan, tabular::plan(bounded.sketches, declared_));
  if (grid_ == Grid::kPublic) {
    for (auto& column : plan.columns) {
      column.most_exact = column.edges.empty() ? column.most_exact : kMostExactOfPublic;
    }
  }
  // As the sites will read it.
  const auto text = dump_json(tabular::to_json(plan));
  GENESIS_RETURN_IF_ERROR(check_encoder_size(plan, text.size()));
  GENESIS_ASSIGN(const auto json, parse_json(text, kEncodingLimits));
  GENESIS_ASSIGN(const auto read, tabular::plan_from_json(json));
  const auto layout = largest_layout(read);
  if (fits_model_ && layout.width() > 0) {
    if (auto fits = fits_model_(layout); !fits) {
      return fail(Errc::kInvalidArgument, fits.error().message);
    }
  }
  if (notes != nullptr) {
    *notes = std::move(bounded.notes);
  }
  return plan;
}

Result<Ask> Agreement::ask() {
  if (!is_settled_) {
    GENESIS_RETURN_IF_ERROR(settle());
  }
  GENESIS_ASSIGN(plan_, usable_plan(named(), &notes_));
  Ask ask;
  ask.remarks = tabular::look_alikes(named());
  ask.request = {std::string(kSummaries), rounds::Roster::kEveryone, RoundId{0}};
  ask.documents.push_back(
      make_document(std::string(kPlanDocument), dump_json(tabular::to_json(plan_))));
  ask.combine = SumOfCounts{tabular::count_words(plan_), tabular::count_lists(plan_)};
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

rounds::Counts Agreement::weighed(const rounds::Counts& counts,
                                  std::uint64_t rows,
                                  std::uint64_t weight) const {
  auto summary = tabular::summary_of(counts, plan_);
  if (!summary || rows == weight) {
    return counts;
  }
  summary->rows = weight;
  for (auto& column : summary->columns) {
    const std::vector<std::vector<std::uint64_t>*> lists{
        &column.bins, &column.values, &column.categories};
    rounds::Counts all{column.missing};
    for (const auto* list : lists) {
      all.insert(all.end(), list->begin(), list->end());
    }
    all = aggregation::apportioned(all, rows, weight);
    auto next = all.begin();
    column.missing = *next++;
    for (auto* list : lists) {
      for (auto& count : *list) {
        count = *next++;
      }
    }
  }
  return tabular::counts_of(*summary);
}

Result<Agreed> Agreement::agreed(const rounds::Counts& sum) const {
  GENESIS_ASSIGN(auto summary, tabular::summary_of(sum, plan_));
  Agreed agreed{plan_, std::move(summary)};
  if (grid_ == Grid::kPublic) {
    tabular::narrow(agreed.plan, agreed.summary, declared_);
  }
  return agreed;
}

Result<std::uint64_t> introduce_late(const ClientId& client,
                                     std::string_view sketch,
                                     const tabular::Encoder& encoder) {
  GENESIS_ASSIGN(const auto introduced, parse_sketch(client, sketch));
  if (auto sense = check_sense(introduced); !sense) {
    return tl::unexpected(sense.error().within("client " + client.str()));
  }
  if (auto fits = tabular::check_fits(introduced, encoder); !fits) {
    return tl::unexpected(
        fits.error().within("client " + client.str() + ": joins after the start"));
  }
  return introduced.rows;
}

std::string sketch_text(const tabular::Sketch& sketch, Grid grid) {
  return dump_json(
      tabular::to_json(grid == Grid::kPublic ? tabular::public_sketch(sketch) : sketch));
}

namespace {

// Text that is counted whatever its count must be the spec's own, which this site knows.
Status check_texts(const tabular::Plan& plan, std::span<const tabular::Declaration> declared) {
  for (const auto& column : plan.columns) {
    const auto own = std::ranges::find(declared, column.name, &tabular::Declaration::name);
    const bool is_listed = std::ranges::all_of(column.categories, [&](const auto& category) {
      return own != declared.end() &&
             std::ranges::find(own->categories, category) != own->categories.end();
    });
    if (!column.other && !is_listed) {
      return fail(Errc::kPermissionDenied,
                  "column '" + column.name +
                      "': the server wants exact counts of text that the spec does not list; this "
                      "site does not answer that");
    }
  }
  return {};
}

}  // namespace

Result<Answer> count_rows(const tabular::Table& table,
                          const SiteRules& rules,
                          Documents& documents) {
  GENESIS_ASSIGN(const std::string text, documents.fetch(kPlanDocument));
  GENESIS_ASSIGN(const auto json, parse_json(text, kEncodingLimits));
  GENESIS_ASSIGN(const auto plan, tabular::plan_from_json(json));
  GENESIS_RETURN_IF_ERROR(check_texts(plan, rules.declared));
  GENESIS_ASSIGN(auto summary, tabular::summarize(table, plan));
  tabular::withhold_rare(rules.policy, plan, summary);
  return Answer{tabular::counts_of(summary)};
}

}  // namespace genesis::method
