// From all sites' sketches to one kind, domain and grid a column (encoder.hpp).
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/fit_numbers.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/infer.hpp"
#include "common/tabular/partition.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {
namespace {

struct SiteColumn {
  const std::string* client = nullptr;
  const ColumnSketch* sketch = nullptr;
  std::uint64_t rows = 0;
};

// One column at all sites, clients in order of their ids.
struct ColumnAtSites {
  const std::string& name;
  const Declaration* declaration = nullptr;  // may be absent
  std::vector<SiteColumn> sites;
};

// A site without a value has none.
bool has_opinion(const SiteColumn& site) {
  return site.sketch->declared || site.sketch->missing < site.rows;
}

bool is_text(Kind kind) {
  return kind == Kind::kCategory || kind == Kind::kBoolean;
}

// The kind that cells of both kinds have.
std::optional<Kind> meet(Kind a, Kind b) {
  if (a == b) {
    return a;
  }
  if (is_continuous(a) && is_continuous(b)) {
    const bool dates = a == Kind::kDatetime || b == Kind::kDatetime;
    return dates ? std::nullopt : std::optional(Kind::kDecimal);
  }
  // Whole numbers that are a key at one site are one at all: a key must not be learnt anywhere.
  const auto is_key = [](Kind key, Kind other) {
    return key == Kind::kIdentifier && other == Kind::kInteger;
  };
  if (is_continuous(a) || is_continuous(b)) {
    return is_key(a, b) || is_key(b, a) ? std::optional(Kind::kIdentifier) : std::nullopt;
  }
  return is_text(a) && is_text(b) ? Kind::kCategory : Kind::kIdentifier;
}

// Whether a site's column of kind `seen` can be taken as the binding `kind`.
bool fits(Kind seen, Kind kind) {
  return seen == kind || (seen == Kind::kInteger && kind == Kind::kDecimal) ||
         (is_text(seen) && is_text(kind)) || (is_text(seen) && kind == Kind::kIdentifier);
}

tl::unexpected<Error> differ(const std::string& column,
                             std::string_view what,
                             const std::string& first_client,
                             std::string_view first,
                             const std::string& second_client,
                             std::string_view second) {
  return fail(Errc::kInvalidArgument,
              "column '" + column + "': the " + std::string(what) + " is " + std::string(first) +
                  " at client '" + first_client + "' and " + std::string(second) + " at client '" +
                  second_client +
                  "'; declare the column in spec.table.columns, or correct the data");
}

// Whether the words are spellings of true and false, and nothing else.
bool are_truth_words(const std::vector<std::string>& words) {
  return !words.empty() &&
         std::all_of(words.begin(), words.end(), [](const auto& word) { return truth(word); });
}

// 0 and 1 mean false and true where another site spells these out.
Kind kind_beside(const SiteColumn& site, const ColumnAtSites& column) {
  const auto& sketch = *site.sketch;
  const bool is_bit = are_bits(sketch);
  const bool others_spell =
      std::any_of(column.sites.begin(), column.sites.end(), [](const SiteColumn& other) {
        return is_text(other.sketch->kind) && are_truth_words(other.sketch->categories);
      });
  return is_bit && !sketch.declared && others_spell ? Kind::kBoolean : sketch.kind;
}

struct Agreement {
  Kind kind = Kind::kCategory;
  bool bound = false;  // by a declaration
};

Result<Agreement> agree_on_kind(const ColumnAtSites& column) {
  const SiteColumn* binding = nullptr;
  for (const auto& site : column.sites) {
    binding = binding == nullptr && site.sketch->declared ? &site : binding;
  }
  std::optional<Kind> bound;
  if (column.declaration != nullptr && column.declaration->kind) {
    bound = column.declaration->kind;
  } else if (binding != nullptr) {
    bound = binding->sketch->kind;
  }
  const SiteColumn* first = binding;
  std::optional<Kind> kind = bound;
  // Identifiers first: a key at one site is one at all, whatever the names of the others are.
  auto sites = column.sites;
  std::ranges::stable_partition(
      sites, [](const SiteColumn& site) { return site.sketch->kind == Kind::kIdentifier; });
  for (const auto& site : sites) {
    if (!has_opinion(site)) {
      continue;
    }
    const Kind seen = kind_beside(site, column);
    if (bound) {
      if (!fits(seen, *bound)) {
        return first != nullptr && first != &site
                   ? differ(column.name,
                            "kind",
                            *first->client,
                            to_string(*bound),
                            *site.client,
                            to_string(seen))
                   : fail(Errc::kInvalidArgument,
                          "column '" + column.name + "' is declared " +
                              std::string(to_string(*bound)) + ", but client '" + *site.client +
                              "' reads it as " + std::string(to_string(seen)) +
                              "; give all clients the same spec");
      }
      continue;
    }
    const auto both = kind ? meet(*kind, seen) : seen;
    if (!both) {
      return differ(column.name,
                    "kind",
                    *first->client,
                    to_string(first->sketch->kind),
                    *site.client,
                    to_string(seen));
    }
    kind = both;
    first = first == nullptr ? &site : first;
  }
  return Agreement{kind.value_or(Kind::kCategory), bound.has_value()};
}

// The finest of the sites' formats writes all their moments; of several, one that begins with the
// year. Which of day and month comes first can't be told from one site to another.
Status agree_on_format(const ColumnAtSites& column, ColumnPlan& plan) {
  const SiteColumn* first = nullptr;
  std::optional<DatetimeFormat> best;
  for (const auto& site : column.sites) {
    if (site.sketch->kind != Kind::kDatetime ||
        (first != nullptr && site.sketch->format == plan.format)) {
      continue;
    }
    GENESIS_ASSIGN(const auto format, DatetimeFormat::parse(site.sketch->format));
    if (first != nullptr && !best->agrees_with(format)) {
      return differ(column.name,
                    "format",
                    *first->client,
                    first->sketch->format,
                    *site.client,
                    site.sketch->format);
    }
    if (first == nullptr || format.step() < best->step() ||
        (format.step() == best->step() && format.is_year_first() && !best->is_year_first())) {
      first = &site;
      best = format;
      plan.format = site.sketch->format;
    }
  }
  if (column.declaration != nullptr && column.declaration->format) {
    plan.format = *column.declaration->format;
  }
  if (plan.format.empty()) {
    return fail(Errc::kInvalidArgument,
                "column '" + column.name +
                    "' is declared a datetime and has no value at any site; declare its format");
  }
  return {};
}

// What the sites' numbers add up to, before the step is known.
struct Gathered {
  std::optional<int> places;  // that every site writes
  DigitCounts digits;
  bool few = true;
  std::vector<double> extremes;  // empty or {min, max}
  std::vector<double> edges;
  std::map<double, std::uint64_t> values;
  std::uint64_t present = 0;
};

Gathered gather(const ColumnAtSites& column) {
  Gathered all;
  for (const auto& site : column.sites) {
    const auto& sketch = *site.sketch;
    if (sketch.extremes.empty()) {
      continue;
    }
    all.places = all.places ? std::min(*all.places, sketch.precision) : sketch.precision;
    all.digits += sketch.digits;
    all.few = all.few && sketch.few_values;
    if (all.extremes.empty()) {
      all.extremes = sketch.extremes;
    }
    all.extremes[0] = std::min(all.extremes[0], sketch.extremes[0]);
    all.extremes[1] = std::max(all.extremes[1], sketch.extremes[1]);
    all.edges.insert(all.edges.end(), sketch.edges.begin(), sketch.edges.end());
    for (std::size_t i = 0; i < sketch.heavy_values.size(); ++i) {
      all.values[sketch.heavy_values[i]] += sketch.heavy_counts[i];
    }
    all.present += site.rows - sketch.missing;
  }
  return all;
}

// The values as they are counted: some may fall together.
std::vector<ValueCount> rounded(const std::map<double, std::uint64_t>& values, const Step& step) {
  std::vector<ValueCount> result;
  for (const auto& [value, count] : values) {
    const double near = step.rounded(value);
    if (result.empty() || result.back().value != near) {
      result.push_back({near, 0});
    }
    result.back().count += count;
  }
  return result;
}

// Whether the few values that enough rows hold are nearly all there is: what lies between them is
// counted as the nearest one.
bool holds_most(std::span<const ValueCount> values, std::uint64_t present) {
  constexpr std::uint64_t kTenth = 10;
  std::uint64_t held = 0;
  for (const auto& value : values) {
    held += value.count;
  }
  return kTenth * held >= (kTenth - 1) * present;
}

// Counts of sites may be weighed, so what stands out at one of them may do so in the sum.
std::size_t most_exact_modes(const ColumnAtSites& column,
                             std::span<const ValueCount> of_all,
                             std::uint64_t present,
                             const Step& step,
                             const ColumnPlan& plan) {
  constexpr std::size_t kUntold =
      8;  // that rounding and values that are light at each site may add
  const Bounds bounds{plan.minimum, plan.maximum};
  const auto found = exact_values(of_all, step, bounds, present);
  std::set<double> values(found.begin(), found.end());
  for (const auto& site : column.sites) {
    std::map<double, std::uint64_t> told;
    for (std::size_t i = 0; i < site.sketch->heavy_values.size(); ++i) {
      told[site.sketch->heavy_values[i]] = site.sketch->heavy_counts[i];
    }
    const auto own =
        exact_values(rounded(told, step), step, bounds, site.rows - site.sketch->missing);
    values.insert(own.begin(), own.end());
  }
  return std::min(kMaxExactModes, values.size() + kUntold);
}

void plan_digits(const ColumnAtSites& column, const Gathered& all, ColumnPlan& plan) {
  if (plan.kind != Kind::kDecimal) {
    return;
  }
  if (column.declaration != nullptr && column.declaration->precision) {
    plan.precision = std::clamp(*column.declaration->precision, 0, kMaxPrecision);
    plan.rounding = {std::min(plan.precision, rounding_of(all.digits).decimals), 0};
    if (rounding_of(all.digits).significant != 0) {
      plan.rounding.decimals = plan.precision;
    }
    return;
  }
  plan.rounding = rounding_of(all.digits);
  if (plan.rounding.significant == 0) {
    plan.precision =
        std::clamp(std::max(plan.rounding.decimals, all.places.value_or(0)), 0, kMaxPrecision);
  }
}

Status plan_numbers(const ColumnAtSites& column, std::size_t most_bins, ColumnPlan& plan) {
  if (plan.kind == Kind::kDatetime) {
    GENESIS_RETURN_IF_ERROR(agree_on_format(column, plan));
  }
  Gathered all = gather(column);
  plan_digits(column, all, plan);
  plan.few_values = all.few;
  if (all.extremes.empty()) {
    return {};
  }
  GENESIS_ASSIGN(const Step step, step_of(plan.kind, plan.rounding, plan.format));
  plan.minimum = step.rounded(all.extremes[0]);
  plan.maximum = step.rounded(all.extremes[1]);
  if (plan.kind != Kind::kDatetime && column.declaration != nullptr) {
    const auto& [minimum, maximum] =
        std::pair(column.declaration->minimum, column.declaration->maximum);
    plan.minimum = minimum ? step.at_least(*minimum) : plan.minimum;
    plan.maximum = maximum ? step.at_most(*maximum) : plan.maximum;
    if (plan.minimum > plan.maximum) {
      return fail(Errc::kInvalidArgument,
                  "column '" + column.name + "': the minimum is above the maximum");
    }
  }
  const auto values = rounded(all.values, step);
  plan.few_values =
      all.few && !values.empty() && values.size() <= kFewValues && holds_most(values, all.present);
  if (plan.few_values) {
    for (const auto& value : values) {
      plan.values.push_back(value.value);
    }
    plan.most_exact = plan.values.size();
    return {};
  }
  std::sort(all.edges.begin(), all.edges.end());
  all.edges.erase(std::unique(all.edges.begin(), all.edges.end()), all.edges.end());
  plan.edges = join_cuts(all.edges, values, all.present, step, most_bins);
  plan.most_exact = most_exact_modes(column, values, all.present, step, plan);
  return {};
}

// One spelling of false and true where the sites have several.
std::vector<std::string> one_spelling(const std::set<std::string>& domain) {
  std::vector<std::string> words(domain.begin(), domain.end());
  return is_boolean(words) && words.size() > 2 ? std::vector<std::string>{"false", "true"} : words;
}

// The other word of a declared boolean, where too few rows hold it for a site to say so.
void complete_pair(std::vector<std::string>& words) {
  if (words.size() == 1) {
    if (auto opposite = opposite_of(words[0])) {
      words.push_back(*std::move(opposite));
      std::sort(words.begin(), words.end());
    }
  }
}

std::string pattern_of(const ColumnAtSites& column) {
  return column.declaration == nullptr ? "" : column.declaration->pattern.value_or("");
}

Status plan_categories(const ColumnAtSites& column, ColumnPlan& plan) {
  std::set<std::string> domain;
  bool has_text = false;
  const SiteColumn* largest = nullptr;
  for (const auto& site : column.sites) {
    const auto& sketch = *site.sketch;
    domain.insert(sketch.categories.begin(), sketch.categories.end());
    has_text = has_text || sketch.missing < site.rows;
    if (largest == nullptr || sketch.categories.size() > largest->sketch->categories.size()) {
      largest = &site;
    }
  }
  const bool lists_categories =
      column.declaration != nullptr && !column.declaration->categories.empty();
  if (domain.empty() && has_text && !lists_categories) {  // no text may leave its site
    plan.kind = Kind::kIdentifier;
    plan.format = pattern_of(column);
    return {};
  }
  if (lists_categories) {
    const auto& declared = column.declaration->categories;
    const std::set<std::string> allowed(declared.begin(), declared.end());
    for (const auto& category : domain) {
      if (allowed.count(category) == 0) {
        const std::string near = looks_missing(category) ? "" : nearest(category, declared);
        return fail(Errc::kInvalidArgument,
                    "column '" + column.name + "': " + in_quotes(category) +
                        " is not one of the declared categories" +
                        (near.empty() ? "; list it there, or in table.missingValues if it stands "
                                        "for no value"
                                      : "; the nearest is " + in_quotes(near)));
      }
    }
    domain = allowed;
  }
  if (domain.size() > kMaxCategories) {
    return fail(
        Errc::kInvalidArgument,
        "column '" + column.name + "': more than " + std::to_string(kMaxCategories) +
            " categories over all clients, most of them at client '" + *largest->client +
            "'; declare it in spec.table.columns with kind identifier, or group its values");
  }
  plan.categories =
      lists_categories ? std::vector(domain.begin(), domain.end()) : one_spelling(domain);
  plan.other = !lists_categories;
  if (plan.other && column.declaration != nullptr) {
    plan.other_text = column.declaration->other.value_or("");
  }
  const bool explicit_kind = column.declaration != nullptr && column.declaration->kind;
  if (!explicit_kind) {
    plan.kind = is_boolean(plan.categories) ? Kind::kBoolean : Kind::kCategory;
  } else if (plan.kind == Kind::kBoolean && plan.categories.size() < 2) {
    complete_pair(plan.categories);
  } else if (plan.kind == Kind::kBoolean && plan.categories.size() > 2) {
    return fail(Errc::kInvalidArgument,
                "column '" + column.name + "' is declared boolean and has more than two values: " +
                    in_quotes(plan.categories[0]) + ", " + in_quotes(plan.categories[1]) + ", " +
                    in_quotes(plan.categories[2]) + "; write them alike at all clients");
  }
  return {};
}

Result<ColumnPlan> plan_column(const ColumnAtSites& column, std::size_t most_bins) {
  GENESIS_ASSIGN(const auto agreement, agree_on_kind(column));
  ColumnPlan plan;
  plan.name = column.name;
  plan.kind = agreement.kind;
  if (is_continuous(plan.kind)) {
    GENESIS_RETURN_IF_ERROR(plan_numbers(column, most_bins, plan));
  } else if (plan.kind == Kind::kIdentifier) {
    plan.format = pattern_of(column);
  } else {
    GENESIS_RETURN_IF_ERROR(plan_categories(column, plan));
  }
  return plan;
}

const ColumnSketch* find(const Sketch& sketch, const std::string& name) {
  const auto at = std::find_if(
      sketch.columns.begin(), sketch.columns.end(), [&](const auto& c) { return c.name == name; });
  return at == sketch.columns.end() ? nullptr : &*at;
}

std::vector<std::string> names_of(const Sketch& sketch) {
  std::vector<std::string> names;
  for (const auto& column : sketch.columns) {
    names.push_back(column.name);
  }
  return names;
}

// Every column of `a` is one of `b`.
Status check_columns(const NamedSketch& a, const NamedSketch& b) {
  for (const auto& column : a.sketch.columns) {
    if (find(b.sketch, column.name) == nullptr) {
      const std::string near = nearest(column.name, names_of(b.sketch));
      return fail(Errc::kInvalidArgument,
                  "column '" + column.name + "' of client '" + a.client +
                      "' is missing at client '" + b.client + "'" +
                      (near.empty() ? "" : ", which has '" + near + "'") +
                      "; leave it out with table.ignoreColumns, or correct the header");
    }
  }
  return {};
}

}  // namespace

