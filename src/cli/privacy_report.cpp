#include "cli/privacy_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/base/overloaded.hpp"
#include "common/base/text.hpp"

namespace genesis::cli {
namespace {

using privacy::Adversary;
using privacy::Cost;
using privacy::Delta;
using privacy::Epsilon;

constexpr std::size_t kLongestRun = 64;  // that is shown; servers name runs
constexpr std::size_t kLongestColumn = 40;
// 97.5% quantile of the normal distribution: two-sided 95%.
constexpr double kTwoSided95 = 1.959963984540054;

template <typename... Values>
std::string print(const char* format, Values... values) {
  std::string text(512, '\0');
  const int size = std::snprintf(text.data(), text.size(), format, values...);
  text.resize(std::min(static_cast<std::size_t>(std::max(size, 0)), text.size() - 1));
  return text;
}

double sigma_at_site(const Cost& cost) {
  return std::sqrt(cost.variance.value());
}

double sigma_of_sum(const PrivacyPlan& plan, const Cost& cost) {
  return sigma_at_site(cost) * std::sqrt(static_cast<double>(plan.sites));
}

bool is_training(const privacy::PlannedQuery& query) {
  return query.sampling > 0;
}

bool has_training(const PrivacyPlan& plan) {
  return std::ranges::any_of(plan.queries.queries, is_training);
}

// The tables with most of the budget are what the model is made of; others may look for the few
// cells that stand out.
std::size_t main_query(const privacy::QueryPlan& plan) {
  const auto main = std::ranges::max_element(plan.queries, {}, &privacy::PlannedQuery::share);
  return static_cast<std::size_t>(main - plan.queries.begin());
}

std::uint64_t cells_before_tables(const privacy::QueryPlan& plan) {
  std::uint64_t cells = 0;
  for (const auto& query : plan.queries) {
    cells += query.extra_delta > 0 ? 0 : query.cells;  // names have as many as there are values
  }
  return cells - plan.queries[main_query(plan)].cells;
}

// What declaring would save, one line an alternative.
std::vector<std::string> savings_of(const PrivacyPlan& plan) {
  std::vector<std::string> lines;
  const auto main = main_query(plan.queries);
  const double now = sigma_at_site(plan.noise.costs[main]);
  for (const auto& other : plan.if_declared) {
    const auto there = main_query(other.queries);
    const double then = sigma_at_site(other.noise.costs[there]);
    const auto cells = cells_before_tables(other.queries);
    const auto cells_now = cells_before_tables(plan.queries);
    lines.push_back(
        other.declared + ": " + other.queries.queries[there].name +
        print(" with sigma %.2f instead of %.2f (%.1f%% less)", then, now, 100 * (1 - then / now)) +
        (cells == cells_now ? std::string()
                            : print(", and %llu cells instead of %llu before them",
                                    static_cast<unsigned long long>(cells),
                                    static_cast<unsigned long long>(cells_now))));
  }
  return lines;
}

// Rows that a cell of the query has on average.
std::optional<double> rows_per_cell(const PrivacyPlan& plan, const privacy::PlannedQuery& query) {
  if (!plan.rows) {
    return std::nullopt;
  }
  return static_cast<double>(*plan.rows) * static_cast<double>(query.tables) /
         static_cast<double>(query.cells);
}

// The same answers on the rows of one person who has `times` as many, at one site.
Result<Epsilon> epsilon_of_group(const PrivacyPlan& plan, std::uint64_t times) {
  std::vector<Cost> costs = plan.noise.costs;
  for (auto& cost : costs) {
    cost.shift *= times;
  }
  return privacy::epsilon_of(costs, plan.guarantee.delta(), Adversary::kClaimed);
}

// The same answers given by `sites` sites, each of which has the person's rows.
Result<Epsilon> epsilon_of_sites(const PrivacyPlan& plan, std::uint64_t sites) {
  std::vector<Cost> costs;
  for (std::uint64_t site = 0; site < sites; ++site) {
    costs.insert(costs.end(), plan.noise.costs.begin(), plan.noise.costs.end());
  }
  return privacy::epsilon_of(costs, plan.guarantee.delta(), Adversary::kClaimed);
}

struct Scaled {
  std::uint64_t factor = 1;
  Epsilon epsilon;
};

// Of groups of rows, where each row is a unit of its own; of units, nobody asks for several.
Result<std::vector<Scaled>> groups_of(const PrivacyPlan& plan) {
  std::vector<Scaled> groups;
  // A group's rows are sampled one by one, which the accountant has no loss for.
  if (!plan.unit_column && !has_training(plan)) {
    for (const std::uint64_t rows : {2U, 5U, 10U}) {
      GENESIS_ASSIGN(const auto epsilon, epsilon_of_group(plan, rows));
      groups.push_back({rows, epsilon});
    }
  }
  return groups;
}

// "a + b, c + d", in lines of their own.
std::string list_of(const std::vector<privacy::ColumnPair>& pairs) {
  constexpr std::size_t kLine = 100;
  std::string text;
  std::string line;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [a, b] = pairs[i];
    const auto name = printable(a, kLongestColumn) + " + " + printable(b, kLongestColumn) +
                      (i + 1 < pairs.size() ? ", " : "");
    if (!line.empty() && line.size() + name.size() > kLine) {
      line.pop_back();  // the blank
      text += "    " + line + "\n";
      line.clear();
    }
    line += name;
  }
  return text + "    " + line + "\n";
}

// Which pairs of columns are learned together; the shorter of the two lists in full.
std::string pairs_of(const PrivacyPlan& plan) {
  const auto& [queries, taken, left_out, remarks] = plan.queries;
  if (left_out.empty()) {
    return {};
  }
  const bool few_are_taken = taken.size() <= left_out.size();
  return "\npairs       " + std::to_string(taken.size()) + " of " +
         std::to_string(taken.size() + left_out.size()) +
         " pairs of columns have a table: more do not fit. " +
         (few_are_taken ? "All others are left out (--json names them). Taken:\n"
                        : "Taken are all but (--json names them):\n") +
         list_of(few_are_taken ? taken : left_out);
}

std::vector<std::string> advice_for(const PrivacyPlan& plan) {
  std::vector<std::string> advice = plan.queries.remarks;
  if (!plan.queries.left_out.empty()) {
    advice.push_back(
        "columns of a pair without a table are related only by what they have in common with "
        "others. Fewer bins (model.bins), categories or columns leave room for more pairs; a "
        "column is paired with those that follow it, so put those together that belong together");
  }
  if (plan.guarantee.is_meaningless()) {
    advice.push_back("epsilon is above 20: such a guarantee promises next to nothing");
  }
  if (!plan.rows) {
    advice.push_back(
        "with --rows, the plan also compares the noise with the rows, and checks delta");
  }
  const auto main = main_query(plan.queries);
  const auto& query = plan.queries.queries[main];
  const auto rows = rows_per_cell(plan, query);
  if (!has_training(plan) && rows && *rows < sigma_of_sum(plan, plan.noise.costs[main])) {
    advice.push_back(query.name + ": an average cell has " + print("%.1f", *rows) +
                     " rows, which is less than its noise; use fewer columns, bins or "
                     "categories, or a larger epsilon");
  }
  return advice;
}

std::string against(const PrivacyPlan& plan) {
  if (plan.shares == 1) {
    return "against     everyone else together: the aggregator, all other sites and whoever has "
           "the "
           "model;\n            each site's own noise suffices\n";
  }
  const auto colluding = plan.min_survivors - static_cast<std::int64_t>(plan.shares);
  return print(
             "against     the aggregator, whoever has the model, and at most %lld other sites that "
             "collude with\n            them; each masked sum has the noise of at least %lld "
             "sites\n",
             static_cast<long long>(colluding),
             static_cast<long long>(plan.min_survivors)) +
         print("worst       epsilon %.4f, where all other sites collude\n", plan.noise.worst.value);
}

std::string unit_of(const PrivacyPlan& plan) {
  return plan.unit_column ? "all rows of one value of " + *plan.unit_column +
                                " at a site (at most " + std::to_string(plan.rows_per_unit) + ")"
                          : std::string("one row of a site");
}

std::string describe(const privacy::Event& event) {
  using namespace privacy;
  return std::visit(
      Overloaded{
          [](const Opened& opened) { return "opened for data set " + opened.data_set; },
          [](const Charged& charged) {
            const auto& [question, cost] = charged;
            return "charged: run " + printable(question.run, kLongestRun) + ", collection " +
                   std::to_string(question.collection) +
                   (question.attempt > 0 ? ", attempt " + std::to_string(question.attempt)
                                         : std::string()) +
                   ": " +
                   (cost.is_training()
                        ? std::to_string(cost.tables) + " steps of training, sampling rate " +
                              print("%.4f",
                                    static_cast<double>(cost.sampling) * privacy::kSamplingUnit) +
                              ", sigma " + print("%.4f", sigma_at_site(cost)) + " times maxGradNorm"
                        : std::to_string(cost.tables) + " tables, " + std::to_string(cost.cells) +
                              " cells, sigma " + print("%.2f", sigma_at_site(cost)));
          },
          [](const Released& released) {
            return "released for line " + std::to_string(released.charge + 1) + ": sha256 " +
                   released.sha256.substr(0, 16) + "…";
          },
          [](const Exported& exported) { return "exported: transfer " + exported.transfer; },
          [](const Imported& imported) { return "imported: transfer " + imported.transfer; }},
      event);
}

// Infinity, which JSON has no number for, is null.
nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

}  // namespace

