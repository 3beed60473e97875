// genesis validate, generate, impute, evaluate.
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/evaluation.hpp"
#include "cli/report.hpp"
#include "cli/site_tables.hpp"
#include "cli/spec_file.hpp"
#include "common/base/exit_code.hpp"
#include "common/base/file.hpp"
#include "common/method/table_reading.hpp"
#include "genesis/federated_synthesizer.hpp"

namespace genesis::cli {
namespace {

void show(const std::string& name, const tabular::Table& table) {
  std::cout << name << ": " << table.rows << " rows\n";
  for (const auto& line : tabular::describe(table)) {
    std::cout << "  " << line << "\n";
  }
}

// The local site whose file this is, or "".
std::string site_of(const spec::FederatedTraining& training, const std::string& file) {
  std::error_code ignored;
  for (const auto& participant : training.participants) {
    if (participant.data_path &&
        std::filesystem::equivalent(*participant.data_path, file, ignored)) {
      return participant.name;
    }
  }
  return "";
}

// One file, as a site that the spec does not name would read it; or those of all local sites, and
// whether they agree.
Status show_tables(const spec::FederatedTraining& training, const std::vector<std::string>& files) {
  for (const auto& file : files) {
    if (file.empty()) {
      continue;
    }
    const auto reading = method::table_reading(training, site_of(training, file));
    GENESIS_ASSIGN(const auto table, tabular::read_csv(file, reading.options()));
    show(file, table);
    return {};
  }
  GENESIS_ASSIGN(const auto sites, read_sites(training));
  if (sites.empty()) {
    return fail(Errc::kInvalidArgument,
                "spec.participants: none has a data.path here; name a file after --data");
  }
  for (const auto& site : sites) {
    show(site.client, site.table);
  }
  for (const auto& alike : look_alikes(sites)) {
    std::cout << "note: " << alike << "\n";
  }
  GENESIS_RETURN_IF_ERROR(pooled(training, sites));
  std::cout << "the sites agree\n";
  return {};
}

// The parser takes -5 for an unsigned number near 2^64.
CLI::Validator whole_number() {
  return CLI::Validator(
      [](const std::string& text) {
        const bool is_whole = !text.empty() && text.size() <= 19 &&
                              text.find_first_not_of("0123456789") == std::string::npos;
        return is_whole ? std::string() : text + ": expected a whole number from 0";
      },
      "");
}

Result<std::string> spec_text(const std::string& file) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 20;
  return file.empty() ? Result<std::string>("") : read_file(file, kMostBytes);
}

// Where rows go, and how their text is written.
void add_output(CLI::App& command, std::string& output, bool& raw_text) {
  command
      .add_option("-o,--output",
                  output,
                  "Output CSV file, compressed where it ends in .gz or .zst; /dev/stdout for "
                  "standard output")
      ->required();
  command.add_flag("--raw-text",
                   raw_text,
                   "Write text that begins with = + - @, a tab or a carriage return as it is; by "
                   "default it gets a ' in front, so that no spreadsheet runs it as a formula");
}

// On the stream of messages: a log may hold both.
void tell_foreign(const std::vector<CompletedColumn>& columns) {
  for (const auto& column : columns) {
    if (column.foreign > 0) {
      std::cerr << "note: " << column.name << ": " << column.foreign
                << " cells hold values that the model does not know; they are kept, and nothing is "
                   "drawn for them\n";
    }
  }
}

}  // namespace

Command add_validate(CLI::App& app) {
  struct Options {
    SpecSource spec;
    std::optional<std::vector<std::string>> data;
    bool print = false;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "validate", "Check a training spec against the schema that the cluster uses");
  add_spec(*command, options->spec);
  command->add_flag("--print", options->print, "Print the spec with all defaults");
  command
      ->add_option_function<std::vector<std::string>>(
          "--data",
          [options](const std::vector<std::string>& files) { options->data = files; },
          "Read this table as the spec says and show its columns; without a file, the tables of "
          "all local participants")
      ->expected(0, 1);
  add_lenient(*command, options->spec);
  return [options] {
    auto training = load_training(options->spec);
    if (!training) {
      return complain("validate", training.error());
    }
    if (options->data) {
      const auto shown = show_tables(*training, *options->data);
      return shown ? 0 : complain("validate", shown.error());
    }
    if (options->print) {
      std::cout << spec::print_yaml(*training);
    } else {
      std::cout << options->spec.file << ": valid\n";
    }
    return 0;
  };
}

