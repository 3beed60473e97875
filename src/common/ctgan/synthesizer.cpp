#include "common/ctgan/synthesizer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/autoregressive/discretizer.hpp"
#include "common/base/rng.hpp"
#include "common/ctgan/codes.hpp"
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

// Where a block's rows are drawn.
struct Place {
  std::uint64_t seed = 0;
  std::uint64_t block = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
};

// Of the candidates of one attempt, those that meet the conditions.
using Judge =
    std::function<std::vector<std::size_t>(std::uint64_t attempt, const tabular::EncodedTable&)>;

// Rows that meet the conditions, out of as many candidates as it takes.
Result<tabular::EncodedTable> select(const model::Sampler& sampler,
                                     const Place& place,
                                     std::span<const model::Allowed> allowed,
                                     const Judge& judge) {
  tabular::EncodedTable kept;
  kept.columns.resize(place.columns);
  std::uint64_t candidates = 0;
  for (std::uint64_t attempt = place.block << kAttemptBits; kept.rows < place.rows; ++attempt) {
    if (candidates >= kFewestCandidates && kept.rows < candidates / kLeastAcceptance) {
      return too_few(kept.rows, candidates);
    }
    const auto drawn = sampler.sample_allowed(place.seed, attempt, allowed);
    candidates += model::Sampler::kCandidates;
    const auto met = judge(attempt, drawn);
    append(drawn, std::span(met).first(std::min(met.size(), place.rows - kept.rows)), kept);
  }
  return kept;
}

class WholeRows : public method::Synthesizer {
 public:
  Result<method::Completed> complete(std::uint64_t /*seed*/,
                                     std::uint64_t /*block*/,
                                     const tabular::Table& /*texts*/,
                                     method::Draw /*draw*/) const override {
    return fail(Errc::kInvalidArgument,
                "a model of the method ctgan draws whole rows and cannot complete given ones; "
                "train with autoregressive or mixture");
  }
};

class Synthesizer final : public WholeRows {
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
    std::vector<model::Allowed> allowed;
    for (const auto& filter : conditions.filters()) {
      allowed.push_back({filter.column, filter.modes});
    }
    GENESIS_ASSIGN(const auto encoded,
                   select(sampler_,
                          {seed, block, rows, encoder_.columns().size()},
                          allowed,
                          [&](std::uint64_t /*attempt*/, const tabular::EncodedTable& drawn) {
                            return conditions.rows_of(drawn, encoder_.decode(drawn, seed, 0));
                          }));
    return encoder_.decode(encoded, seed, first);
  }

  Result<std::vector<std::string>> categories(std::string_view column) const override {
    return tabular::categories_of(column, encoder_.columns());
  }

 private:
  tabular::Encoder encoder_;
  model::Sampler sampler_;
};

// Of a model that learned codes: one that was trained under differential privacy.
class CodedSynthesizer final : public WholeRows {
 public:
  CodedSynthesizer(autoregressive::Discretizer discretizer, model::Sampler sampler)
      : discretizer_(std::move(discretizer)), sampler_(std::move(sampler)) {}

  Result<tabular::Table> block(std::uint64_t seed,
                               std::uint64_t block,
                               std::size_t rows,
                               std::span<const std::string> where) const override {
    const std::uint64_t first = block * kBlockRows;
    if (where.empty()) {
      return discretizer_.decode(coded(sampler_.sample_block(seed, block, rows)), seed, first, {});
    }
    tabular::Where conditions;
    for (const auto& condition : where) {
      GENESIS_RETURN_IF_ERROR(conditions.add(condition, discretizer_.encoder()));
    }
    GENESIS_ASSIGN(const auto parts, discretizer_.allowed_by(conditions));
    std::vector<model::Allowed> allowed;
    for (const auto& part : parts) {
      auto& one = allowed.emplace_back(model::Allowed{part.column, {}});
      for (const float share : part.shares) {
        one.modes.push_back(share > 0.0F ? 1 : 0);
      }
    }
    GENESIS_ASSIGN(auto drawn,
                   select(sampler_,
                          {seed, block, rows, discretizer_.columns().size()},
                          allowed,
                          [&](std::uint64_t attempt, const tabular::EncodedTable& candidates) {
                            return met(seed, attempt, candidates, parts);
                          }));
    return discretizer_.decode(coded(std::move(drawn)), seed, first, parts);
  }

  Result<std::vector<std::string>> categories(std::string_view column) const override {
    return tabular::categories_of(column, discretizer_.encoder().columns());
  }

 private:
  // Of a code that is allowed in part, so many rows.
  [[nodiscard]] static std::vector<std::size_t> met(
      std::uint64_t seed,
      std::uint64_t attempt,
      const tabular::EncodedTable& candidates,
      std::span<const autoregressive::Allowed> parts) {
    Rng rng(seed, RoundId{0}, std::to_string(attempt), "codes that are allowed in part");
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < candidates.rows; ++row) {
      double share = 1.0;
      for (const auto& part : parts) {
        const float most = *std::ranges::max_element(part.shares);
        share *= static_cast<double>(part.shares[candidates.columns[part.column].mode[row]] / most);
      }
      if (rng.uniform() < share) {
        rows.push_back(row);
      }
    }
    return rows;
  }

  autoregressive::Discretizer discretizer_;
  model::Sampler sampler_;
};

}  // namespace

Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file) {
  GENESIS_ASSIGN(const auto document, parse_model_document(file.model_json));
  if (document.encoding == Encoding::kCodes) {
    GENESIS_ASSIGN(auto discretizer, autoregressive::Discretizer::parse(file.encoder_json));
    GENESIS_ASSIGN(auto sampler,
                   model::Sampler::create(document.config, layout_of(discretizer), file.generator));
    return std::make_unique<CodedSynthesizer>(std::move(discretizer), std::move(sampler));
  }
  GENESIS_ASSIGN(auto encoder, method::parse_encoder(file.encoder_json));
  GENESIS_ASSIGN(auto sampler,
                 model::Sampler::create(document.config, encoder.layout(), file.generator));
  return std::make_unique<Synthesizer>(std::move(encoder), std::move(sampler));
}

}  // namespace genesis::ctgan