Result<PrivacyPlan> plan_privacy(const spec::FederatedTraining& training,
                                 privacy::QueryPlan queries,
                                 std::optional<std::uint64_t> rows,
                                 std::vector<privacy::DeclaredPlan> if_declared) {
  const auto& asked = training.privacy.differential_privacy;
  if (!asked) {
    return fail(
        Errc::kInvalidArgument,
        "spec.privacy.differentialPrivacy: is absent, so that nothing is protected; set its "
        "epsilon, such as 3");
  }
  const auto guarantee = privacy::Guarantee::of(Epsilon{asked->epsilon}, Delta{asked->delta});
  if (!guarantee) {
    return tl::unexpected(guarantee.error().within("spec.privacy.differentialPrivacy"));
  }
  if (rows && asked->delta * static_cast<double>(*rows) >= 1) {
    return fail(Errc::kInvalidArgument,
                print("spec.privacy.differentialPrivacy.delta: %g is not below 1 / rows, %g: a "
                      "mechanism that publishes a random row would pass; lower it",
                      asked->delta,
                      1 / static_cast<double>(*rows)));
  }
  const auto rows_per_unit =
      static_cast<std::uint64_t>(training.privacy.max_rows_per_unit.value_or(1));
  const privacy::Protection protection{
      .rows_per_unit = rows_per_unit,
      .shares = static_cast<std::uint32_t>(spec::noise_shares_of(training))};
  GENESIS_ASSIGN(auto noise, privacy::plan_noise(queries, *guarantee, protection));
  std::vector<DeclaredNoise> alternatives;
  for (auto& [declared, plan] : if_declared) {
    GENESIS_ASSIGN(auto less, privacy::plan_noise(plan, *guarantee, protection));
    alternatives.push_back({std::move(declared), std::move(plan), std::move(less)});
  }
  const auto& secure = training.privacy.secure_aggregation;
  return PrivacyPlan{.guarantee = *guarantee,
                     .queries = std::move(queries),
                     .noise = std::move(noise),
                     .sites = std::max<std::uint64_t>(training.participants.size(), 1),
                     .unit_column = training.privacy.unit_column,
                     .rows_per_unit = rows_per_unit,
                     .rows = rows,
                     .shares = protection.shares,
                     .min_survivors = secure ? secure->min_survivors : 1,
                     .if_declared = std::move(alternatives)};
}

