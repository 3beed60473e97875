#include "genesis/federated_synthesizer.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "aggregator/round_reporter.hpp"
#include "common/base/file.hpp"
#include "common/base/json.hpp"
#include "common/crypto/digest.hpp"
#include "common/methods/lookup.hpp"
#include "common/methods/site_methods.hpp"
#include "common/model/threads.hpp"
#include "common/spec/parse.hpp"
#include "common/tabular/table.hpp"
#include "common/tabular/where.hpp"
#include "common/wire/model_file.hpp"
#include "genesis/simulation.hpp"

namespace genesis {
namespace {

// The model's method, from its own document.
Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file) {
  GENESIS_ASSIGN(const auto document, parse_json(file.model_json));
  const std::string_view where = "model file: its \"model\" document";
  const auto member = document.root().find("method");
  const auto method = member ? member->text() : std::nullopt;
  if (!method) {
    return fail(Errc::kInvalidArgument, std::string(where) + " names no method");
  }
  GENESIS_ASSIGN(const auto* entry, methods::find(methods::site_methods(), *method, where));
  return entry->open(file);
}

// A spec without participants takes the sites of the tables, by the same rules as if it named them.
Result<spec::FederatedTraining> parse_spec(const FitOptions& options) {
  GENESIS_ASSIGN(auto training, spec::parse(options.spec, options.spec_name, options.overrides));
  if (!training.participants.empty() || options.tables.empty()) {
    return training;
  }
  std::string list;
  for (const auto& table : options.tables) {
    GENESIS_ASSIGN(auto id, ClientId::parse(table.site));
    list += (list.empty() ? "" : ", ") + std::string("{name: '") + id.str() + "', external: true}";
  }
  auto overrides = options.overrides;
  overrides.push_back({"participants", "[" + list + "]"});
  return spec::parse(options.spec, options.spec_name, overrides);
}

}  // namespace

struct FederatedSynthesizer::Impl {
  TrainedModel model;
  std::unique_ptr<method::Synthesizer> synthesizer;

  // Gives the CSV text block by block to `take`.
  Status sample(const SampleOptions& options,
                const std::function<Status(std::string_view)>& take) const;
};

Status FederatedSynthesizer::Impl::sample(
    const SampleOptions& options, const std::function<Status(std::string_view)>& take) const {
  std::vector<std::string> where = options.where;
  for (const auto& condition : options.conditions) {
    where.push_back(tabular::equal_condition(condition.column, condition.value));
  }
  const auto cells = options.raw_text ? tabular::TextCells::kRaw : tabular::TextCells::kNeutralised;
  constexpr std::uint64_t kBlock = method::Synthesizer::kBlockRows;
  std::string text;
  for (std::uint64_t first = 0; first < options.rows || first == 0; first += kBlock) {
    const auto count = static_cast<std::size_t>(std::min(kBlock, options.rows - first));
    GENESIS_ASSIGN(const auto table,
                   synthesizer->block(options.seed, first / kBlock, count, where));
    text = first == 0 ? tabular::csv_header(table, cells) : std::string();
    tabular::append_csv_rows(table, text, cells);
    GENESIS_RETURN_IF_ERROR(take(text));
  }
  return {};
}

FederatedSynthesizer::FederatedSynthesizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FederatedSynthesizer::FederatedSynthesizer(FederatedSynthesizer&&) noexcept = default;
FederatedSynthesizer& FederatedSynthesizer::operator=(FederatedSynthesizer&&) noexcept = default;
FederatedSynthesizer::~FederatedSynthesizer() = default;

Result<FederatedSynthesizer> FederatedSynthesizer::fit(const FitOptions& options) {
  model::use_one_thread();
  GENESIS_ASSIGN(auto training, parse_spec(options));
  GENESIS_ASSIGN(auto sites, simulated_sites(training, options.tables));
  aggregator::RoundReporter reporter(
      options.on_round_complete, options.on_metrics, training.rounds.count);
  SimulationObserver observer;
  observer.on_folded = [&](const aggregator::Folded& update) { reporter.folded(update); };
  observer.on_round = [&](RoundId round) { reporter.closed(round); };
  GENESIS_ASSIGN(auto bytes, simulate(training, std::move(sites), observer));
  return from_bytes(std::move(bytes));
}

Result<FederatedSynthesizer> FederatedSynthesizer::load(const std::filesystem::path& path) {
  GENESIS_ASSIGN(auto bytes, read_file(path, wire::kMaxModelBytes));
  GENESIS_ASSIGN(auto loaded, from_bytes(std::move(bytes), path.string()));
  loaded.impl_->model.path = path;
  return loaded;
}

Result<FederatedSynthesizer> FederatedSynthesizer::from_bytes(std::string bytes,
                                                              std::string_view name) {
  model::use_one_thread();
  const auto open = [&]() -> Result<FederatedSynthesizer> {
    GENESIS_ASSIGN(auto file, wire::decode_model(bytes));
    GENESIS_ASSIGN(auto synthesizer, open_model(file));
    auto digest = crypto::sha256_hex(bytes);
    TrainedModel model{std::move(bytes), std::move(digest), {}};
    return FederatedSynthesizer(
        std::make_unique<Impl>(Impl{std::move(model), std::move(synthesizer)}));
  };
  auto opened = open();
  if (!opened) {
    return tl::unexpected(opened.error().within(name));
  }
  return opened;
}

Status FederatedSynthesizer::save(const std::filesystem::path& path) const {
  return write_file_atomic(path, impl_->model.bytes);
}

Result<std::string> FederatedSynthesizer::sample(const SampleOptions& options) const {
  std::string csv;
  GENESIS_RETURN_IF_ERROR(impl_->sample(options, [&](std::string_view text) {
    csv += text;
    return Status();
  }));
  return csv;
}

Status FederatedSynthesizer::sample_to(const std::filesystem::path& path,
                                       const SampleOptions& options) const {
  // Opened with the first block, so that a wrong condition leaves an older file as it was.
  std::optional<FileWriter> file;
  GENESIS_RETURN_IF_ERROR(impl_->sample(options, [&](std::string_view text) -> Status {
    if (!file) {
      GENESIS_ASSIGN(auto created, FileWriter::create(path));
      file.emplace(std::move(created));
    }
    return file->write(text);
  }));
  return file->finish();
}

const TrainedModel& FederatedSynthesizer::model() const {
  return impl_->model;
}

}  // namespace genesis
