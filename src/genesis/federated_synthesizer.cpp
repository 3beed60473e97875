#include "genesis/federated_synthesizer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>

#include "aggregator/round_reporter.hpp"
#include "common/base/check.hpp"
#include "common/base/file.hpp"
#include "common/base/json.hpp"
#include "common/crypto/digest.hpp"
#include "common/method/table_reading.hpp"
#include "common/methods/lookup.hpp"
#include "common/methods/site_methods.hpp"
#include "common/model/threads.hpp"
#include "common/spec/parse.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/table.hpp"
#include "common/tabular/text_table.hpp"
#include "common/tabular/where.hpp"
#include "common/wire/model_file.hpp"
#include "genesis/completion.hpp"
#include "genesis/row_file.hpp"
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

// Rows with gaps as text, as a spec says that they are written; "" is none.
Result<tabular::Table> read_incomplete(const tabular::TableSource& source,
                                       std::string_view name,
                                       const std::string& spec) {
  method::TableReading reading;
  if (!spec.empty()) {
    GENESIS_ASSIGN(const auto training, spec::parse(spec, "spec", {}));
    reading = method::table_reading(training, "");
  }
  auto reads = reading.options();
  reads.is_whole = true;
  reads.ignored_columns = {};  // they come back, too
  return tabular::read_text_table(source, name, reads);
}

// Columns of a program's memory with their moments as texts of the model's formats, whatever
// fractions, zones and separators the CSV file of such a table would have.
class MomentsAsText {
 public:
  /// `columns` outlive this; `model` has the columns of the model.
  MomentsAsText(const ColumnTable& columns, const tabular::Table& model) : columns_(columns) {
    for (auto& column : columns_.columns) {
      const auto known = std::ranges::find(model.columns, column.name, &tabular::Column::name);
      if (known == model.columns.end() || known->kind != tabular::Kind::kDatetime) {
        continue;
      }
      const auto format = tabular::DatetimeFormat::parse(known->format);
      for (auto& cells : column.chunks) {
        if (format && !format->is_duration() && is_moment(cells)) {
          write(*format, cells);
        }
      }
    }
  }
  MomentsAsText(const MomentsAsText&) = delete;
  MomentsAsText& operator=(const MomentsAsText&) = delete;
  ~MomentsAsText() = default;

  [[nodiscard]] const ColumnTable& columns() const { return columns_; }

 private:
  struct Texts {
    std::string bytes;
    std::vector<std::int64_t> ends = {0};
  };

  static bool is_moment(const Cells& cells) {
    return !cells.dictionary &&
           (cells.type == CellType::kDate32 || cells.type == CellType::kDate64 ||
            cells.type == CellType::kTimestamp);
  }

  static double seconds_of(const Cells& cells, std::size_t place) {
    constexpr double kSecondsPerDay = 86'400.0;
    constexpr double kMilliseconds = 1'000.0;
    if (cells.type == CellType::kDate32) {
      return kSecondsPerDay * value_at<std::int32_t>(cells.values, place);
    }
    const auto ticks = static_cast<double>(value_at<std::int64_t>(cells.values, place));
    return ticks / (cells.type == CellType::kDate64 ? kMilliseconds
                                                    : static_cast<double>(cells.ticks_per_second));
  }

  template <typename T>
  static T value_at(const void* values, std::size_t place) {
    T value;
    std::memcpy(&value, static_cast<const char*>(values) + place * sizeof(T), sizeof(T));
    return value;
  }

  void write(const tabular::DatetimeFormat& format, Cells& cells) {
    auto& texts = texts_.emplace_back();
    std::string text(format.max_size(), '\0');
    for (std::size_t row = 0; row < cells.length; ++row) {
      const std::size_t place = cells.offset + row;
      constexpr std::size_t kBits = 8;
      const bool is_there =
          cells.validity == nullptr || (cells.validity[place / kBits] >> (place % kBits) & 1U) != 0;
      if (is_there) {
        const char* const end = format.write(seconds_of(cells, place), text.data());
        texts.bytes.append(text.data(), static_cast<std::size_t>(end - text.data()));
      }
      texts.ends.push_back(static_cast<std::int64_t>(texts.bytes.size()));
    }
    cells = {.type = CellType::kLargeText,
             .length = cells.length,
             .values = texts.ends.data(),
             .bytes = texts.bytes.data()};
  }

  ColumnTable columns_;
  std::deque<Texts> texts_;
};

// The number that a reader of the CSV would have.
double as_written(const tabular::Column& column, double value) {
  if (column.kind != tabular::Kind::kDecimal || column.significant != 0 || !std::isfinite(value)) {
    return value;
  }
  std::array<char, 400> text{};  // the largest double in fixed notation
  const auto written = std::to_chars(
      text.data(), text.data() + text.size(), value, std::chars_format::fixed, column.precision);
  std::from_chars(text.data(), written.ptr, value);
  return value;
}

