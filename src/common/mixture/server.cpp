#include "common/mixture/server.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/check.hpp"
#include "common/base/fields.hpp"
#include "common/base/json.hpp"
#include "common/mixture/bins.hpp"
#include "common/mixture/exchange.hpp"
#include "common/mixture/fit.hpp"
#include "common/mixture/introduction.hpp"
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

enum class Stage { kFine, kZoom, kTables, kFit, kDone };

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
        declared_(training.table),
        seed_(training.seed),
        is_told_rows_(!protection && !training.privacy.secure_aggregation),
        protection_(protection) {}

  Result<std::uint64_t> introduce(const ClientId& client, std::string_view introduction) override;
  void leave(const ClientId& client) override {
    introductions_.erase(client);
    together_.reset();
  }
  Result<method::Next> next(std::optional<method::Sum> sum) override;
  Status check(const rounds::Plain& answer, std::uint64_t rows) const override;
  Result<std::string> model(const std::string& provenance) const override;
  wire::MethodState checkpoint() const override;
  Status restore(wire::MethodState state, RoundId closed) override;
  std::optional<std::uint32_t> rounds() const override { return 1; }
  std::span<const method::TelemetryName> telemetry() const override { return {}; }

 private:
  [[nodiscard]] std::vector<Introduction> introduced() const;
  /// Columns and target, from what the sites have told.
  [[nodiscard]] Status agree(Schema schema);
  /// The sum of the open stage; then the next one is open.
  [[nodiscard]] Status take_up(Summed sum);
  [[nodiscard]] std::size_t cells() const;  // of the open stage
  [[nodiscard]] double deviation(const Query& query, std::uint64_t sites) const;
  void make_bins();
  void plan_with(std::size_t most_bins);
  [[nodiscard]] method::Work fit_model();
  [[nodiscard]] method::Ask ask() const;

  Settings settings_;
  spec::TableSpec declared_;
  std::uint64_t seed_;
  bool is_told_rows_;  // of each site
  std::optional<Protection> protection_;
  std::map<ClientId, Introduction> introductions_;
  std::optional<Introduction> together_;  // all of them; nothing: not known

  Stage stage_ = Stage::kFine;
  Schema schema_;  // empty until it is agreed
  std::optional<std::uint32_t> target_;
  std::vector<Summed> sums_;  // so far; all else follows from them
  Measured fine_;
  Zoom zoom_;
  Measured zoomed_;
  std::uint64_t sites_ = 1;  // in the sum of fine counts
  TablePlan plan_;
  bool is_without_target_ = false;  // which the tables had no room for
  Measured tables_;
  std::shared_ptr<Fitting> fitting_;
  Model model_;
};

Result<std::uint64_t> Server::introduce(const ClientId& client, std::string_view introduction) {
  auto told = parse_introduction(introduction);
  if (!told) {
    return tl::unexpected(told.error().within("client " + client.str()));
  }
  if (told->rows.has_value() != is_told_rows_) {
    return fail(Errc::kInvalidArgument,
                "client " + client.str() +
                    ": has other privacy settings than this server; start it with the same spec");
  }
  if (!together_ && !introductions_.empty()) {
    GENESIS_ASSIGN(together_, merged(introduced()));
  }
  std::vector<Introduction> all;
  if (together_) {
    all.push_back(*together_);
  }
  if (!introductions_.contains(client)) {
    all.push_back(*told);
  }
  auto schema = schema_of(declared_, all);
  if (schema) {
    if (auto target = target_of(settings_, *schema); !target) {
      return tl::unexpected(target.error());
    }
  } else {
    return tl::unexpected(schema.error().within("client " + client.str()));
  }
  const auto rows = told->rows.value_or(0);
  GENESIS_ASSIGN(together_, merged(all));
  introductions_.insert_or_assign(client, std::move(*told));
  return rows;
}

std::vector<Introduction> Server::introduced() const {
  std::vector<Introduction> all;
  for (const auto& [client, introduction] : introductions_) {
    all.push_back(introduction);
  }
  return all;
}

Status Server::agree(Schema schema) {
  GENESIS_ASSIGN(target_, target_of(settings_, schema));
  if (counted_columns(schema) == 0) {
    return fail(Errc::kInvalidArgument, "table: every column is an identifier; nothing to learn");
  }
  schema_ = std::move(schema);
  return {};
}

Result<method::Next> Server::next(std::optional<method::Sum> sum) {
  if (schema_.empty()) {
    GENESIS_ASSIGN(auto schema, schema_of(declared_, introduced()));
    GENESIS_RETURN_IF_ERROR(agree(std::move(schema)));
  }
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
    default:
      return method::Next{ask()};
  }
}

double Server::deviation(const Query& query, std::uint64_t sites) const {
  return protection_ ? std::sqrt(variance_of(*protection_, query) * static_cast<double>(sites))
                     : 0.0;
}

std::size_t Server::cells() const {
  switch (stage_) {
    case Stage::kFine:
      return fine_cells(schema_);
    case Stage::kZoom:
      return zoom_cells(zoom_.ranges);
    case Stage::kTables:
      return plan_.cells();
    case Stage::kFit:
    case Stage::kDone:
      return 0;
  }
  return 0;
}

