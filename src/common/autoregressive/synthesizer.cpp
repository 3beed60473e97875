#include "common/autoregressive/synthesizer.hpp"

#include <utility>

#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/sampler.hpp"
#include "common/autoregressive/settings.hpp"
#include "common/tabular/where.hpp"

namespace genesis::autoregressive {
namespace {

static_assert(Sampler::kBlockRows == method::Synthesizer::kBlockRows);

class Synthesizer final : public method::Synthesizer {
 public:
  Synthesizer(Discretizer discretizer, Sampler sampler)
      : discretizer_(std::move(discretizer)), sampler_(std::move(sampler)) {}

  Result<tabular::Table> block(std::uint64_t seed,
                               std::uint64_t block,
                               std::size_t rows,
                               std::span<const std::string> conditions) const override {
    tabular::Where where;
    for (const auto& condition : conditions) {
      GENESIS_RETURN_IF_ERROR(where.add(condition, discretizer_.encoder()));
    }
    GENESIS_ASSIGN(const auto allowed, discretizer_.allowed_by(where));
    const auto coded = sampler_.block(seed, block, rows, allowed);
    return discretizer_.decode(coded, seed, block * kBlockRows, allowed);
  }

  Result<std::vector<std::string>> categories(std::string_view column) const override {
    return tabular::categories_of(column, discretizer_.encoder().columns());
  }

  Result<method::Completed> complete(std::uint64_t seed,
                                     std::uint64_t block,
                                     const tabular::Table& texts,
                                     method::Draw draw) const override {
    GENESIS_ASSIGN(auto known, discretizer_.given_codes(texts, Sampler::kUnknown));
    const auto allowed =
        draw == method::Draw::kValues ? discretizer_.values() : std::vector<Allowed>();
    const auto coded = sampler_.complete(seed, block, known.codes, allowed);
    return method::Completed{discretizer_.decode(coded, seed, block * kBlockRows, {}),
                             std::move(known.given)};
  }

 private:
  Discretizer discretizer_;
  Sampler sampler_;
};

}  // namespace

Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file) {
  GENESIS_ASSIGN(const auto settings, parse_model_document(file.model_json));
  GENESIS_ASSIGN(auto discretizer, Discretizer::parse(file.encoder_json));
  GENESIS_ASSIGN(auto order, order_of(discretizer.names(), settings.target));
  GENESIS_ASSIGN(
      auto sampler,
      Sampler::create(shape_of(settings, discretizer.codes()), std::move(order), file.generator));
  return std::make_unique<Synthesizer>(std::move(discretizer), std::move(sampler));
}

}  // namespace genesis::autoregressive
