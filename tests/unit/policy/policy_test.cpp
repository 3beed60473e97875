#include "common/policy/policy.hpp"

#include <string>
#include <vector>

#include "common/spec/parse.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::policy;

namespace {

std::string document(const std::string& body) {
  return "apiVersion: federated.genesis.dev/v1alpha1\nkind: SitePolicy\nspec:\n" + body;
}

std::string csv_of_people(int rows) {
  std::string csv = "ssn,surname,age\n";
  for (int i = 0; i < rows; ++i) {
    csv += std::to_string(100'000'000 + i * 7919) + ",Name" + std::to_string(i) + "," +
           std::to_string(20 + i % 60) + "\n";
  }
  return csv;
}

tabular::Table people(int rows, const std::vector<std::string>& discrete = {}) {
  return *tabular::parse_csv(csv_of_people(rows), "test.csv", {.discrete_columns = discrete});
}

// As a site of this policy reads them.
Result<tabular::Table> read_within(const Policy& policy,
                                   const std::string& csv,
                                   const tabular::ReadOptions& more = {}) {
  auto options = more;
  options.stays = [&policy](const std::string& column) { return stays(policy, column); };
  return tabular::parse_csv(csv, "test.csv", options);
}

tabular::Declaration declared(const char* name, tabular::Kind kind) {
  tabular::Declaration declaration;
  declaration.name = name;
  declaration.kind = kind;
  return declaration;
}

std::vector<std::string> names(const tabular::Table& table) {
  std::vector<std::string> all;
  for (const auto& column : table.columns) {
    all.push_back(column.name);
  }
  return all;
}

}  // namespace

TEST_CASE("policy: an empty policy has the safe defaults", "[policy]") {
  for (const auto& policy : {*parse(document("  {}"), "policy.yaml"), Policy{}}) {
    CHECK(policy.columns.empty());
    CHECK(policy.other_columns == OtherColumns::kSend);
    CHECK(policy.never_send.empty());
    CHECK(policy.min_category_count == 5);
    CHECK(policy.expect_spec.empty());
    CHECK(policy.least_protection == LeastProtection::kNone);
    CHECK_FALSE(policy.total_epsilon);
    CHECK(policy.total_delta == 1e-5);
  }
}

