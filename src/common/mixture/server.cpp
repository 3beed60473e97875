#include "common/mixture/server.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/check.hpp"
#include "common/base/json.hpp"
#include "common/mixture/bins.hpp"
#include "common/mixture/counting.hpp"
#include "common/mixture/exchange.hpp"
#include "common/mixture/fit.hpp"
#include "common/mixture/model.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/stages.hpp"

namespace genesis::mixture {
namespace {

constexpr const char* kSumsDocument = "sums";  // of the checkpoint

// What a fit of this many shares takes is more than threads cost.
constexpr std::size_t kSharesForThreads = std::size_t{1} << 18;
constexpr unsigned kMostThreads = 8;

// Tables of more cells are fitted by one group of components: their noise is little beside what a
// second one takes.
constexpr std::size_t kCellsForGroups = std::size_t{1} << 17;

// Bins of all columns together: the fit holds the square of them.
constexpr std::size_t kMostBins = 8192;
// The rows of an average cell in the tables are to be at least this part of its noise; else numbers
// have fewer bins, but not below the least.
constexpr double kRowsPerSigma = 0.5;
constexpr std::size_t kLeastBins = 4;

enum class Stage { kCounting, kTables, kFit, kDone };

// What a fit is made of, and what comes of it. Shared with whoever runs it.
struct Fitting {
  TablePlan plan;
  Measured tables;
  double rows = 0.0;
  std::vector<std::vector<double>> starts;
  FitOptions options;
  std::optional<Components> fitted;
};

class Server final : public method::ServerMethod {
 public:
  Server(const spec::FederatedTraining& training,
         Settings settings,
         std::optional<Protection> protection)
      : settings_(std::move(settings)),
        seed_(training.seed),
        counting_(training, settings_, protection) {}

  Result<std::uint64_t> introduce(const ClientId& client, std::string_view introduction) override {
    return counting_.introduce(client, introduction);
  }
  void leave(const ClientId& client) override { counting_.leave(client); }
  Result<method::Next> next(std::optional<method::Sum> sum) override;
  Status check(const rounds::Plain& answer, std::uint64_t /*rows*/) const override {
    return Counting::check(answer);
  }
  Result<std::string> model(const std::string& provenance) const override;
  wire::MethodState checkpoint() const override;
  Status restore(wire::MethodState state, RoundId closed) override;
  std::optional<std::uint32_t> rounds() const override { return 1; }
  std::span<const method::TelemetryName> telemetry() const override { return {}; }

 private:
  /// The sum of the open stage; then the next one is open.
  [[nodiscard]] Status take_up(Summed sum);
  void make_bins();
  void plan_with(std::size_t most_bins);
  [[nodiscard]] method::Work fit_model();
  [[nodiscard]] method::Ask ask() const;

  Settings settings_;
  std::uint64_t seed_;
  Counting counting_;

