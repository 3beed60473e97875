#include "worker/budget.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/privacy/ledger_file.hpp"
#include "common/spec/parse.hpp"

namespace genesis::worker {
namespace {

std::filesystem::path head_path(const privacy::Ledger& ledger, const std::filesystem::path& state) {
  return state / ("ledger-" + ledger.data_set() + ".head");
}

}  // namespace

Result<std::shared_ptr<privacy::Account>> open_account(const spec::FederatedTraining& training,
                                                       const LedgerPlace& place) {
  const auto& asked = training.privacy.differential_privacy;
  if (!asked) {
    return nullptr;
  }
  const auto guarantee =
      privacy::Guarantee::of(privacy::Epsilon{asked->epsilon}, privacy::Delta{asked->delta});
  if (!guarantee) {
    return tl::unexpected(guarantee.error().within("spec.privacy.differentialPrivacy"));
  }
  auto folder = place.folder;
  if (folder.empty()) {
    GENESIS_ASSIGN(folder, privacy::default_ledger_folder());
  }
  std::optional<privacy::Guarantee> total;
  if (place.total_epsilon) {
    const auto checked = privacy::Guarantee::of(privacy::Epsilon{*place.total_epsilon},
                                                privacy::Delta{place.total_delta});
    if (!checked) {
      return tl::unexpected(checked.error().within("policy"));
    }
    total = *checked;
  }
  const privacy::Terms terms{
      .guarantee = *guarantee,
      .rows_per_unit = static_cast<std::uint64_t>(training.privacy.max_rows_per_unit.value_or(1)),
      .total = total,
      .prelude = "before runs of spec sha256:" + crypto::sha256_hex(spec::print_json(training))};
  GENESIS_ASSIGN(auto account, privacy::Account::open(folder, place.data_set, terms));
  if (!account.has_key()) {
    spdlog::warn(
        "privacy ledger={} data-set={} key=missing: the ledger's heads are told without a "
        "signature, so no copy that is restored later shows against them",
        folder.string(),
        place.data_set);
  }
  GENESIS_ASSIGN(const auto spent, account.ledger().spent(guarantee->delta()));
  spdlog::info(
      "privacy ledger={} data-set={} spent-epsilon={:.4g} asked-epsilon={:.4g} delta={:.4g}",
      folder.string(),
      place.data_set,
      spent.epsilon.value,
      asked->epsilon,
      asked->delta);
  return std::make_shared<privacy::Account>(std::move(account));
}

Status check_remembered(const privacy::Ledger& ledger, const std::filesystem::path& state) {
  constexpr std::uint64_t kMaxBytes = 1024;
  const auto path = head_path(ledger, state);
  if (!std::filesystem::exists(path)) {
    return {};
  }
  GENESIS_ASSIGN(auto text, read_file(path, kMaxBytes));
  text.erase(text.find_last_not_of('\n') + 1);
  const auto head = privacy::parse_head(text);
  if (!head) {
    return tl::unexpected(head.error().within(path.string()));
  }
  if (auto contained = ledger.check_contains(*head); !contained) {
    return fail(Errc::kDataLoss,
                "the ledger of " + ledger.data_set() +
                    " is not the one that this client has charged, or was restored from an older "
                    "copy: " +
                    contained.error().message + " (" + path.string() +
                    "). Restore the newest copy; if there is none, the budget is spent");
  }
  return {};
}

Status check_told(const privacy::Ledger& ledger, const std::string& head) {
  auto told = ledger.check_told(head);
  if (!told) {
    return fail(Errc::kDataLoss,
                "the ledger of " + ledger.data_set() +
                    " was restored from an older copy: the server has a head that it has signed "
                    "and does not contain: " +
                    told.error().message);
  }
  if (*told) {
    spdlog::warn("privacy ledger data-set={} the head that the server has was ignored: {}",
                 ledger.data_set(),
                 **told);
  }
  return {};
}

Status remember(const privacy::Ledger& ledger, const std::filesystem::path& state) {
  return write_file_atomic(head_path(ledger, state), privacy::to_text(ledger.head()) + "\n");
}

}  // namespace genesis::worker
