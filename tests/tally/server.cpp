#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/aggregation/server_step.hpp"
#include "common/methods/server_methods.hpp"
#include "common/wire/safetensors.hpp"
#include "tests/tally/tally.hpp"

namespace genesis::tally {
namespace {

class Server final : public method::ServerMethod {
 public:
  explicit Server(std::uint32_t total_rounds) : total_rounds_(total_rounds) {}

  Result<std::uint64_t> introduce(const ClientId& client, std::string_view introduction) override {
    const auto rows = nlohmann::json::parse(introduction, nullptr, false);
    return rows.is_number_unsigned() ? Result<std::uint64_t>(rows.get<std::uint64_t>())
                                     : fail(Errc::kInvalidArgument, client.str() + ": no rows");
  }
  void leave(const ClientId& /*client*/) override {}

  Result<method::Next> next(std::optional<method::Sum> sum) override {
    if (sum && !rows_) {
      rows_ = std::get<rounds::Counts>(*sum).at(0);
    } else if (sum) {
      aggregation::apply(
          aggregation::AddMean{}, shared_.values, std::get<std::vector<float>>(*sum));
      ++closed_.value;
    }
    method::Ask ask;
    if (!rows_) {
      ask.request = {"rows", rounds::Roster::kEveryone, RoundId{0}};
      ask.combine = method::SumOfCounts{1};
      return method::Next{std::move(ask)};
    }
    if (closed_.value >= total_rounds_) {
      return method::Next{method::Done{}};
    }
    ask.request = {"updates", rounds::Roster::kDrawn, RoundId{closed_.value + 1}};
    ask.documents = {method::make_document("parameters", wire::encode_safetensors(shared_, {}))};
    ask.combine = method::MeanOfTensors{shared_.specs};
    return method::Next{std::move(ask)};
  }

  Status check(const rounds::Plain& answer, std::uint64_t rows) const override {
    const auto* counts = std::get_if<rounds::Counts>(&answer.values);
    return counts == nullptr || counts->at(0) == rows
               ? Status()
               : Status(fail(Errc::kInvalidArgument, "counts other rows than it joined with"));
  }

  Result<std::string> model(const std::string& provenance) const override {
    return wire::encode_model({shared_, "{}", R"({"method":"tally"})", provenance});
  }

  wire::MethodState checkpoint() const override {
    return {{{"rows", std::to_string(*rows_)}}, shared_};
  }
  Status restore(wire::MethodState state, RoundId closed) override {
    rows_ = std::stoull(state.documents.at("rows"));
    shared_ = std::move(state.tensors);
    closed_ = closed;
    return {};
  }

  std::span<const method::TelemetryName> telemetry() const override {
    static constexpr std::array kNames{method::TelemetryName{"distance", "To the site's own."}};
    return kNames;
  }

 private:
  std::uint32_t total_rounds_;
  std::optional<std::uint64_t> rows_;
  Tensors shared_{{{"tally", {3}}}, {0.0F, 0.0F, 0.0F}};
  RoundId closed_;
};

}  // namespace

Result<std::unique_ptr<method::ServerMethod>> make_server(const spec::FederatedTraining& training) {
  return std::make_unique<Server>(static_cast<std::uint32_t>(training.rounds.count));
}

}  // namespace genesis::tally

// In place of the table of src/common/methods.
std::span<const genesis::methods::ServerEntry> genesis::methods::server_methods() {
  static constexpr std::array kMethods{ServerEntry{"tally", tally::make_server}};
  return kMethods;
}