Status Server::take_up(Summed sum) {
  if (sum.counts.size() != cells()) {
    return fail(Errc::kInvalidArgument,
                "sum of counts: " + std::to_string(sum.counts.size()) + "; expected " +
                    std::to_string(cells()));
  }
  sums_.push_back(sum);
  switch (stage_) {
    case Stage::kFine:
      sites_ = sum.sites;
      fine_ = {std::move(sum.counts), deviation(fine_query(settings_, schema_), sum.sites)};
      zoom_ = plan_zoom(schema_, fine_.counts, fine_.sigma);
      stage_ = Stage::kZoom;
      if (zoom_.ranges.empty()) {
        make_bins();
      }
      break;
    case Stage::kZoom:
      zoomed_ = {std::move(sum.counts), deviation(zoom_query(settings_, zoom_.ranges), sum.sites)};
      make_bins();
      break;
    case Stage::kTables:
      tables_ = {std::move(sum.counts),
                 deviation(tables_query(settings_, schema_, plan_), sum.sites)};
      stage_ = Stage::kFit;
      break;
    case Stage::kFit:
    case Stage::kDone:
      break;
  }
  return {};
}

void Server::make_bins() {
  model_.schema = zoom_.schema;
  model_.marginals = marginals_of(schema_, fine_, zoom_, zoomed_);
  const std::size_t room = std::max<std::size_t>(2, kMostBins / counted_columns(schema_));
  std::size_t most = std::min(settings_.bins, room);
  plan_with(most);
  const auto is_fine_enough = [&] {
    const double sigma = deviation(tables_query(settings_, schema_, plan_), sites_);
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
  const std::size_t room = std::max<std::size_t>(2, kMostBins / counted_columns(schema_));
  model_.binnings = bin(zoom_.schema, model_.marginals, {most_bins, target_, room});
  auto choice = choose_tables(model_.binnings, target_);
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

method::Ask Server::ask() const {
  const auto document = [](std::string_view name, const nlohmann::json& json) {
    return method::make_document(std::string(name), dump_json(json));
  };
  method::Ask ask;
  std::string_view purpose;
  RoundId round;
  ask.documents = {document(kSchemaDocument, to_json(schema_))};
  switch (stage_) {
    case Stage::kFine:
      purpose = kFine;
      break;
    case Stage::kZoom:
      purpose = kZoom;
      ask.documents.push_back(document(kColumnsDocument, to_json(zoom_.schema)));
      ask.documents.push_back(document(kRangesDocument, to_json(zoom_.ranges)));
      break;
    case Stage::kTables:
      purpose = kTables;
      round = RoundId{1};
      ask.documents.push_back(document(kColumnsDocument, to_json(zoom_.schema)));
      ask.documents.push_back(document(kBinsDocument, to_json(model_.binnings)));
      ask.documents.push_back(document(kPairsDocument, to_json(plan_)));
      if (is_without_target_) {
        ask.remarks.emplace_back(kWithoutTarget);
      }
      break;
    case Stage::kFit:
    case Stage::kDone:
      break;
  }
  ask.request = {std::string(purpose), rounds::Roster::kEveryone, round};
  ask.combine = method::SumOfCounts{cells() + 1};
  return ask;
}

Status Server::check(const rounds::Plain& answer, std::uint64_t /*rows*/) const {
  const auto* counts = std::get_if<rounds::Counts>(&answer.values);
  if (counts == nullptr) {
    return {};
  }
  GENESIS_ASSIGN(const auto one, from_words(*counts));
  return one.sites == 1 ? Status()
                        : Status(fail(Errc::kInvalidArgument, "counts: the first one must be 1"));
}

Result<std::string> Server::model(const std::string& provenance) const {
  GENESIS_CHECK(stage_ == Stage::kDone, "a model comes of all sums");
  return wire::encode_model(to_file(model_, provenance));
}

wire::MethodState Server::checkpoint() const {
  auto sums = nlohmann::json::array();
  for (const auto& sum : sums_) {
    sums.push_back({{"sites", sum.sites}, {"counts", sum.counts}});
  }
  return {{{std::string(kSchemaDocument), dump_json(to_json(schema_))},
           {kSumsDocument, dump_json(sums)}},
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
  stage_ = Stage::kFine;
  sums_.clear();
  zoomed_ = {};
  fitting_.reset();
  GENESIS_RETURN_IF_ERROR(agree(std::move(agreed)));
  GENESIS_ASSIGN(const auto all, parse_json(sums->second));
  for (const JsonValue entry : all.root().elements()) {
    GENESIS_ASSIGN(const auto fields, Fields::of(entry, "checkpoint: sum"));
    Summed sum;
    GENESIS_ASSIGN(sum.sites, fields.count("sites"));
    const auto counts = entry.find("counts");
    for (const JsonValue count : counts.value_or(entry).elements()) {
      const auto value = count.integer();
      if (!value) {
        return fields.wrong("counts", "whole numbers");
      }
      sum.counts.push_back(*value);
    }
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