Result<std::string> to_text(const PrivacyPlan& plan) {
  GENESIS_ASSIGN(const auto groups, groups_of(plan));
  GENESIS_ASSIGN(const auto two_sites, epsilon_of_sites(plan, 2));
  std::string text = print("guarantee   epsilon %g, delta %g, for ",
                           plan.guarantee.epsilon().value,
                           plan.guarantee.delta().value) +
                     unit_of(plan) + "\n" +
                     print("accounted   epsilon %.4f\n", plan.noise.epsilon.value) + against(plan) +
                     "\n" +
                     print("%-10s %7s %9s %15s %16s %18s\n",
                           "query",
                           "tables",
                           "cells",
                           "sigma at a site",
                           "sigma of the sum",
                           "95% of cells within");
  std::string training;
  for (std::size_t i = 0; i < plan.queries.queries.size(); ++i) {
    const auto& query = plan.queries.queries[i];
    const auto& cost = plan.noise.costs[i];
    if (is_training(query)) {
      training = print(
          "%-10.10s %7llu steps, each on a share of %.4f of the rows, sigma %.4f times "
          "maxGradNorm\n",
          query.name.c_str(),
          static_cast<unsigned long long>(query.tables),
          query.sampling,
          sigma_at_site(cost));
      continue;
    }
    text += print("%-10.10s %7llu %9llu %15.2f %16.2f %18.0f\n",
                  query.name.c_str(),
                  static_cast<unsigned long long>(query.tables),
                  static_cast<unsigned long long>(query.cells),
                  sigma_at_site(cost),
                  sigma_of_sum(plan, cost),
                  kTwoSided95 * sigma_of_sum(plan, cost));
  }
  text += training + pairs_of(plan) + "\n";
  for (const auto& group : groups) {
    text += print("a person with %2llu rows at a site     epsilon %.2f\n",
                  static_cast<unsigned long long>(group.factor),
                  group.epsilon.value);
  }
  if (plan.sites > 1) {
    text +=
        print("a person with rows at 2 sites       epsilon %.2f, and at most the sum over more\n",
              two_sites.value);
  }
  for (const auto& line : savings_of(plan)) {
    text += "if declared: " + line + "\n";
  }
  for (const auto& line : advice_for(plan)) {
    text += "note: " + line + "\n";
  }
  return text;
}

