#include "common/mixture/ledger_noise.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/crypto/digest.hpp"
#include "common/mixture/schema.hpp"
#include "common/tabular/cell.hpp"

namespace genesis::mixture {
namespace {

class LedgerNoise final : public NoiseSource {
 public:
  LedgerNoise(std::shared_ptr<privacy::Account> account, std::uint32_t shares, double delta)
      : account_(std::move(account)), shares_(shares), delta_(delta) {}

  Status add(const Asked& asked,
             const Query& query,
             double variance,
             std::span<std::int64_t> counts) override {
    const std::vector<std::uint64_t> exact(counts.begin(), counts.end());
    const privacy::Request request{.run = asked.run,
                                   .collection = asked.collection,
                                   .query_sha256 = asked.sha256,
                                   .tables = query.tables,
                                   .variance = variance,
                                   .shares = shares_};
    GENESIS_ASSIGN(const auto noisy, account_->release(request, exact));
    std::ranges::copy(noisy, counts.begin());
    return {};
  }

  Result<std::vector<std::string>> names(std::string_view column,
                                         double variance,
                                         std::span<const Named> values) override {
    const auto& terms = account_->terms();
    GENESIS_ASSIGN(const auto rule, privacy::name_rule(variance, terms.rows_per_unit, delta_));
    const privacy::Request request{
        .run = terms.prelude,
        .collection = charges_of(terms.prelude) + 1,
        .query_sha256 = crypto::sha256_hex("names of column\n" + std::string(column)),
        .tables = 1,
        .variance = variance};
    std::vector<privacy::Named> sound;  // that a message can hold
    for (const auto& value : values) {
      const bool is_text = tabular::is_utf8(value.first) &&
                           value.first.find('\0') == std::string::npos && !value.first.empty();
      if (is_text) {
        sound.push_back(value);
      }
    }
    GENESIS_ASSIGN(auto names, account_->release_names(request, rule, sound));
    if (names.size() > kMaxCategories) {
      names.resize(kMaxCategories);
    }
    return names;
  }

 private:
  [[nodiscard]] std::uint32_t charges_of(const std::string& run) const {
    std::uint32_t charges = 0;
    for (const auto& entry : account_->ledger().entries()) {
      const auto* charged = std::get_if<privacy::Charged>(&entry.event);
      charges += charged != nullptr && charged->question.run == run ? 1 : 0;
    }
    return charges;
  }

  std::shared_ptr<privacy::Account> account_;  // shared with whoever shows what is spent
  std::uint32_t shares_;
  double delta_;
};

}  // namespace

std::unique_ptr<NoiseSource> ledger_noise(std::shared_ptr<privacy::Account> account,
                                          std::uint32_t shares,
                                          double delta) {
  return std::make_unique<LedgerNoise>(std::move(account), shares, delta);
}

}  // namespace genesis::mixture