// Puts blocks of rows together; each block has categories of its own.
class ColumnCollector {
 public:
  void add(const tabular::Table& block) {
    columns_.resize(block.columns.size());
    codes_.resize(block.columns.size());
    for (std::size_t i = 0; i < block.columns.size(); ++i) {
      add(block.columns[i], columns_[i], codes_[i]);
    }
  }
  std::vector<ColumnValues> columns() && { return std::move(columns_); }

 private:
  using Codes = std::unordered_map<std::string, std::uint32_t>;

  static void add(const tabular::Column& from, ColumnValues& to, Codes& known) {
    to.name = from.name;
    to.kind = tabular::to_string(from.kind);
    to.format = from.format;
    for (const double value : from.numbers) {
      to.numbers.push_back(as_written(from, value));
    }
    if (from.kind == tabular::Kind::kDatetime) {
      add_dates(from, to, known);
      return;
    }
    std::vector<std::uint32_t> codes;
    for (const auto& text : from.categories) {
      codes.push_back(code_of(text, to, known));
    }
    for (const auto code : from.codes) {
      to.codes.push_back(code == tabular::kMissingCode ? ColumnValues::kMissingCode : codes[code]);
    }
  }

  static std::uint32_t code_of(const std::string& text, ColumnValues& column, Codes& known) {
    const auto [entry, is_new] = known.emplace(text, static_cast<std::uint32_t>(known.size()));
    if (is_new) {
      column.texts.push_back(text);
    }
    return entry->second;
  }

  static void add_dates(const tabular::Column& from, ColumnValues& to, Codes& known) {
    const auto format = tabular::DatetimeFormat::parse(from.format);
    GENESIS_CHECK(format.has_value(), "a datetime column has a valid format");
    std::string text;
    for (const double value : from.numbers) {
      if (std::isnan(value)) {
        to.codes.push_back(ColumnValues::kMissingCode);
        continue;
      }
      text.resize(format->max_size());
      text.resize(static_cast<std::size_t>(format->write(value, text.data()) - text.data()));
      to.codes.push_back(code_of(text, to, known));
    }
  }

  std::vector<ColumnValues> columns_;
  std::vector<Codes> codes_;
};

}  // namespace

struct FederatedSynthesizer::Impl {
  TrainedModel model;
  std::unique_ptr<method::Synthesizer> synthesizer;

  // Gives the rows block by block to `take`; at least one block, perhaps without rows.
  Status sample(const SampleOptions& options,
                const std::function<Status(const tabular::Table&)>& take) const;
  Result<std::vector<CompletedColumn>> complete(const std::filesystem::path& data,
                                                const std::filesystem::path& output,
                                                Columns columns,
                                                const CompleteOptions& options) const;
  Result<CompletedRows> complete(const SiteTable& rows,
                                 Columns columns,
                                 const CompleteOptions& options) const;
  // Gives the CSV text block by block.
  Status sample_csv(const SampleOptions& options,
                    const std::function<Status(std::string_view)>& take) const;
};

Status FederatedSynthesizer::Impl::sample(
    const SampleOptions& options, const std::function<Status(const tabular::Table&)>& take) const {
  std::vector<std::string> where = options.where;
  for (const auto& condition : options.conditions) {
    where.push_back(tabular::equal_condition(condition.column, condition.value));
  }
  std::uint64_t block = 0;
  const auto draw = [&](std::uint64_t rows, const std::vector<std::string>& conditions) -> Status {
    constexpr std::uint64_t kBlock = method::Synthesizer::kBlockRows;
    for (std::uint64_t first = 0; first < rows || block == 0; first += kBlock) {
      const auto count = static_cast<std::size_t>(std::min(kBlock, rows - first));
      GENESIS_ASSIGN(const auto table,
                     synthesizer->block(options.seed, block++, count, conditions));
      GENESIS_RETURN_IF_ERROR(take(table));
    }
    return {};
  };
  if (options.balance.empty()) {
    return draw(options.rows, where);
  }
  GENESIS_ASSIGN(const auto values, synthesizer->categories(options.balance));
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto conditions = where;
    conditions.push_back(tabular::equal_condition(options.balance, values[i]));
    const bool has_one_more = i < options.rows % values.size();
    GENESIS_RETURN_IF_ERROR(
        draw(options.rows / values.size() + (has_one_more ? 1 : 0), conditions));
  }
  return {};
}

Status FederatedSynthesizer::Impl::sample_csv(
    const SampleOptions& options, const std::function<Status(std::string_view)>& take) const {
  const auto cells = options.raw_text ? tabular::TextCells::kRaw : tabular::TextCells::kNeutralised;
  bool is_first = true;
  return sample(options, [&](const tabular::Table& table) {
    auto text = is_first ? tabular::csv_header(table, cells) : std::string();
    is_first = false;
    tabular::append_csv_rows(table, text, cells);
    return take(text);
  });
}