Result<std::string> to_json(const PrivacyPlan& plan) {
  nlohmann::json json{{"epsilon", plan.guarantee.epsilon().value},
                      {"delta", plan.guarantee.delta().value},
                      {"accountedEpsilon", number(plan.noise.epsilon.value)},
                      {"worstEpsilon", number(plan.noise.worst.value)},
                      {"noiseShares", plan.shares},
                      {"sites", plan.sites},
                      {"maxRowsPerUnit", plan.rows_per_unit},
                      {"queries", nlohmann::json::array()},
                      {"groups", nlohmann::json::array()},
                      {"notes", advice_for(plan)}};
  if (plan.unit_column) {
    json["unitColumn"] = *plan.unit_column;
  }
  for (std::size_t i = 0; i < plan.queries.queries.size(); ++i) {
    const auto& query = plan.queries.queries[i];
    const auto& cost = plan.noise.costs[i];
    json["queries"].push_back({{"name", query.name},
                               {"tables", query.tables},
                               {"cells", query.cells},
                               {"sigma", sigma_at_site(cost)},
                               {"sigmaOfSum", sigma_of_sum(plan, cost)}});
    if (is_training(query)) {
      json["queries"].back()["samplingRate"] = query.sampling;
    }
  }
  if (!plan.queries.left_out.empty()) {
    json["pairs"] = plan.queries.pairs;
    json["pairsLeftOut"] = plan.queries.left_out;
  }
  for (const auto& other : plan.if_declared) {
    nlohmann::json queries = nlohmann::json::array();
    for (std::size_t i = 0; i < other.queries.queries.size(); ++i) {
      const auto& query = other.queries.queries[i];
      queries.push_back({{"name", query.name},
                         {"tables", query.tables},
                         {"cells", query.cells},
                         {"sigma", sigma_at_site(other.noise.costs[i])}});
    }
    json["ifDeclared"].push_back({{"declared", other.declared}, {"queries", std::move(queries)}});
  }
  GENESIS_ASSIGN(const auto groups, groups_of(plan));
  for (const auto& group : groups) {
    json["groups"].push_back({{"rows", group.factor}, {"epsilon", number(group.epsilon.value)}});
  }
  GENESIS_ASSIGN(const auto two_sites, epsilon_of_sites(plan, 2));
  json["epsilonAtTwoSites"] = number(two_sites.value);
  return dump_json(json) + "\n";
}

