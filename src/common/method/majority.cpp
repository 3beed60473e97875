#include "common/method/majority.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/tabular/category_text.hpp"

namespace genesis::method {
namespace {

using tabular::ColumnSketch;
using tabular::Kind;
using tabular::NamedSketch;

// Sites that describe their columns in the same words, but for the values.
struct Camp {
  std::vector<const NamedSketch*> sites;  // by id
  std::size_t support = 0;  // sites of all camps that it agrees with, its own among them
};

bool has_values(const ColumnSketch& column) {
  return tabular::is_continuous(column.kind) ? !column.extremes.empty()
                                             : !column.categories.empty();
}

bool is_text(const ColumnSketch& column) {
  return !tabular::is_continuous(column.kind) && column.kind != Kind::kIdentifier &&
         has_values(column);
}

std::string words_of(const tabular::Sketch& sketch) {
  std::set<std::string> columns;
  for (const auto& column : sketch.columns) {
    columns.insert(column.name + '\0' + std::string(tabular::to_string(column.kind)) + '\0' +
                   column.format + '\0' + (column.declared ? "declared" : "") + '\0' +
                   (has_values(column) ? "values" : ""));
  }
  std::string words;
  for (const auto& column : columns) {
    words += column + '\0';
  }
  return words;
}

std::vector<Camp> camps_of(std::span<const NamedSketch> sketches) {
  std::map<std::string, Camp> by_words;
  for (const auto& sketch : sketches) {
    by_words[words_of(sketch.sketch)].sites.push_back(&sketch);
  }
  std::vector<Camp> camps;
  for (auto& [words, camp] : by_words) {
    std::ranges::sort(camp.sites, {}, [](const auto* site) { return site->client; });
    camps.push_back(std::move(camp));
  }
  std::ranges::sort(camps, {}, [](const Camp& camp) { return camp.sites.front()->client; });
  return camps;
}

// Why the two camps can't have one table; nothing where they can.
Status agree(const Camp& a, const Camp& b, std::span<const tabular::Declaration> declared) {
  const std::vector<NamedSketch> both{*a.sites.front(), *b.sites.front()};
  const auto plan = tabular::plan(both, declared);
  return plan ? Status() : Status(tl::unexpected(plan.error()));
}

tl::unexpected<Error> no_majority(const std::string& what) {
  return fail(Errc::kFailedPrecondition, "no majority of the sites agrees on the table: " + what);
}

std::string by_majority(std::size_t votes, std::size_t all) {
  return " (as at " + std::to_string(votes) + " of " + std::to_string(all) + " sites)";
}

const ColumnSketch* find(const tabular::Sketch& sketch, const std::string& name) {
  const auto at = std::ranges::find(sketch.columns, name, &ColumnSketch::name);
  return at == sketch.columns.end() ? nullptr : &*at;
}

// Those who call `name` an identifier, and those who tell its values.
struct Vote {
  std::vector<const NamedSketch*> identifier;
  std::vector<const NamedSketch*> text;
  bool are_distinct =
      false;  // the values of the latter: they may be identifiers that are few there
};

Vote vote_on(const std::string& name, std::span<const NamedSketch* const> sites) {
  Vote vote;
  std::set<std::string_view> values;
  std::uint64_t cells = 0;
  for (const auto* site : sites) {
    const auto* column = find(site->sketch, name);
    if (column == nullptr) {
      continue;
    }
    if (column->kind == Kind::kIdentifier) {
      vote.identifier.push_back(site);
    } else if (is_text(*column)) {
      vote.text.push_back(site);
      values.insert(column->categories.begin(), column->categories.end());
      cells += site->sketch.rows - column->missing;
    }
  }
  constexpr std::uint64_t kDistinctPercent = 95;
  vote.are_distinct = 100 * values.size() > kDistinctPercent * cells;
  return vote;
}

bool is_declared(const std::string& name, std::span<const tabular::Declaration> declared) {
  return std::ranges::any_of(
      declared, [&](const auto& column) { return column.name == name && column.kind; });
}

std::string identifier_and_text(const std::string& column,
                                const std::string& identifier,
                                const std::string& text) {
  return "column '" + column + "': the kind is identifier at client '" + identifier +
         "' and category at client '" + text +
         "'; declare the column in spec.table.columns, or correct the data";
}

// A column that a minority calls an identifier would be learnt at no site.
Status find_false_identifiers(std::span<const NamedSketch* const> sites,
                              std::span<const tabular::Declaration> declared,
                              std::map<std::string, std::string>& reasons) {
  for (const auto& column : sites.front()->sketch.columns) {
    if (is_declared(column.name, declared)) {
      continue;
    }
    const auto vote = vote_on(column.name, sites);
    const auto identifiers = vote.identifier.size();
    const auto texts = vote.text.size();
    if (identifiers == 0 || texts == 0 || identifiers > texts || vote.are_distinct) {
      continue;
    }
    const auto& text = vote.text.front()->client;
    if (identifiers == texts) {
      return no_majority(identifier_and_text(column.name, vote.identifier.front()->client, text));
    }
    for (const auto* site : vote.identifier) {
      reasons.emplace(site->client,
                      identifier_and_text(column.name, site->client, text) +
                          by_majority(texts, identifiers + texts));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Disqualified>> dissenters(std::span<const NamedSketch> sketches,
                                             std::span<const tabular::Declaration> declared) {
  auto camps = camps_of(sketches);
  for (auto& camp : camps) {
    for (const auto& other : camps) {
      camp.support += &camp == &other || agree(camp, other, declared) ? other.sites.size() : 0;
    }
  }
  // The first of the largest: camps are in the order of their first site's id.
  const auto& first = *std::ranges::max_element(camps, {}, &Camp::support);
  const auto all = sketches.size();
  const auto has_majority = [all](const Camp& camp) { return 2 * camp.support > all; };
  if (!has_majority(first)) {
    for (const auto& camp : camps) {
      if (const auto both = agree(first, camp, declared); !both) {
        return no_majority(both.error().message);
      }
    }
  }
  std::map<std::string, std::string> reasons;
  std::vector<const NamedSketch*> agreed;
  for (const auto& camp : camps) {
    const auto with_first = &camp == &first ? Status() : agree(first, camp, declared);
    if (with_first) {
      agreed.insert(agreed.end(), camp.sites.begin(), camp.sites.end());
      continue;
    }
    for (const auto* site : camp.sites) {
      const std::vector<NamedSketch> both{*first.sites.front(), *site};
      const auto plan = tabular::plan(both, declared);
      reasons.emplace(
          site->client,
          (plan ? with_first.error() : plan.error()).message + by_majority(first.support, all));
    }
  }
  std::ranges::sort(agreed, {}, [](const auto* site) { return site->client; });
  GENESIS_RETURN_IF_ERROR(find_false_identifiers(agreed, declared, reasons));
  std::vector<Disqualified> found;
  for (auto& [client, reason] : reasons) {
    GENESIS_ASSIGN(auto id, ClientId::parse(client));
    found.push_back({std::move(id), std::move(reason)});
  }
  return found;
}

namespace {

tl::unexpected<Error> senseless(const ColumnSketch& column, const std::string& what) {
  return fail(Errc::kInvalidArgument, "column '" + column.name + "': " + what);
}

Status check_numbers(const ColumnSketch& column) {
  constexpr double kLargest = 1e300;  // so that no difference of two overflows
  if (column.extremes.empty()) {
    return {};
  }
  if (column.extremes[0] < -kLargest || column.extremes[1] > kLargest) {
    return senseless(column, "has a value beyond 1e300; declare its kind, or correct the data");
  }
  if (column.few_values) {
    const std::size_t listed = column.heavy_values.size();
    return listed <= tabular::kFewValues
               ? Status()
               : Status(senseless(
                     column,
                     "lists " + std::to_string(listed) + " values and says that it has few"));
  }
  return column.extremes[0] < column.extremes[1]
             ? Status()
             : Status(senseless(
                   column, "its bounds leave room for few values, but it says that it has many"));
}

Status check_texts(const ColumnSketch& column, std::uint64_t rows) {
  for (const auto& category : column.categories) {
    GENESIS_RETURN_IF_ERROR(tabular::check_category_text(column.name, category));
  }
  constexpr std::uint64_t kFewestCells = 100;  // as where a single table's column is looked at
  constexpr std::uint64_t kDistinctPercent = 95;
  const std::uint64_t cells = rows - column.missing;
  const bool are_identifiers = !column.declared && cells >= kFewestCells &&
                               100 * column.categories.size() > kDistinctPercent * cells;
  return are_identifiers
             ? Status(senseless(column, "nearly all its values differ: it is an identifier"))
             : Status();
}

}  // namespace

Status check_sense(const tabular::Sketch& sketch) {
  for (const auto& column : sketch.columns) {
    GENESIS_RETURN_IF_ERROR(tabular::is_continuous(column.kind) ? check_numbers(column)
                                                                : check_texts(column, sketch.rows));
    if (column.categories.size() > sketch.rows - column.missing) {
      return senseless(column, "has more categories than rows");
    }
  }
  return {};
}

}  // namespace genesis::method
