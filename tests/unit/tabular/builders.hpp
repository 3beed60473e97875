#pragma once
// Small tables and the agreement of sites in one call, so that a test shows only what it is about.
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/json_document.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/table.hpp"
#include "tests/support/catch.hpp"

namespace genesis::tabular {

/// The value, or the test fails with the error's message.
template <typename T>
T ok(Result<T> result) {
  INFO((result ? std::string("ok") : result.error().message));
  REQUIRE(result.has_value());
  return std::move(result).value();
}

template <typename T>
std::string error_of(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().message;
}

inline Table table_of(std::string_view text,
                      const std::vector<Declaration>& declarations = {},
                      const std::vector<std::string>& discrete = {}) {
  return ok(parse_csv(text, "t.csv", {.declarations = declarations, .discrete_columns = discrete}));
}

inline std::string read_error(std::string_view text,
                              const std::vector<Declaration>& declarations = {},
                              const std::vector<std::string>& discrete = {}) {
  return error_of(
      parse_csv(text, "t.csv", {.declarations = declarations, .discrete_columns = discrete}));
}

/// One column called x.
inline std::string one_column(const std::vector<std::string>& cells) {
  std::string text = "x\n";
  for (const auto& cell : cells) {
    text += cell.empty() ? "\"\"" : cell;
    text += '\n';
  }
  return text;
}

inline Declaration declare(std::string name, Kind kind) {
  Declaration declaration;
  declaration.name = std::move(name);
  declaration.kind = kind;
  return declaration;
}

/// Sketches of sites "a", "b", … in that order.
inline std::vector<NamedSketch> sketches_of(const std::vector<Table>& sites) {
  // The tables of tests are small: all their text may leave.
  std::vector<NamedSketch> sketches;
  for (const auto& site : sites) {
    sketches.push_back({std::string(1, static_cast<char>('a' + sketches.size())),
                        sketch(site, {.min_category_count = 1})});
  }
  return sketches;
}

inline Result<Plan> plan_for(const std::vector<Table>& sites,
                             const std::vector<Declaration>& declarations = {}) {
  return plan(sketches_of(sites), declarations);
}

inline Summary total_of(const std::vector<Table>& sites, const Plan& agreed) {
  Summary total;
  for (const auto& site : sites) {
    REQUIRE(merge(total, ok(summarize(site, agreed)), agreed));
  }
  return total;
}

inline Encoder encoder_for(const std::vector<Table>& sites,
                           const std::vector<Declaration>& declarations = {}) {
  const Plan agreed = ok(plan_for(sites, declarations));
  return ok(fit(agreed, total_of(sites, agreed)));
}

/// As documents travel.
template <typename T>
Result<T> through_text(const nlohmann::json& document, Result<T> (*from)(JsonValue)) {
  const std::string text = document.dump();
  GENESIS_ASSIGN(const auto parsed, JsonDocument::parse(text));
  return from(parsed);
}

inline bool same_number(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || a == b;
}

inline bool same_table(const Table& a, const Table& b) {
  bool same = a.rows == b.rows && a.columns.size() == b.columns.size();
  for (std::size_t i = 0; same && i < a.columns.size(); ++i) {
    const auto& x = a.columns[i];
    const auto& y = b.columns[i];
    same = x.name == y.name && x.kind == y.kind && x.precision == y.precision &&
           x.format == y.format && x.codes == y.codes && x.categories == y.categories &&
           x.numbers.size() == y.numbers.size();
    for (std::size_t row = 0; same && row < x.numbers.size(); ++row) {
      same = same_number(x.numbers[row], y.numbers[row]);
    }
  }
  return same;
}

}  // namespace genesis::tabular
