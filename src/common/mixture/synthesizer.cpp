#include "common/mixture/synthesizer.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/text.hpp"
#include "common/mixture/sampler.hpp"
#include "common/tabular/cell.hpp"

namespace genesis::mixture {
namespace {

static_assert(Sampler::kBlockRows == method::Synthesizer::kBlockRows);

std::string did_you_mean(const std::string& text, const std::vector<std::string>& candidates) {
  const auto near = nearest(text, candidates);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

Result<Allowed> allowed_by(const method::Condition& condition, const Schema& schema) {
  std::vector<std::string> names;
  for (const auto& column : schema) {
    names.push_back(column.name);
  }
  const auto found = std::ranges::find(names, condition.column);
  if (found == names.end()) {
    return fail(Errc::kInvalidArgument,
                "the model has no column '" + condition.column + "'" +
                    did_you_mean(condition.column, names));
  }
  const auto at = static_cast<std::size_t>(found - names.begin());
  const auto unit = unit_of(condition.value, schema[at]);
  if (!unit) {
    return fail(Errc::kInvalidArgument,
                "column '" + condition.column + "' has no value " +
                    tabular::in_quotes(condition.value) +
                    did_you_mean(condition.value, schema[at].categories));
  }
  Allowed allowed;
  allowed.column = at;
  if (*unit == kMissingUnit) {
    allowed.missing = true;
  } else {
    allowed.units = {{*unit, *unit}};
  }
  return allowed;
}

class Synthesizer final : public method::Synthesizer {
 public:
  explicit Synthesizer(Sampler sampler) : sampler_(std::move(sampler)) {}

  Result<tabular::Table> block(std::uint64_t seed,
                               std::uint64_t block,
                               std::size_t rows,
                               std::span<const method::Condition> conditions) const override {
    std::vector<Allowed> all;
    for (const auto& condition : conditions) {
      GENESIS_ASSIGN(auto allowed, allowed_by(condition, sampler_.schema()));
      const auto same = std::ranges::find(all, allowed.column, &Allowed::column);
      if (same != all.end() && !(*same == allowed)) {
        return fail(Errc::kInvalidArgument,
                    "column '" + condition.column + "' cannot have two values at once");
      }
      if (same == all.end()) {
        all.push_back(std::move(allowed));
      }
    }
    return sampler_.block(seed, block, rows, all);
  }

 private:
  Sampler sampler_;
};

}  // namespace

Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file) {
  GENESIS_ASSIGN(auto model, from_file(file));
  return std::make_unique<Synthesizer>(Sampler(std::move(model)));
}

}  // namespace genesis::mixture
