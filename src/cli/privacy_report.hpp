#pragma once
// What `genesis privacy` and `genesis audit` print. Pure: values to text, or to JSON for programs.
#include <optional>
#include <string>
#include <vector>

#include "common/privacy/audit.hpp"
#include "common/privacy/guarantee.hpp"
#include "common/privacy/ledger.hpp"
#include "common/privacy/query_plan.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::cli {

/// The same guarantee, had the spec declared more.
struct DeclaredNoise {
  std::string declared;
  privacy::QueryPlan queries;
  privacy::PlannedNoise noise;
};

/// What a training's differential privacy buys, before anything runs.
struct PrivacyPlan {
  privacy::Guarantee guarantee;
  privacy::QueryPlan queries;
  privacy::PlannedNoise noise;
  std::uint64_t sites = 1;
  std::optional<std::string> unit_column;
  std::uint64_t rows_per_unit = 1;
  std::optional<std::uint64_t> rows;  // declared, of all sites
  std::uint32_t shares = 1;           // sites whose noise together protects each row
  std::int64_t min_survivors = 1;     // of a masked sum; with 1 each site's own noise suffices
  std::vector<DeclaredNoise> if_declared = {};
};

/// Errors: kInvalidArgument where the spec asks for no differential privacy, for a delta that
/// `rows` make too large, or for noise that can't be.
[[nodiscard]] Result<PrivacyPlan> plan_privacy(const spec::FederatedTraining& training,
                                               privacy::QueryPlan queries,
                                               std::optional<std::uint64_t> rows,
                                               std::vector<privacy::DeclaredPlan> if_declared = {});

/// Errors: kInvalidArgument where an epsilon can't be accounted for.
[[nodiscard]] Result<std::string> to_text(const PrivacyPlan& plan);
[[nodiscard]] Result<std::string> to_json(const PrivacyPlan& plan);

[[nodiscard]] Result<std::string> to_text(const privacy::Ledger& ledger, privacy::Delta delta);
[[nodiscard]] Result<std::string> to_json(const privacy::Ledger& ledger, privacy::Delta delta);

/// The audit of one charge, or of several together.
struct AuditLine {
  std::string name;
  privacy::AuditResult result;
};
struct AuditReport {
  privacy::AuditSettings settings;
  std::vector<AuditLine> lines;
  [[nodiscard]] bool is_refuted() const;
};
[[nodiscard]] std::string to_text(const AuditReport& report);
[[nodiscard]] std::string to_json(const AuditReport& report);

}  // namespace genesis::cli
