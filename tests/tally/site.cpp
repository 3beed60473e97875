#include <array>
#include <cmath>
#include <utility>

#include "common/methods/site_methods.hpp"
#include "common/wire/safetensors.hpp"
#include "tests/tally/tally.hpp"

namespace genesis::tally {
namespace {

const Tensors kStill{{{"momentum", {3}}}, {0.0F, 0.0F, 0.0F}};

class Site final : public method::SiteMethod {
 public:
  explicit Site(const tabular::Table& table)
      : rows_(table.rows), introduction_(std::to_string(table.rows)) {}

  const std::string& introduction() const override { return introduction_; }
  std::uint64_t rows() const override { return rows_; }

  Result<method::Answer> answer(const method::Assignment& assignment,
                                method::Documents& documents) override {
    if (assignment.purpose == "rows") {
      return method::Answer{rounds::Counts{rows_}};
    }
    GENESIS_ASSIGN(const std::string bytes, documents.fetch("parameters"));
    GENESIS_ASSIGN(const auto shared, wire::decode_safetensors(bytes));
    Tensors step = shared.tensors;
    double distance = 0.0;
    for (std::size_t i = 0; i < step.values.size(); ++i) {
      const float own = static_cast<float>(rows_) * static_cast<float>(i + 1);
      auto& momentum = momentum_.values[i];
      momentum = 0.25F * momentum + 0.5F * (own - step.values[i]);
      distance += std::fabs(own - step.values[i]);
      step.values[i] = momentum;
    }
    return method::Answer{std::move(step), {{"distance", distance}}};
  }

  Tensors state() const override { return momentum_; }
  void restore(Tensors state) override {
    momentum_ = state.values.empty() ? kStill : std::move(state);
  }

  std::span<const method::TelemetryName> telemetry() const override {
    static constexpr std::array kNames{method::TelemetryName{"distance", "To the site's own."}};
    return kNames;
  }

 private:
  std::uint64_t rows_;
  std::string introduction_;
  Tensors momentum_ = kStill;
};

// Rows of one column that holds the shared numbers in turn.
class Synthesizer final : public method::Synthesizer {
 public:
  explicit Synthesizer(std::vector<float> values) : values_(std::move(values)) {}

  Result<tabular::Table> block(std::uint64_t /*seed*/,
                               std::uint64_t block,
                               std::size_t rows,
                               std::span<const std::string> /*where*/) const override {
    std::string csv = "tally\n";
    for (std::size_t i = 0; i < rows; ++i) {
      csv += std::to_string(values_[(block * kBlockRows + i) % values_.size()]) + "\n";
    }
    return tabular::parse_csv(csv, "tally");
  }
  Result<std::vector<std::string>> categories(std::string_view /*column*/) const override {
    return fail(Errc::kInvalidArgument, "a tally holds no categories");
  }
  Result<method::Completed> complete(std::uint64_t /*seed*/,
                                     std::uint64_t /*block*/,
                                     const tabular::Table& /*texts*/,
                                     method::Draw /*draw*/) const override {
    return fail(Errc::kInvalidArgument, "a tally knows no rows to complete");
  }

 private:
  std::vector<float> values_;
};

}  // namespace

Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup) {
  return std::make_unique<Site>(setup.table);
}

Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file) {
  return std::make_unique<Synthesizer>(file.generator.values);
}

}  // namespace genesis::tally

// In place of the table of src/common/methods.
std::span<const genesis::methods::SiteEntry> genesis::methods::site_methods() {
  static constexpr std::array kMethods{SiteEntry{"tally", tally::make_site, tally::open_model}};
  return kMethods;
}
