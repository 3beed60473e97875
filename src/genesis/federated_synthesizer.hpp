#pragma once
// A model of tables and the synthetic rows that it makes, in one process: federated training is
// simulated over the sites' tables by the same rounds, weights and bytes as across machines, and a
// model that was trained across machines is loaded by its file. Link genesis::genesis.
//
//   auto model = genesis::FederatedSynthesizer::fit({.spec = yaml});
//   auto csv = model->sample({.rows = 1000, .conditions = {{"income", ">50K"}}});
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/parse.hpp"
#include "genesis/callbacks.hpp"
#include "genesis/column_table.hpp"
#include "genesis/columns.hpp"

namespace genesis {

/// One site's rows: `data` is a .csv or .csv.gz file; where it is empty, `csv` is the text itself
/// (RFC 4180, UTF-8, with a header line), and where that is empty too they are `columns`.
struct SiteTable {
  std::string site;
  std::filesystem::path data;
  std::string csv = {};
  ColumnTable columns = {};  // its buffers outlive the call that takes this
};

struct FitOptions {
  std::string spec;                // FederatedTraining as YAML or JSON
  std::string spec_name = "spec";  // stands for it in messages
  std::vector<spec::Override> overrides = {};
  /// Rows by participant. Empty: each of the spec's participants has its data.path. A spec without
  /// participants takes these sites.
  std::vector<SiteTable> tables = {};
  RoundCallback on_round_complete = {};
  MetricsCallback on_metrics = {};
  /// Folder of the privacy ledgers, one a site, that trainings with differential privacy are
  /// charged to; "": the default one.
  std::filesystem::path ledger = {};
  /// Key of all sites (genesis keys paillier), which privacy.secureAggregation.encryption: paillier
  /// needs; "": none.
  std::filesystem::path paillier_key = {};
  std::stop_token stop = {};  // once asked, fit() ends soon with kUnavailable
};

/// A value that a column must have in every row.
struct Condition {
  std::string column;
  std::string value;
};

struct SampleOptions {
  std::uint64_t rows = 0;
  std::vector<Condition> conditions = {};
  // Conditions as people write them: "age>=40", "ward in a,b", "result is missing"; the grammar is
  // in docs/conditions.md.
  std::vector<std::string> where = {};
  std::uint64_t seed = 0;  // same model, conditions and seed: same rows
  /// A column of text of which each value gets as many rows as any other, but for one; "": none.
  std::string balance = {};
  // Text that a spreadsheet would run as a formula stays as it is; by default it gets a ' in front.
  bool raw_text = false;
};

struct CompleteOptions {
  std::uint64_t seed = 0;  // same model, rows and seed: same cells
  bool raw_text = false;   // as in SampleOptions, of what is drawn
  std::string spec = {};   // FederatedTraining whose `table` says how the file is read; "": none
};

/// What became of the cells of a column of the model that the file has.
struct CompletedColumn {
  std::string name;
  std::uint64_t drawn = 0;
  std::uint64_t foreign =
      0;  // values that the model does not know: kept, and nothing is drawn for them
};

/// Rows that were completed, as all columns of the model. What was given is with whoever gave it.
struct CompletedRows {
  std::vector<ColumnValues> columns;
  std::vector<std::vector<std::uint8_t>> is_given = {};  // by column and row: 0 where it was drawn
  std::vector<CompletedColumn> report = {};
};

class FederatedSynthesizer {
 public:
  /// Trains over all sites in this process, as many at once as there are cores; the model's bytes
  /// are those of the same spec, seed and data across machines. Sets the process to one compute
  /// thread. Errors: kInvalidArgument names the field, file, line or column; kFailedPrecondition
  /// with the reason where the training failed.
  [[nodiscard]] static Result<FederatedSynthesizer> fit(const FitOptions& options);

  /// Opens a model.safetensors, or its bytes. Errors: kDataLoss for a cut or altered file,
  /// kInvalidArgument for one that is no model of ours.
  [[nodiscard]] static Result<FederatedSynthesizer> load(const std::filesystem::path& path);
  [[nodiscard]] static Result<FederatedSynthesizer> from_bytes(std::string bytes,
                                                               std::string_view name = "model");

  /// Writes model.safetensors, whole or not at all. Errors: kIo.
  [[nodiscard]] Status save(const std::filesystem::path& path) const;

  /// Synthetic rows as CSV with a header line. Rows are drawn until enough meet the conditions.
  /// Errors: kInvalidArgument names the column or value of a condition that the model does not
  /// know; kResourceExhausted, with the share of rows that do, where fewer than one drawn row in
  /// 10,000 meets them.
  [[nodiscard]] Result<std::string> sample(const SampleOptions& options) const;
  /// The same into a file, whole or not at all, in bounded memory for any number of rows;
  /// compressed where its name ends in .gz or .zst. What is no regular file, such as a pipe, is
  /// written as rows are made. Errors: kIo too.
  [[nodiscard]] Status sample_to(const std::filesystem::path& path,
                                 const SampleOptions& options) const;

  /// The same rows as columns; text is as it is, whatever `raw_text` says.
  [[nodiscard]] Result<std::vector<ColumnValues>> sample_columns(
      const SampleOptions& options) const;

  /// Writes the rows of `data`, .csv or .csv.gz, to `output` with their missing cells filled, each
  /// drawn given the other cells of its row; all else stands as it was. A cell is missing where it
  /// is empty or, but for text that is a category, a word for "no value". Errors: kInvalidArgument
  /// where the file has no column of the model, or the model's method draws whole rows alone
  /// (ctgan); those of reading and writing.
  [[nodiscard]] Result<std::vector<CompletedColumn>> impute(const std::filesystem::path& data,
                                                            const std::filesystem::path& output,
                                                            const CompleteOptions& options) const;

  /// Writes a synthetic row for each row of `data`, which has the same values in the columns that
  /// `data` has. Errors: as impute().
  [[nodiscard]] Result<std::vector<CompletedColumn>> sample_like(
      const std::filesystem::path& data,
      const std::filesystem::path& output,
      const CompleteOptions& options) const;

  /// The same of rows in memory, to the cell; `site` stands for them in messages.
  [[nodiscard]] Result<CompletedRows> impute(const SiteTable& rows,
                                             const CompleteOptions& options) const;
  [[nodiscard]] Result<CompletedRows> sample_like(const SiteTable& rows,
                                                  const CompleteOptions& options) const;

  /// The bytes of model.safetensors and their SHA-256.
  [[nodiscard]] const TrainedModel& model() const;

  FederatedSynthesizer(FederatedSynthesizer&&) noexcept;
  FederatedSynthesizer& operator=(FederatedSynthesizer&&) noexcept;
  ~FederatedSynthesizer();

 private:
  struct Impl;
  explicit FederatedSynthesizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
