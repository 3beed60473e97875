#include "genesis/federated_synthesizer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <optional>
#include <span>

#include "aggregator/round_reporter.hpp"
#include "common/base/file.hpp"
#include "common/base/file_writer.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/spec_views.hpp"
#include "common/model/ctgan.hpp"
#include "common/spec/parse.hpp"
#include "common/tabular/table.hpp"
#include "common/tabular/where.hpp"
#include "common/wire/messages.hpp"
#include "common/wire/model_file.hpp"
#include "genesis/simulation.hpp"

namespace genesis {
namespace {

// Rows are given up where fewer than one candidate in so many meets the conditions, once enough
// have been drawn to know.
constexpr std::uint64_t kLeastAcceptance = 10000;
constexpr std::uint64_t kFewestCandidates = std::uint64_t{1} << 20;

constexpr std::uint64_t kMaxModelBytes = std::uint64_t{512} << 20;

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
  tabular::Encoder encoder;
  model::Sampler sampler;

  // Gives the CSV text block by block to `take`.
  Status sample(const SampleOptions& options,
                const std::function<Status(std::string_view)>& take) const;

  class Selection;
};

// Rows that meet conditions, one after the other, out of as many candidates as it takes.
class FederatedSynthesizer::Impl::Selection {
 public:
  Selection(const Impl& impl, const tabular::Where& where, const SampleOptions& options)
      : impl_(impl), where_(where), seed_(options.seed) {
    for (const auto& filter : where.filters()) {
      allowed_.push_back({filter.column, filter.modes});
    }
    left_.columns.resize(impl.encoder.columns().size());
  }

  Result<tabular::EncodedTable> next(std::size_t rows) {
    while (left_.rows < rows) {
      if (candidates_ >= kFewestCandidates && met_ < candidates_ / kLeastAcceptance) {
        return gave_up();
      }
      const auto drawn = impl_.sampler.sample_allowed(seed_, attempt_++, allowed_);
      candidates_ += model::Sampler::kCandidates;
      const auto kept = where_.rows_of(drawn, impl_.encoder.decode(drawn, 0));
      append(drawn, kept);
      met_ += kept.size();
    }
    return take(rows);
  }

 private:
  [[nodiscard]] tl::unexpected<Error> gave_up() const {
    std::array<char, 32> share{};
    std::snprintf(share.data(),
                  share.size(),
                  "%.2g%%",
                  100.0 * static_cast<double>(met_) / static_cast<double>(candidates_));
    return fail(Errc::kResourceExhausted,
                "of " + std::to_string(candidates_) + " rows that the model drew " +
                    std::to_string(met_) + " met the conditions (" + share.data() +
                    "), too few to go on; ask for fewer conditions or wider ranges");
  }

  void append(const tabular::EncodedTable& drawn, std::span<const std::size_t> rows) {
    for (std::size_t c = 0; c < drawn.columns.size(); ++c) {
      const auto& from = drawn.columns[c];
      auto& to = left_.columns[c];
      for (const std::size_t row : rows) {
        if (!from.mode.empty()) {
          to.mode.push_back(from.mode[row]);
        }
        if (!from.value.empty()) {
          to.value.push_back(from.value[row]);
        }
      }
    }
    left_.rows += rows.size();
  }

  tabular::EncodedTable take(std::size_t rows) {
    tabular::EncodedTable taken;
    taken.rows = rows;
    taken.columns.resize(left_.columns.size());
    const auto move_first = [&](auto& from, auto& to) {
      const std::size_t count = std::min(rows, from.size());
      to.assign(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
      from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
    };
    for (std::size_t c = 0; c < left_.columns.size(); ++c) {
      move_first(left_.columns[c].mode, taken.columns[c].mode);
      move_first(left_.columns[c].value, taken.columns[c].value);
    }
    left_.rows -= rows;
    return taken;
  }

  const Impl& impl_;             // outlives this
  const tabular::Where& where_;  // outlives this
  std::uint64_t seed_;
  std::vector<model::Allowed> allowed_;
  tabular::EncodedTable left_;  // met the conditions, not taken yet
  std::uint64_t attempt_ = 0, candidates_ = 0, met_ = 0;
};

Status FederatedSynthesizer::Impl::sample(
    const SampleOptions& options, const std::function<Status(std::string_view)>& take) const {
  tabular::Where where;
  for (const auto& condition : options.conditions) {
    GENESIS_RETURN_IF_ERROR(where.add_equal(condition.column, condition.value, encoder));
  }
  for (const auto& condition : options.where) {
    GENESIS_RETURN_IF_ERROR(where.add(condition, encoder));
  }
  Selection selection(*this, where, options);
  constexpr std::uint64_t kBlock = model::Sampler::kBlockRows;
  std::string text;
  for (std::uint64_t first = 0; first < options.rows || first == 0; first += kBlock) {
    const auto count = static_cast<std::size_t>(std::min(kBlock, options.rows - first));
    tabular::EncodedTable encoded;
    if (where.filters().empty()) {
      encoded = sampler.sample_block(options.seed, first / kBlock, count);
    } else {
      GENESIS_ASSIGN(encoded, selection.next(count));
    }
    const auto table = encoder.decode(encoded, first);
    text = first == 0 ? tabular::csv_header(table) : std::string();
    tabular::append_csv_rows(table, text);
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
  GENESIS_ASSIGN(auto sites, simulated_participants(training, options.tables));
  aggregator::RoundReporter reporter(
      options.on_round_complete, options.on_metrics, training.rounds.count);
  SimulationObserver observer;
  observer.on_update = [&](const wire::UpdateMetadata& update) { reporter.updated(update); };
  observer.on_round = [&](RoundId round) { reporter.closed(round); };
  GENESIS_ASSIGN(auto bytes, simulate(training, std::move(sites), observer));
  return from_bytes(std::move(bytes));
}

Result<FederatedSynthesizer> FederatedSynthesizer::load(const std::filesystem::path& path) {
  GENESIS_ASSIGN(auto bytes, read_file(path, kMaxModelBytes));
  GENESIS_ASSIGN(auto loaded, from_bytes(std::move(bytes), path.string()));
  loaded.impl_->model.path = path;
  return loaded;
}

Result<FederatedSynthesizer> FederatedSynthesizer::from_bytes(std::string bytes,
                                                              std::string_view name) {
  model::use_one_thread();
  const auto open = [&]() -> Result<FederatedSynthesizer> {
    GENESIS_ASSIGN(auto file, wire::decode_model(bytes));
    GENESIS_ASSIGN(auto config, federation::parse_model_document(file.model_json));
    GENESIS_ASSIGN(auto encoder, wire::decode_encoder(file.encoder_json));
    GENESIS_ASSIGN(auto sampler, model::Sampler::create(config, encoder.layout(), file.generator));
    auto digest = crypto::sha256_hex(bytes);
    TrainedModel model{std::move(bytes), std::move(digest), {}};
    return FederatedSynthesizer(
        std::make_unique<Impl>(Impl{std::move(model), std::move(encoder), std::move(sampler)}));
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