FederatedSynthesizer::FederatedSynthesizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FederatedSynthesizer::FederatedSynthesizer(FederatedSynthesizer&&) noexcept = default;
FederatedSynthesizer& FederatedSynthesizer::operator=(FederatedSynthesizer&&) noexcept = default;
FederatedSynthesizer::~FederatedSynthesizer() = default;

Result<FederatedSynthesizer> FederatedSynthesizer::fit(const FitOptions& options) {
  model::use_one_thread();
  GENESIS_ASSIGN(auto training, parse_spec(options));
  const SiteFiles files{.ledger = options.ledger, .paillier_key = options.paillier_key};
  GENESIS_ASSIGN(auto sites, simulated_sites(training, options.tables, files, options.stop));
  aggregator::RoundReporter reporter(
      options.on_round_complete, options.on_metrics, training.rounds.count);
  SimulationObserver observer;
  observer.stop = options.stop;
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
  GENESIS_RETURN_IF_ERROR(impl_->sample_csv(options, [&](std::string_view text) {
    csv += text;
    return Status();
  }));
  return csv;
}

Status FederatedSynthesizer::sample_to(const std::filesystem::path& path,
                                       const SampleOptions& options) const {
  // Opened with the first block, so that a wrong condition leaves an older file as it was.
  std::optional<RowFile> file;
  GENESIS_RETURN_IF_ERROR(impl_->sample_csv(options, [&](std::string_view text) -> Status {
    if (!file) {
      GENESIS_ASSIGN(auto created, RowFile::create(path));
      file.emplace(std::move(created));
    }
    return file->write(text);
  }));
  return file->finish();
}

Result<std::vector<CompletedColumn>> FederatedSynthesizer::Impl::complete(
    const std::filesystem::path& data,
    const std::filesystem::path& output,
    Columns columns,
    const CompleteOptions& options) const {
  GENESIS_ASSIGN(const auto texts, read_incomplete({data, {}, {}}, "", options.spec));
  std::optional<RowFile> file;
  const auto cells = options.raw_text ? tabular::TextCells::kRaw : tabular::TextCells::kNeutralised;
  auto completed = complete_table(
      *synthesizer, texts, options.seed, columns, cells, [&](std::string_view text) -> Status {
        if (!file) {
          GENESIS_ASSIGN(auto created, RowFile::create(output));
          file.emplace(std::move(created));
        }
        return file->write(text);
      });
  if (!completed) {
    return tl::unexpected(completed.error().within(data.string()));
  }
  GENESIS_RETURN_IF_ERROR(file->finish());
  return completed;
}

Result<CompletedRows> FederatedSynthesizer::Impl::complete(const SiteTable& rows,
                                                           Columns columns,
                                                           const CompleteOptions& options) const {
  GENESIS_ASSIGN(const auto empty, synthesizer->block(0, 0, 0, {}));
  const MomentsAsText written(rows.columns, empty);
  GENESIS_ASSIGN(
      const auto texts,
      read_incomplete({rows.data, rows.csv, written.columns()}, rows.site, options.spec));
  ColumnCollector collector;
  std::vector<std::vector<std::uint8_t>> is_given;
  auto report = complete_rows(
      *synthesizer, texts, options.seed, columns, [&](const method::Completed& completed) {
        collector.add(completed.rows);
        is_given.resize(completed.given.size());
        for (std::size_t c = 0; c < is_given.size(); ++c) {
          for (const auto given : completed.given[c]) {
            is_given[c].push_back(given == tabular::Given::kNothing ? 0 : 1);
          }
        }
      });
  if (!report) {
    return tl::unexpected(report.error().within(rows.site));
  }
  return CompletedRows{std::move(collector).columns(), std::move(is_given), *std::move(report)};
}

Result<std::vector<CompletedColumn>> FederatedSynthesizer::impute(
    const std::filesystem::path& data,
    const std::filesystem::path& output,
    const CompleteOptions& options) const {
  return impl_->complete(data, output, Columns::kOfFile, options);
}

Result<std::vector<CompletedColumn>> FederatedSynthesizer::sample_like(
    const std::filesystem::path& data,
    const std::filesystem::path& output,
    const CompleteOptions& options) const {
  return impl_->complete(data, output, Columns::kOfModel, options);
}

Result<CompletedRows> FederatedSynthesizer::impute(const SiteTable& rows,
                                                   const CompleteOptions& options) const {
  return impl_->complete(rows, Columns::kOfFile, options);
}

Result<CompletedRows> FederatedSynthesizer::sample_like(const SiteTable& rows,
                                                        const CompleteOptions& options) const {
  return impl_->complete(rows, Columns::kOfModel, options);
}

Result<std::vector<ColumnValues>> FederatedSynthesizer::sample_columns(
    const SampleOptions& options) const {
  ColumnCollector collector;
  GENESIS_RETURN_IF_ERROR(impl_->sample(options, [&](const tabular::Table& table) {
    collector.add(table);
    return Status();
  }));
  return std::move(collector).columns();
}

const TrainedModel& FederatedSynthesizer::model() const {
  return impl_->model;
}

}  // namespace genesis
