#include "common/ctgan/synthesizer.hpp"

#include <utility>
#include <vector>

#include "common/ctgan/settings.hpp"
#include "common/method/agreement.hpp"
#include "common/model/ctgan.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::ctgan {
namespace {

static_assert(model::Sampler::kBlockRows == method::Synthesizer::kBlockRows);

class Synthesizer final : public method::Synthesizer {
 public:
  Synthesizer(tabular::Encoder encoder, model::Sampler sampler)
      : encoder_(std::move(encoder)), sampler_(std::move(sampler)) {}

  Result<tabular::Table> block(std::uint64_t seed,
                               std::uint64_t block,
                               std::size_t rows,
                               std::span<const method::Condition> conditions) const override {
    std::vector<model::Fixed> fixed;
    for (const auto& condition : conditions) {
      GENESIS_ASSIGN(auto place, encoder_.condition(condition.column, condition.value));
      fixed.push_back({place.column, place.mode});
    }
    return encoder_.decode(sampler_.sample_block(seed, block, rows, fixed), block * kBlockRows);
  }

 private:
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