Result<Plan> plan(std::span<const NamedSketch> sketches,
                  std::span<const Declaration> declarations) {
  std::vector<const NamedSketch*> clients;
  for (const auto& sketch : sketches) {
    clients.push_back(&sketch);
  }
  std::sort(clients.begin(), clients.end(), [](const auto* a, const auto* b) {
    return a->client < b->client;
  });
  if (clients.empty()) {
    return fail(Errc::kInvalidArgument, "no client has described its table");
  }
  for (const auto* client : clients) {
    if (client->sketch.rows == 0 || client->sketch.columns.empty()) {
      return fail(Errc::kInvalidArgument, "client '" + client->client + "' has no rows");
    }
    GENESIS_RETURN_IF_ERROR(check_columns(*clients.front(), *client));
    GENESIS_RETURN_IF_ERROR(check_columns(*client, *clients.front()));
  }
  for (const auto& declaration : declarations) {
    if (find(clients.front()->sketch, declaration.name) == nullptr) {
      const std::string near = nearest(declaration.name, names_of(clients.front()->sketch));
      return fail(Errc::kInvalidArgument,
                  "spec.table.columns: column '" + declaration.name + "' is in no client's table" +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
  }
  Plan result;
  const auto& columns = clients.front()->sketch.columns;
  for (const auto& column : columns) {
    ColumnAtSites at_sites{column.name, nullptr, {}};
    for (const auto& declaration : declarations) {
      at_sites.declaration = declaration.name == column.name ? &declaration : at_sites.declaration;
    }
    for (const auto* client : clients) {
      at_sites.sites.push_back(
          {&client->client, find(client->sketch, column.name), client->sketch.rows});
    }
    GENESIS_ASSIGN(auto planned, plan_column(at_sites, most_bins(columns.size())));
    result.columns.push_back(std::move(planned));
  }
  return result;
}

}  // namespace genesis::tabular
