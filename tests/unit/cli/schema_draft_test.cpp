#include "cli/schema_draft.hpp"

#include "common/spec/parse.hpp"
#include "tests/support/catch.hpp"

namespace genesis::cli {
namespace {

std::string draft(const std::string& csv, const DraftOptions& options = {}) {
  const auto table = tabular::parse_csv(csv, "rows.csv");
  REQUIRE(table);
  auto drafted = draft_schema(*table, options);
  REQUIRE(drafted);
  return std::move(*drafted);
}

// Forty patients; one has a ward of its own.
std::string rows() {
  std::string csv = "age,weight,seen,ward\n";
  for (int i = 0; i < 40; ++i) {
    csv += std::to_string(17 + i) + "," + std::to_string(50 + i) + ".5,2021-03-" +
           (i % 28 < 9 ? "0" : "") + std::to_string(i % 28 + 1) + "," +
           (i == 7       ? "rare"
            : i % 2 == 0 ? "north"
                         : "south") +
           "\n";
  }
  return csv + ",60.5,2022-01-01,north\n";
}

}  // namespace

TEST_CASE("cli: a drafted schema rounds bounds outwards and leaves rare categories out", "[cli]") {
  const auto text = draft(rows());
  CHECK_THAT(text, ContainsSubstring("kind: integer\n    minimum: 10  #"));
  CHECK_THAT(text, ContainsSubstring("maximum: 60  # from the rows, rounded outwards"));
  CHECK_THAT(text, ContainsSubstring("precision: 1  # from the rows"));
  CHECK_THAT(text, ContainsSubstring("earliest: \"2021-01-01\""));
  CHECK_THAT(text, ContainsSubstring("latest: \"2022-12-31\""));
  CHECK_THAT(text, ContainsSubstring("categories: [\"north\", \"south\"]  # from the rows"));
  CHECK_THAT(text, ContainsSubstring("other: \"other\"  # for 1 values that are left out"));
  CHECK_THAT(text, !ContainsSubstring("rare"));
}

TEST_CASE("cli: a bound of a drafted schema is no value of a row, but 0", "[cli]") {
  const auto text = draft("x,y\n10,0\n90,7\n30,1\n");
  CHECK_THAT(text, ContainsSubstring("minimum: 0\n    maximum: 100  #"));
  CHECK_THAT(text, ContainsSubstring("minimum: 0\n    maximum: 8  #"));
}

TEST_CASE("cli: a drafted schema is one that a spec can have", "[cli]") {
  std::string columns;
  const auto text = draft(rows());
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at) + 1;
    columns += "    " + text.substr(at, end - at);
    at = end;
  }
  const auto parsed = spec::parse(
      "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\nmetadata: {name: x}\n"
      "spec:\n  model: {method: mixture}\n  privacy: {differentialPrivacy: {epsilon: 1.0}}\n"
      "  table:\n" +
          columns,
      "draft");
  CAPTURE(parsed ? "" : parsed.error().message);
  REQUIRE(parsed);
  CHECK(parsed->table.columns.size() == 4);
}

}  // namespace genesis::cli
