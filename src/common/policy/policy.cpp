#include "common/policy/policy.hpp"

#include <algorithm>
#include <utility>

#include "common/base/check.hpp"
#include "common/base/text.hpp"
#include "common/crypto/digest.hpp"
#include "common/policy/schema_text.hpp"
#include "common/spec/parse.hpp"
#include "common/spec/schema.hpp"
#include "common/spec/validate.hpp"
#include "common/spec/yaml.hpp"

namespace genesis::policy {
namespace {

const spec::Schema& schema() {
  static const spec::Schema kSchema = [] {
    auto json = spec::read_yaml(schema_text(), "src/common/policy/schema.yaml");
    GENESIS_CHECK(json, json ? "" : json.error().message);
    auto made = spec::make_schema(*json);
    GENESIS_CHECK(made, made ? "" : made.error().message);
    return std::move(made).value();
  }();
  return kSchema;
}

tabular::Declaration declaration_of(const spec::Json& column) {
  tabular::Declaration declared;
  declared.name = column.at("name").get<std::string>();
  if (column.contains("kind")) {
    if (auto kind = tabular::parse_kind(column.at("kind").get<std::string>())) {
      declared.kind = *kind;  // the schema's enum has the same words
    }
  }
  if (column.contains("minimum")) {
    declared.minimum = column.at("minimum").get<double>();
  }
  if (column.contains("maximum")) {
    declared.maximum = column.at("maximum").get<double>();
  }
  if (column.contains("categories")) {
    declared.categories = column.at("categories").get<std::vector<std::string>>();
  }
  return declared;
}

template <typename Declarations>
auto find(Declarations& declarations, const std::string& name) {
  return std::ranges::find(declarations, name, &tabular::Declaration::name);
}

tl::unexpected<Error> denied(const std::string& column, const std::string& what) {
  return fail(Errc::kPermissionDenied, "column '" + column + "': " + what);
}

// The rule by which a single table's column is an identifier.
bool is_nearly_distinct(const tabular::Column& column) {
  constexpr std::size_t kFewestCells = 100;
  constexpr std::size_t kDistinctPercent = 95;
  const auto missing =
      static_cast<std::size_t>(std::ranges::count(column.codes, tabular::kMissingCode));
  const std::size_t cells = column.codes.size() - missing;
  return cells >= kFewestCells && 100 * column.categories.size() > kDistinctPercent * cells;
}

bool is_text(tabular::Kind kind) {
  return kind == tabular::Kind::kCategory || kind == tabular::Kind::kBoolean;
}

Status check_names(const Policy& policy, const tabular::Table& table) {
  std::vector<std::string> names = table.kept;
  for (const auto& column : table.columns) {
    names.push_back(column.name);
  }
  auto asked = policy.never_send;
  for (const auto& column : policy.columns) {
    asked.push_back(column.name);
  }
  for (const auto& name : asked) {
    if (std::ranges::find(names, name) == names.end()) {
      const auto near = nearest(name, names);
      return fail(Errc::kInvalidArgument,
                  "policy: column '" + name + "' is not in the table" +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
  }
  return {};
}

}  // namespace

Result<Policy> parse(std::string_view text, std::string_view source) {
  GENESIS_ASSIGN(auto document, spec::read_yaml(text, source));
  spec::Findings findings;
  if (!document.is_object()) {
    return fail(Errc::kInvalidArgument, std::string(source) + ": expected a SitePolicy");
  }
  spec::apply_defaults(schema(), document);
  spec::validate(schema(), document, "", findings);
  if (!findings.empty()) {
    return fail(Errc::kInvalidArgument,
                std::string(source) + ": " + spec::to_text(std::move(findings)));
  }
  const auto& body = document.at("spec");
  Policy policy;
  for (const auto& column : body.at("columns")) {
    policy.columns.push_back(declaration_of(column));
  }
  policy.other_columns =
      body.at("otherColumns") == "keep" ? OtherColumns::kKeep : OtherColumns::kSend;
  policy.never_send = body.at("neverSend").get<std::vector<std::string>>();
  policy.min_category_count = body.at("minCategoryCount").get<std::uint64_t>();
  policy.expect_spec = body.value("expectSpec", std::string());
  policy.least_protection = body.at("leastProtection") == "differentialPrivacy"
                                ? LeastProtection::kDifferentialPrivacy
                                : LeastProtection::kNone;
  if (body.contains("totalEpsilon")) {
    policy.total_epsilon = body.at("totalEpsilon").get<double>();
  }
  policy.total_delta = body.at("totalDelta").get<double>();
  for (const auto& peer : body.value("peers", spec::Json::array())) {
    policy.peers.emplace(peer.at("name").get<std::string>(),
                         peer.at("publicKeySha256").get<std::string>());
  }
  for (const auto& name : policy.never_send) {
    if (find(policy.columns, name) != policy.columns.end()) {
      return fail(Errc::kInvalidArgument,
                  std::string(source) + ": spec.neverSend: lists '" + name +
                      "', which spec.columns lets take part; remove it from one of the two");
    }
  }
  return policy;
}

Status check_protection(const Policy& policy, const spec::FederatedTraining& training) {
  if (policy.least_protection == LeastProtection::kDifferentialPrivacy &&
      !training.privacy.differential_privacy) {
    return fail(Errc::kPermissionDenied,
                "policy: leastProtection is differentialPrivacy, and the training's spec has no "
                "privacy.differentialPrivacy");
  }
  const auto& secure = training.privacy.secure_aggregation;
  const bool is_hidden = secure && secure->encryption != spec::Encryption::kNone;
  if ((policy.wants_secure_sums || !policy.peers.empty()) && !is_hidden) {
    return fail(Errc::kPermissionDenied,
                "policy: this site takes part in secure sums alone, and the training's spec has no "
                "privacy.secureAggregation that hides what it sends");
  }
  if (policy.wants_encryption && (!secure || secure->encryption != *policy.wants_encryption)) {
    return fail(Errc::kPermissionDenied,
                "policy: this site takes part in sums by " +
                    std::string(spec::to_string(*policy.wants_encryption)) +
                    " alone, and the training hides them by " +
                    (secure ? std::string(spec::to_string(secure->encryption)) : "nothing"));
  }
  return {};
}

Status expect_spec(Policy& policy, const std::string& digest) {
  constexpr std::string_view kPrefix = "sha256:";
  constexpr std::size_t kHexDigits = 64;
  const bool is_digest =
      digest.starts_with(kPrefix) && digest.size() == kPrefix.size() + kHexDigits &&
      digest.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string::npos;
  if (!is_digest) {
    return fail(Errc::kInvalidArgument,
                "expected spec: \"" + digest + "\" is not sha256: and 64 lower-case hex digits");
  }
  if (!policy.expect_spec.empty() && policy.expect_spec != digest) {
    return fail(
        Errc::kInvalidArgument,
        "expected spec: " + digest + ", but the site's policy expects " + policy.expect_spec);
  }
  policy.expect_spec = digest;
  return {};
}

std::string digest_of(const spec::FederatedTraining& training) {
  return "sha256:" + crypto::sha256_hex(spec::print_json(training));
}

Status check_spec(const Policy& policy, const spec::FederatedTraining& training) {
  const auto offered = digest_of(training);
  if (policy.expect_spec.empty() || policy.expect_spec == offered) {
    return {};
  }
  return fail(Errc::kPermissionDenied,
              "the server's spec has the digest " + offered + ", but this site expects " +
                  policy.expect_spec + "; nothing was sent");
}

Result<std::vector<tabular::Declaration>> declarations(
    const Policy& policy, const std::vector<tabular::Declaration>& of_spec) {
  auto all = of_spec;
  for (const auto& own : policy.columns) {
    const auto spec = find(all, own.name);
    if (spec == all.end()) {
      if (own.kind) {
        all.push_back(own);
      }
      continue;
    }
    if (own.kind && spec->kind && *own.kind != *spec->kind) {
      return denied(own.name,
                    "the spec declares it " + std::string(tabular::to_string(*spec->kind)) +
                        ", but the policy of this site lets it take part as " +
                        std::string(tabular::to_string(*own.kind)) + " alone");
    }
    const bool is_wider = (own.minimum && spec->minimum && *spec->minimum < *own.minimum) ||
                          (own.maximum && spec->maximum && *spec->maximum > *own.maximum);
    spec->kind = own.kind ? own.kind : spec->kind;
    if (!is_wider) {
      spec->minimum = own.minimum ? own.minimum : spec->minimum;
      spec->maximum = own.maximum ? own.maximum : spec->maximum;
    }
    if (!own.categories.empty()) {
      spec->categories = own.categories;
    }
  }
  return all;
}

bool stays(const Policy& policy, const std::string& column) {
  return std::ranges::find(policy.never_send, column) != policy.never_send.end() ||
         (policy.other_columns == OtherColumns::kKeep &&
          find(policy.columns, column) == policy.columns.end());
}

Status check_columns(const Policy& policy, const tabular::Table& table) {
  GENESIS_RETURN_IF_ERROR(check_names(policy, table));
  return table.columns.empty()
             ? Status(fail(Errc::kPermissionDenied, "policy: no column may take part"))
             : Status();
}

Status check(const Policy& policy,
             std::span<const std::string> discrete,
             const tabular::Table& table) {
  GENESIS_RETURN_IF_ERROR(check_names(policy, table));
  for (const auto& column : table.columns) {
    const auto own = find(policy.columns, column.name);
    const bool is_allowed = (own != policy.columns.end() && own->kind && is_text(*own->kind)) ||
                            std::ranges::find(discrete, column.name) != discrete.end();
    if (is_text(column.kind) && !is_allowed && is_nearly_distinct(column)) {
      return denied(column.name,
                    "nearly all its values differ, and the spec makes it a category, which sends "
                    "them; only the policy of this site may say so, with kind: category");
    }
  }
  return {};
}

}  // namespace genesis::policy
