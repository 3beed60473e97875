#pragma once
// A site's privacy ledger, as a training needs it.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/base/error.hpp"
#include "common/privacy/account.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::worker {

struct LedgerPlace {
  std::filesystem::path folder;  // empty: the default one
  std::string data_set;
  std::optional<double> total_epsilon = {};  // of all trainings; nullopt: not bounded
  double total_delta = 1e-5;
};

/// Null where the spec asks for no differential privacy. Errors: kInvalidArgument names the field
/// of spec.privacy, or the data set's name; those of privacy::Account::open.
[[nodiscard]] Result<std::shared_ptr<privacy::Account>> open_account(
    const spec::FederatedTraining& training, const LedgerPlace& place);

}  // namespace genesis::worker
