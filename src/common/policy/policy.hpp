#pragma once
// What a site lets leave it, as a file that the site alone writes (schema.yaml). Neither server nor
// spec weakens it: what they declare is checked against it, and what they may not have is refused
// or stays. Pure.
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::policy {

enum class OtherColumns { kSend, kKeep };

enum class LeastProtection { kNone, kDifferentialPrivacy };

struct Policy {
  std::vector<tabular::Declaration> columns;
  OtherColumns other_columns = OtherColumns::kSend;
  std::vector<std::string> never_send;
  std::uint64_t min_category_count = 5;
  std::string expect_spec;  // "sha256:" and 64 hex digits; "": any
  LeastProtection least_protection = LeastProtection::kNone;
  std::optional<double> total_epsilon;  // of all trainings on these rows; nullopt: not bounded
  double total_delta = 1e-5;
  /// SHA-256, 64 hex digits, of the public keys of those with whom it sums, by client id, its own
  /// included; empty: anybody.
  std::map<std::string, std::string> peers = {};
  bool wants_secure_sums = false;  // also without peers: nothing of it is sent in the clear
  std::optional<spec::Encryption> wants_encryption = {};  // of those sums; absent: any
};

/// The defaults where there is no file. Errors: kInvalidArgument names `source` and each field that
/// is wrong.
[[nodiscard]] Result<Policy> parse(std::string_view text, std::string_view source);

/// What the table's reader must know of it.
[[nodiscard]] inline tabular::SitePolicy site_policy(const Policy& policy) {
  return {.min_category_count = policy.min_category_count};
}

/// Takes part in the spec of this digest alone. Errors: kInvalidArgument where `digest` is none, or
/// the policy expects another.
[[nodiscard]] Status expect_spec(Policy& policy, const std::string& digest);

/// "sha256:…" of a spec with its defaults, as a client is sent it.
[[nodiscard]] std::string digest_of(const spec::FederatedTraining& training);

/// Errors: kPermissionDenied where another spec is expected, with both digests.
[[nodiscard]] Status check_spec(const Policy& policy, const spec::FederatedTraining& training);

/// Errors: kPermissionDenied where the training protects less than the policy asks for.
[[nodiscard]] Status check_protection(const Policy& policy,
                                      const spec::FederatedTraining& training);

/// How the site reads its columns: what the policy declares, and what the spec does beside it.
/// Errors: kPermissionDenied names a column that the spec declares another way than the policy
/// allows.
[[nodiscard]] Result<std::vector<tabular::Declaration>> declarations(
    const Policy& policy, const std::vector<tabular::Declaration>& of_spec);

/// Whether the column never leaves; its cells are not even read (tabular::ReadOptions::stays).
[[nodiscard]] bool stays(const Policy& policy, const std::string& column);

/// Whether the columns of `table` may take part, by their names alone. Errors: kInvalidArgument a
/// column that the policy names and the file lacks; kPermissionDenied where none is left.
[[nodiscard]] Status check_columns(const Policy& policy, const tabular::Table& table);

/// Whether `table`, read by the above, may take part. `discrete` are columns of which the site
/// itself says that they are categories. Errors: kPermissionDenied names a column that is nearly
/// all distinct text and that the spec, not the policy, makes a category; kInvalidArgument a column
/// that the policy names and the file lacks.
[[nodiscard]] Status check(const Policy& policy,
                           std::span<const std::string> discrete,
                           const tabular::Table& table);

}  // namespace genesis::policy