Command add_generate(CLI::App& app) {
  struct Options {
    std::string model, output, rows_like, spec;
    SampleOptions sample;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("generate", "Generate synthetic rows from a trained model");
  command->add_option("--model", options->model, "Model file of a training, model.safetensors")
      ->required();
  auto* rows =
      command->add_option("--rows", options->sample.rows, "Number of rows")->check(whole_number());
  auto* where =
      command->add_option("--where",
                          options->sample.where,
                          "Condition that all rows must meet: column=value, age>=40, "
                          "day=2020-01-01.., ward in a,b, result is missing; may be repeated");
  auto* balance = command->add_option(
      "--balance",
      options->sample.balance,
      "Column of text of which each value gets as many rows, those of one value after the other");
  command
      ->add_option("--rows-like",
                   options->rows_like,
                   "CSV of some columns: one row for each of its rows, with the same values in "
                   "these columns (autoregressive, mixture)")
      ->excludes(rows)
      ->excludes(where)
      ->excludes(balance);
  command->add_option(
      "-f,--file", options->spec, "Training spec, for how the file of --rows-like is written");
  command
      ->add_option(
          "--seed", options->sample.seed, "Random seed. The same seed gives the same rows.")
      ->check(whole_number())
      ->capture_default_str();
  add_output(*command, options->output, options->sample.raw_text);
  return [options, has_rows = [rows] { return rows->count() > 0; }] {
    const auto model = FederatedSynthesizer::load(options->model);
    if (!model) {
      return complain("generate", model.error());
    }
    if (!options->rows_like.empty()) {
      const auto spec = spec_text(options->spec);
      if (!spec) {
        return complain("generate", spec.error());
      }
      const auto like = model->sample_like(options->rows_like,
                                           options->output,
                                           {options->sample.seed, options->sample.raw_text, *spec});
      if (!like) {
        return complain("generate", like.error());
      }
      tell_foreign(*like);
      return 0;
    }
    if (!has_rows()) {
      std::cerr << "genesis generate: pass --rows or --rows-like\n";
      return kExitUsageError;
    }
    const auto done = model->sample_to(options->output, options->sample);
    if (!done) {
      return complain("generate", done.error());
    }
    if (options->output != "/dev/stdout") {  // a log may hold both streams
      std::cerr << "wrote " << options->sample.rows << " rows to " << options->output << "\n";
    }
    return 0;
  };
}

Command add_impute(CLI::App& app) {
  struct Options {
    std::string model, data, output, spec;
    CompleteOptions complete;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "impute", "Fill the missing cells of a table, each drawn given the other cells of its row");
  command
      ->add_option("--model",
                   options->model,
                   "Model file of a training with autoregressive or mixture, model.safetensors")
      ->required();
  command->add_option("--data", options->data, "CSV of the rows, plain or gzipped")->required();
  command->add_option(
      "-f,--file", options->spec, "Training spec, for what it declares of how the file is written");
  command->add_option("--seed", options->complete.seed, "Random seed. The same seed fills alike.")
      ->check(whole_number())
      ->capture_default_str();
  add_output(*command, options->output, options->complete.raw_text);
  return [options] {
    const auto model = FederatedSynthesizer::load(options->model);
    if (!model) {
      return complain("impute", model.error());
    }
    auto spec = spec_text(options->spec);
    if (!spec) {
      return complain("impute", spec.error());
    }
    options->complete.spec = std::move(*spec);
    const auto done = model->impute(options->data, options->output, options->complete);
    if (!done) {
      return complain("impute", done.error());
    }
    for (const auto& column : *done) {
      if (column.drawn > 0) {
        std::cerr << column.name << ": " << column.drawn << " cells filled\n";
      }
    }
    tell_foreign(*done);
    return 0;
  };
}

Command add_evaluate(CLI::App& app) {
  struct Options {
    SpecSource spec;
    std::string real, synthetic, holdout;
    quality::Judging judging{.detection = true};
    bool no_detection = false;
    std::string html;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "evaluate", "Compare synthetic rows with real ones: similarity, and distance from copies");
  command->add_option("--real", options->real, "CSV of real rows, plain or gzipped")->required();
  command->add_option("--synthetic", options->synthetic, "CSV of synthetic rows")->required();
  command->add_option(
      "--holdout",
      options->holdout,
      "CSV of real rows that were not used for training, to compare distances with");
  command->add_option("--target",
                      options->judging.target,
                      "Column that a model is to learn: how well it does from synthetic rows and "
                      "from real ones, on those of --holdout");
  command->add_option(
      "-f,--file", options->spec.file, "Training spec, for what it declares of the real table");
  command->add_flag("--no-detection",
                    options->no_detection,
                    "Leave out the classifiers that tell synthetic rows from real ones");
  command->add_option("--html",
                      options->html,
                      "Also write the report as one page with pictures to this file; with "
                      "--holdout, with attacks on single "
                      "rows");
  command->add_flag("--json", options->json, "Print the report as one line of JSON");
  return [options] {
    options->judging.detection = !options->no_detection;
    options->judging.histograms = !options->html.empty();
    options->judging.attacks = !options->html.empty() && !options->holdout.empty();
    const auto evaluated = [&]() -> Result<quality::Report> {
      method::TableReading reading;
      if (!options->spec.file.empty()) {
        GENESIS_ASSIGN(const auto training, load_training(options->spec));
        reading = method::table_reading(training, site_of(training, options->real));
      }
      reading.lenient = true;  // what is text here is compared as text
      GENESIS_ASSIGN(const auto real, tabular::read_csv(options->real, reading.options()));
      for (const auto& found : real.notes) {
        std::cerr << "note: " << options->real << ": " << found << "\n";
      }
      GENESIS_ASSIGN(auto report,
                     evaluate_files(real, options->synthetic, options->holdout, options->judging));
      if (!options->html.empty()) {
        GENESIS_RETURN_IF_ERROR(write_file_atomic(options->html, quality::to_html(report)));
      }
      return report;
    }();
    if (!evaluated) {
      return complain("evaluate", evaluated.error());
    }
    std::cout << (options->json ? quality::to_json(*evaluated) + "\n" : quality::print(*evaluated));
    return 0;
  };
}

}  // namespace genesis::cli
