#include "common/mixture/ledger_noise.hpp"

#include <algorithm>
#include <utility>

namespace genesis::mixture {
namespace {

class LedgerNoise final : public NoiseSource {
 public:
  explicit LedgerNoise(std::shared_ptr<privacy::Account> account) : account_(std::move(account)) {}

  Status add(const Asked& asked,
             const Query& query,
             double variance,
             std::span<std::int64_t> counts) override {
    const std::vector<std::uint64_t> exact(counts.begin(), counts.end());
    const privacy::Request request{.run = asked.run,
                                   .collection = asked.collection,
                                   .query_sha256 = asked.sha256,
                                   .tables = query.tables,
                                   .variance = variance};
    GENESIS_ASSIGN(const auto noisy, account_->release(request, exact));
    std::ranges::copy(noisy, counts.begin());
    return {};
  }

  Result<std::vector<std::string>> names(std::string_view column,
                                         std::span<const Named> /*values*/) override {
    return fail(Errc::kInvalidArgument,
                "table.columns[" + std::string(column) +
                    "]: its categories are not declared, and under differential privacy a site "
                    "tells no names; declare them in table.columns");
  }

 private:
  std::shared_ptr<privacy::Account> account_;  // shared with whoever shows what is spent
};

}  // namespace

std::unique_ptr<NoiseSource> ledger_noise(std::shared_ptr<privacy::Account> account) {
  return std::make_unique<LedgerNoise>(std::move(account));
}

}  // namespace genesis::mixture