  Stage stage_ = Stage::kCounting;
  std::vector<Summed> sums_;  // so far; all else follows from them
  TablePlan plan_;
  bool is_without_target_ = false;  // which the tables had no room for
  Measured tables_;
  std::shared_ptr<Fitting> fitting_;
  Model model_;
};

Result<method::Next> Server::next(std::optional<method::Sum> sum) {
  GENESIS_RETURN_IF_ERROR(counting_.agree());
  if (sum) {
    GENESIS_ASSIGN(auto summed, from_words(std::get<rounds::Counts>(*sum)));
    GENESIS_RETURN_IF_ERROR(take_up(std::move(summed)));
  }
  if (stage_ == Stage::kFit && fitting_ && fitting_->fitted) {
    model_.components = std::move(*fitting_->fitted);
    stage_ = Stage::kDone;
  }
  switch (stage_) {
    case Stage::kFit:
      return method::Next{fit_model()};
    case Stage::kDone:
      return method::Next{method::Done{}};
    case Stage::kCounting:
      return method::Next{counting_.ask()};
    case Stage::kTables:
      break;
  }
  return method::Next{ask()};
}

Status Server::take_up(Summed sum) {
  auto kept = sum;
  switch (stage_) {
    case Stage::kCounting:
      GENESIS_RETURN_IF_ERROR(counting_.take_up(std::move(sum)));
      if (counting_.is_done()) {
        make_bins();
      }
      break;
    case Stage::kTables:
      if (sum.counts.size() != plan_.cells()) {
        return fail(Errc::kInvalidArgument,
                    "sum of counts: " + std::to_string(sum.counts.size()) + "; expected " +
                        std::to_string(plan_.cells()));
      }
      tables_ = {
          std::move(sum.counts),
          counting_.deviation(tables_query(settings_, counting_.schema(), plan_), sum.sites)};
      stage_ = Stage::kFit;
      break;
    case Stage::kFit:
    case Stage::kDone:
      return fail(Errc::kInvalidArgument, "sum of counts: nothing is left to count");
  }
  sums_.push_back(std::move(kept));
  return {};
}

void Server::make_bins() {
  model_.schema = counting_.bounded();
  model_.marginals = counting_.marginals();
  const std::size_t room =
      std::max<std::size_t>(2, kMostBins / counted_columns(counting_.schema()));
  std::size_t most = std::min(settings_.bins, room);
  plan_with(most);
  const auto is_fine_enough = [&] {
    const double sigma =
        counting_.deviation(tables_query(settings_, counting_.schema(), plan_), counting_.sites());
    const double cells = static_cast<double>(plan_.cells());
    const double rows = model_.marginals.rows * static_cast<double>(plan_.pairs.size());
    return rows >= kRowsPerSigma * sigma * cells;
  };
  while (most > kLeastBins && !plan_.pairs.empty() && !is_fine_enough()) {
    most = std::max(kLeastBins, most * 3 / 4);
    plan_with(most);
  }
  model_.pairs = plan_.pairs.size();
  model_.all_pairs = plan_.all_pairs();
  stage_ = plan_.pairs.empty() ? Stage::kFit : Stage::kTables;
}

// Bins of numbers as many as `most_bins`, and the tables of them.
void Server::plan_with(std::size_t most_bins) {
  const std::size_t room =
      std::max<std::size_t>(2, kMostBins / counted_columns(counting_.schema()));
  model_.binnings =
      bin(counting_.bounded(), model_.marginals, {most_bins, counting_.target(), room});
  auto choice = choose_tables(model_.binnings, counting_.target());
  plan_ = std::move(choice.plan);
  is_without_target_ = choice.is_without_target;
}

method::Work Server::fit_model() {
  fitting_ = std::make_shared<Fitting>();
  fitting_->plan = plan_;
  fitting_->tables = tables_;
  fitting_->rows = model_.marginals.rows;
  std::size_t width = 0;
  for (std::size_t c = 0; c < model_.schema.size(); ++c) {
    fitting_->starts.push_back(masses(model_.marginals.columns[c], model_.binnings[c]));
    width += fitting_->starts.back().size();
  }
  auto& options = fitting_->options;
  options.components = plan_.cells() > kCellsForGroups
                           ? std::min(settings_.components, kGroupComponents)
                           : settings_.components;
  options.seed = seed_;
  options.threads = width * options.components < kSharesForThreads
                        ? 1
                        : std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  return {[fitting = fitting_] {
    fitting->fitted =
        fit(fitting->plan, fitting->tables, fitting->rows, fitting->starts, fitting->options);
  }};
}

// For the tables.
method::Ask Server::ask() const {
  method::Ask ask;
  ask.documents = {json_document(kSchemaDocument, to_json(counting_.schema())),
                   json_document(kColumnsDocument, to_json(counting_.bounded())),
                   json_document(kBinsDocument, to_json(model_.binnings)),
                   json_document(kPairsDocument, to_json(plan_))};
  if (is_without_target_) {
    ask.remarks.emplace_back(kWithoutTarget);
  }
  ask.request = {std::string(kTables), rounds::Roster::kEveryone, RoundId{1}};
  ask.combine = method::SumOfCounts{plan_.cells() + 1};
  return ask;
}

Result<std::string> Server::model(const std::string& provenance) const {
  GENESIS_CHECK(stage_ == Stage::kDone, "a model comes of all sums");
  return wire::encode_model(to_file(model_, provenance));
}

wire::MethodState Server::checkpoint() const {
  return {{{std::string(kSchemaDocument), dump_json(to_json(counting_.schema()))},
           {kSumsDocument, dump_json(to_json(sums_))}},
          {}};
}

Status Server::restore(wire::MethodState state, RoundId /*closed*/) {
  const auto schema = state.documents.find(std::string(kSchemaDocument));
  const auto sums = state.documents.find(kSumsDocument);
  if (schema == state.documents.end() || sums == state.documents.end()) {
    return fail(Errc::kInvalidArgument, "checkpoint: lacks the schema or the sums");
  }
  GENESIS_ASSIGN(const auto columns, parse_json(schema->second));
  GENESIS_ASSIGN(auto agreed, schema_from_json(columns));
  stage_ = Stage::kCounting;
  sums_.clear();
  fitting_.reset();
  GENESIS_RETURN_IF_ERROR(counting_.agree(std::move(agreed)));
  GENESIS_ASSIGN(const auto json, parse_json(sums->second));
  GENESIS_ASSIGN(auto all, sums_from_json(json.root()));
  for (auto& sum : all) {
    GENESIS_RETURN_IF_ERROR(take_up(std::move(sum)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<method::ServerMethod>> make_server(const spec::FederatedTraining& training,
                                                          std::optional<Protection> protection) {
  GENESIS_ASSIGN(auto settings, settings_of(training));
  if (!protection && training.privacy.differential_privacy) {
    return fail(Errc::kInternal, "privacy.differentialPrivacy: the server was made without it");
  }
  return std::make_unique<Server>(training, std::move(settings), protection);
}

}  // namespace genesis::mixture
