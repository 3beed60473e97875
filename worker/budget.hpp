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

/// A client's state remembers which heads the ledgers had that it has charged, so that a ledger
/// that is lost, or that was restored from an older copy, is not charged again as if nothing had
/// been spent. Errors: kDataLoss where `ledger` does not contain the head that `state` remembers.
[[nodiscard]] Status check_remembered(const privacy::Ledger& ledger,
                                      const std::filesystem::path& state);
/// The same of a head that the server hands back. Ignored, with a line in the log, where this
/// ledger's key has not signed it: a server cannot make a site refuse to work.
[[nodiscard]] Status check_told(const privacy::Ledger& ledger, const std::string& head);
[[nodiscard]] Status remember(const privacy::Ledger& ledger, const std::filesystem::path& state);

}  // namespace genesis::worker
