#include "common/ctgan/synthesizer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "common/ctgan/settings.hpp"
#include "common/method/agreement.hpp"
#include "common/model/ctgan.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/where.hpp"

namespace genesis::ctgan {
namespace {

static_assert(model::Sampler::kBlockRows == method::Synthesizer::kBlockRows);

// Rows are given up where fewer than one candidate in so many meets the conditions, once enough
// have been drawn to know.
constexpr std::uint64_t kLeastAcceptance = 10000;
constexpr std::uint64_t kFewestCandidates = std::uint64_t{1} << 20;
// Candidates of one block come from a range of attempts of its own.
constexpr unsigned kAttemptBits = 32;

// Appends `rows` of `drawn` to `kept`.
void append(const tabular::EncodedTable& drawn,
            std::span<const std::size_t> rows,
            tabular::EncodedTable& kept) {
  kept.columns.resize(drawn.columns.size());
  for (std::size_t c = 0; c < drawn.columns.size(); ++c) {
    const auto& from = drawn.columns[c];
    auto& to = kept.columns[c];
    for (const std::size_t row : rows) {
      if (!from.mode.empty()) {
        to.mode.push_back(from.mode[row]);
      }
      if (!from.value.empty()) {
        to.value.push_back(from.value[row]);
      }
    }
  }
  kept.rows += rows.size();
}

tl::unexpected<Error> too_few(std::uint64_t met, std::uint64_t candidates) {
  std::array<char, 32> share{};
  std::snprintf(share.data(),
                share.size(),
                "%.2g%%",
                100.0 * static_cast<double>(met) / static_cast<double>(candidates));
  return fail(Errc::kResourceExhausted,
              "of " + std::to_string(candidates) + " rows that the model drew " +
                  std::to_string(met) + " met the conditions (" + share.data() +
                  "), too few to go on; ask for fewer conditions or wider ranges");
}

class Synthesizer final : public method::Synthesizer {
 public:
  Synthesizer(tabular::Encoder encoder, model::Sampler sampler)
      : encoder_(std::move(encoder)), sampler_(std::move(sampler)) {}

  Result<tabular::Table> block(std::uint64_t seed,
                               std::uint64_t block,
                               std::size_t rows,
                               std::span<const std::string> where) const override {
    const std::uint64_t first = block * kBlockRows;
    if (where.empty()) {
      return encoder_.decode(sampler_.sample_block(seed, block, rows), seed, first);
    }
    tabular::Where conditions;
    for (const auto& condition : where) {
      GENESIS_RETURN_IF_ERROR(conditions.add(condition, encoder_));
    }
    GENESIS_ASSIGN(const auto encoded, select(seed, block, rows, conditions));
    return encoder_.decode(encoded, seed, first);
  }

  Result<std::vector<std::string>> categories(std::string_view column) const override {
    return tabular::categories_of(column, encoder_.columns());
  }

  Result<method::Completed> complete(std::uint64_t /*seed*/,
                                     std::uint64_t /*block*/,
                                     const tabular::Table& /*texts*/,
                                     method::Draw /*draw*/) const override {
    return fail(Errc::kInvalidArgument,
                "a model of the method ctgan draws whole rows and cannot complete given ones; "
                "train with autoregressive or "
                "mixture");
  }

 private:
  // Rows that meet the conditions, out of as many candidates as it takes.
  [[nodiscard]] Result<tabular::EncodedTable> select(std::uint64_t seed,
                                                     std::uint64_t block,
                                                     std::size_t rows,
                                                     const tabular::Where& where) const {
    std::vector<model::Allowed> allowed;
    for (const auto& filter : where.filters()) {
      allowed.push_back({filter.column, filter.modes});
    }
    tabular::EncodedTable kept;
    kept.columns.resize(encoder_.columns().size());
    std::uint64_t candidates = 0;
    for (std::uint64_t attempt = block << kAttemptBits; kept.rows < rows; ++attempt) {
      if (candidates >= kFewestCandidates && kept.rows < candidates / kLeastAcceptance) {
        return too_few(kept.rows, candidates);
      }
      const auto drawn = sampler_.sample_allowed(seed, attempt, allowed);
      candidates += model::Sampler::kCandidates;
      const auto met = where.rows_of(drawn, encoder_.decode(drawn, seed, 0));
      append(drawn, std::span(met).first(std::min(met.size(), rows - kept.rows)), kept);
    }
    return kept;
  }

  tabular::Encoder encoder_;
  model::Sampler sampler_;
};

}  // namespace

Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file) {
  GENESIS_ASSIGN(const auto config, parse_model_document(file.model_json));
  GENESIS_ASSIGN(auto encoder, method::parse_encoder(file.encoder_json));
  GENESIS_ASSIGN(auto sampler, model::Sampler::create(config, encoder.layout(), file.generator));
  return std::make_unique<Synthesizer>(std::move(encoder), std::move(sampler));
}

}  // namespace genesis::ctgan