TEST_CASE("policy: every field of a policy is read", "[policy]") {
  const auto policy = *parse(document(R"(  columns:
    - {name: age, kind: integer, minimum: 0, maximum: 120}
    - {name: group, kind: category, categories: [a, b]}
    - {name: amount}
  otherColumns: keep
  neverSend: [ssn]
  minCategoryCount: 0
  leastProtection: differentialPrivacy
  totalEpsilon: 4.5
  totalDelta: 0.000001
  expectSpec: sha256:)" + std::string(64, 'a')),
                             "policy.yaml");
  REQUIRE(policy.columns.size() == 3);
  CHECK(policy.columns[0].kind == tabular::Kind::kInteger);
  CHECK(policy.columns[0].minimum == 0.0);
  CHECK(policy.columns[0].maximum == 120.0);
  CHECK(policy.columns[1].categories == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(policy.columns[2].kind);
  CHECK(policy.other_columns == OtherColumns::kKeep);
  CHECK(policy.never_send == std::vector<std::string>{"ssn"});
  CHECK(policy.min_category_count == 0);
  CHECK(policy.expect_spec == "sha256:" + std::string(64, 'a'));
  CHECK(policy.least_protection == LeastProtection::kDifferentialPrivacy);
  CHECK(policy.total_epsilon == 4.5);
  CHECK(policy.total_delta == 1e-6);
}

TEST_CASE("policy: what is wrong in a policy is named", "[policy]") {
  const auto refused = [](const std::string& body) {
    const auto policy = parse(document(body), "policy.yaml");
    REQUIRE_FALSE(policy);
    CHECK(policy.error().code == Errc::kInvalidArgument);
    return policy.error().message;
  };
  CHECK_THAT(refused("  {neverSent: [a]}"),
             ContainsSubstring("policy.yaml") && ContainsSubstring("did you mean neverSend?"));
  CHECK_THAT(refused("  {minCategoryCount: -1}"), ContainsSubstring("spec.minCategoryCount"));
  CHECK_THAT(refused("  {expectSpec: sha256:ab}"), ContainsSubstring("spec.expectSpec"));
  CHECK_THAT(refused("  {columns: [{name: a, minimum: 1}]}"),
             ContainsSubstring("needs kind integer or decimal"));
  CHECK_THAT(refused("  {columns: [{name: a}], neverSend: [a]}"),
             ContainsSubstring("spec.neverSend: lists 'a'"));
  CHECK_FALSE(parse("[]", "policy.yaml"));
  CHECK_FALSE(parse("kind: FederatedTraining", "policy.yaml"));
}

TEST_CASE("policy: another spec than the expected one is refused", "[policy]") {
  const auto training = *spec::parse(
      "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\n"
      "metadata: {name: x}\nspec: {}\n",
      "test");
  Policy policy;
  CHECK(check_spec(policy, training));
  REQUIRE(expect_spec(policy, digest_of(training)));
  CHECK(check_spec(policy, training));
  auto other = training;
  other.seed = 9;
  const auto refused = check_spec(policy, other);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  CHECK_THAT(refused.error().message, ContainsSubstring(digest_of(other)));
  CHECK_FALSE(expect_spec(policy, digest_of(other)));
  Policy fresh;
  CHECK_FALSE(expect_spec(fresh, "sha256:xyz"));
}

TEST_CASE("policy: a spec can't have a column as something else than the policy allows",
          "[policy]") {
  Policy policy;
  policy.columns = {declared("ssn", tabular::Kind::kIdentifier)};
  const auto refused = declarations(policy, std::vector{declared("ssn", tabular::Kind::kCategory)});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  CHECK(
      refused.error().message ==
      "column 'ssn': the spec declares it category, but the policy of this site lets it take part "
      "as identifier alone");
  const auto own = *declarations(policy, {});
  REQUIRE(own.size() == 1);
  CHECK(own[0].kind == tabular::Kind::kIdentifier);
}

TEST_CASE("policy: columns that never leave are not in the table", "[policy]") {
  Policy policy;
  policy.never_send = {"ssn"};
  auto table = *read_within(policy, csv_of_people(3));
  CHECK(check(policy, {}, table));
  CHECK(names(table) == std::vector<std::string>{"surname", "age"});
  CHECK(table.kept == std::vector<std::string>{"ssn"});

  policy.columns = {declared("age", tabular::Kind::kInteger)};
  policy.other_columns = OtherColumns::kKeep;
  table = *read_within(policy, csv_of_people(3));
  CHECK(check(policy, {}, table));
  CHECK(names(table) == std::vector<std::string>{"age"});

  policy.never_send = {"snn"};
  table = *read_within(policy, csv_of_people(3));
  CHECK(check(policy, {}, table).error().message ==
        "policy: column 'snn' is not in the table; did you mean 'ssn'?");
}

TEST_CASE("policy: what never leaves is not looked at, whatever the spec says of it", "[policy]") {
  Policy policy;
  policy.never_send = {"lab"};
  std::string csv = "lab,age\n";
  for (int i = 0; i < 50; ++i) {
    csv += (i == 20 ? "hemolysed," : std::to_string(i) + ".5,") + std::to_string(30 + i % 9) + "\n";
  }
  CHECK_FALSE(read_within(Policy{}, csv));  // almost a column of numbers
  const std::vector<tabular::Declaration> of_spec{declared("lab", tabular::Kind::kDatetime)};
  const std::vector<std::string> discrete{"lab"};
  const auto table =
      read_within(policy, csv, {.declarations = of_spec, .discrete_columns = discrete});
  REQUIRE(table);
  CHECK(names(*table) == std::vector<std::string>{"age"});
}

TEST_CASE("policy: a server can't make identifiers categories, the site can", "[policy]") {
  const std::vector<std::string> ssn{"ssn"};
  const auto table = people(300, ssn);  // as with the spec's discreteColumns
  const auto refused = check(Policy{}, {}, table);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  CHECK_THAT(refused.error().message,
             ContainsSubstring("column 'ssn': nearly all its values differ"));
  CHECK(check(Policy{}, ssn, table));
  Policy allows;
  allows.columns = {declared("ssn", tabular::Kind::kCategory)};
  CHECK(check(allows, {}, table));
}

TEST_CASE("policy: a site that asks for differential privacy takes part in no training without",
          "[policy]") {
  const auto policy = *parse(document("  leastProtection: differentialPrivacy\n"), "policy.yaml");
  spec::FederatedTraining training;
  const auto refused = check_protection(policy, training);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  training.privacy.differential_privacy = spec::DifferentialPrivacy{.epsilon = 3.0};
  CHECK(check_protection(policy, training));
  CHECK(check_protection(Policy{}, spec::FederatedTraining{}));
}

TEST_CASE("policy: a total that is none is refused", "[policy]") {
  for (const char* bad : {"totalEpsilon: 0",
                          "totalEpsilon: -1",
                          "totalEpsilon: .nan",
                          "totalDelta: 0",
                          "totalDelta: 1",
                          "leastProtection: some"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse(document("  " + std::string(bad) + "\n"), "policy.yaml"));
  }
}

TEST_CASE("policy: the names that it has are in the table, whatever the rows hold", "[policy]") {
  const auto table = people(300);
  const auto check = [&](const std::string& spec) {
    const auto checked = check_columns(*parse(document(spec), "policy.yaml"), table);
    return checked ? std::string() : checked.error().message;
  };
  CHECK(check("  neverSend: [ssn]\n").empty());
  CHECK_THAT(check("  neverSend: [snn]\n"), ContainsSubstring("did you mean 'ssn'?"));
}

TEST_CASE("policy: a site that names its peers takes part in sums that hide its values alone",
          "[policy]") {
  std::string peers = "  peers:\n";
  for (const std::string name : {"a", "b", "c"}) {
    peers += "  - {name: " + name + ", publicKeySha256: " + std::string(64, name[0]) + "}\n";
  }
  const auto policy = parse(document(peers), "policy.yaml");
  REQUIRE(policy);
  CHECK(policy->peers.at("b") == std::string(64, 'b'));
  spec::FederatedTraining training;
  const auto refused = check_protection(*policy, training);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  CHECK_THAT(refused.error().message, ContainsSubstring("privacy.secureAggregation"));
  training.privacy.secure_aggregation = spec::SecureAggregation{};
  CHECK(check_protection(*policy, training));
  training.privacy.secure_aggregation->encryption = spec::Encryption::kNone;
  CHECK_FALSE(check_protection(*policy, training));

  policy::Policy asked;
  CHECK(check_protection(asked, training));
  asked.wants_secure_sums = true;
  CHECK_FALSE(check_protection(asked, training));
  training.privacy.secure_aggregation->encryption = spec::Encryption::kMasking;
  CHECK(check_protection(asked, training));
  asked.wants_encryption = spec::Encryption::kPaillier;
  const auto masked = check_protection(asked, training);
  REQUIRE_FALSE(masked);
  CHECK_THAT(masked.error().message, ContainsSubstring("by paillier alone"));
  training.privacy.secure_aggregation->encryption = spec::Encryption::kPaillier;
  CHECK(check_protection(asked, training));

  const auto wrong = parse(document("  peers:\n  - {name: a, publicKeySha256: short}\n"), "p.yaml");
  REQUIRE_FALSE(wrong);
  CHECK_THAT(wrong.error().message, ContainsSubstring("peers"));
}