Result<std::string> to_text(const privacy::Ledger& ledger, Delta delta) {
  GENESIS_ASSIGN(const auto spent, ledger.spent(delta));
  std::string text =
      "data set  " + ledger.data_set() + "\n" +
      print("spent     epsilon %.4f at delta %g by %llu answers; %.4f if all other sites collude\n",
            spent.epsilon.value,
            delta.value,
            static_cast<unsigned long long>(spent.charges),
            spent.worst.value) +
      "head      " + privacy::to_text(ledger.head()) + "\n";
  if (ledger.exported()) {
    text += "closed    exported as transfer " + *ledger.exported() + "; it lives elsewhere\n";
  }
  text += "\n";
  for (const auto& entry : ledger.entries()) {
    const unsigned long long line = entry.sequence + 1;
    text += print("%5llu  ", line) + entry.time + "  " + describe(entry.event) + "\n";
  }
  return text;
}

Result<std::string> to_json(const privacy::Ledger& ledger, Delta delta) {
  GENESIS_ASSIGN(const auto spent, ledger.spent(delta));
  const nlohmann::json json{{"dataSet", ledger.data_set()},
                            {"delta", delta.value},
                            {"epsilon", number(spent.epsilon.value)},
                            {"worstEpsilon", number(spent.worst.value)},
                            {"squaredMu", spent.squared_mu},
                            {"answers", spent.charges},
                            {"entries", ledger.entries().size()},
                            {"exported", ledger.exported().has_value()},
                            {"head", privacy::to_text(ledger.head())}};
  return dump_json(json) + "\n";
}

bool AuditReport::is_refuted() const {
  return std::ranges::any_of(lines, [](const auto& line) { return line.result.is_refuted(); });
}

std::string to_text(const AuditReport& report) {
  std::string text = print("%llu canaries, confidence %g, delta %g\n\n%-40s %9s %12s\n",
                           static_cast<unsigned long long>(report.settings.canaries),
                           report.settings.confidence,
                           report.settings.delta.value,
                           "answer",
                           "claimed",
                           "at least");
  for (const auto& line : report.lines) {
    text += print("%-40.40s %9.3f %12.3f%s\n",
                  line.name.c_str(),
                  line.result.claimed.value,
                  line.result.lower_bound.value,
                  line.result.is_refuted() ? "  REFUTED" : "");
  }
  return text;
}

std::string to_json(const AuditReport& report) {
  nlohmann::json json{{"canaries", report.settings.canaries},
                      {"confidence", report.settings.confidence},
                      {"delta", report.settings.delta.value},
                      {"refuted", report.is_refuted()},
                      {"answers", nlohmann::json::array()}};
  for (const auto& line : report.lines) {
    json["answers"].push_back({{"name", line.name},
                               {"claimedEpsilon", number(line.result.claimed.value)},
                               {"lowerBound", number(line.result.lower_bound.value)},
                               {"refuted", line.result.is_refuted()}});
  }
  return dump_json(json) + "\n";
}

}  // namespace genesis::cli
