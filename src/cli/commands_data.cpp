// genesis validate, generate, evaluate.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/evaluation.hpp"
#include "cli/report.hpp"
#include "cli/spec_file.hpp"
#include "genesis/federated_synthesizer.hpp"

namespace genesis::cli {

Command add_validate(CLI::App& app) {
  struct Options {
    SpecSource spec;
    bool print = false;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "validate", "Check a training spec against the schema that the cluster uses");
  add_spec(*command, options->spec);
  command->add_flag("--print", options->print, "Print the spec with all defaults");
  return [options] {
    auto training = load_training(options->spec);
    if (!training) {
      return complain("validate", training.error());
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
    std::string model, output;
    SampleOptions sample;
    std::vector<std::string> where;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("generate", "Generate synthetic rows from a trained model");
  command->add_option("--model", options->model, "Model file of a training, model.safetensors")
      ->required();
  command->add_option("--rows", options->sample.rows, "Number of rows")->required();
  command->add_option(
      "--where", options->where, "Condition column=value that all rows must meet; may be repeated");
  command
      ->add_option(
          "--seed", options->sample.seed, "Random seed. The same seed gives the same rows.")
      ->capture_default_str();
  command
      ->add_option(
          "-o,--output", options->output, "Output CSV file; /dev/stdout for standard output")
      ->required();
  command->add_flag("--raw-text",
                    options->sample.raw_text,
                    "Write text that begins with = + - @, a tab or a carriage return as it is; by "
                    "default it gets a ' in front, so that no spreadsheet runs it as a formula");
  return [options] {
    for (const auto& where : options->where) {
      const auto equals = where.find('=');
      if (equals == std::string::npos) {
        return complain("generate",
                        Error{Errc::kInvalidArgument,
                              "--where " + where + ": expected column=value, such as income=>50K"});
      }
      options->sample.conditions.push_back({where.substr(0, equals), where.substr(equals + 1)});
    }
    const auto model = FederatedSynthesizer::load(options->model);
    if (!model) {
      return complain("generate", model.error());
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

Command add_evaluate(CLI::App& app) {
  struct Options {
    std::string real, synthetic, holdout;
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
  command->add_flag("--json", options->json, "Print the report as one line of JSON");
  return [options] {
    const auto evaluated = [&]() -> Result<quality::Report> {
      GENESIS_ASSIGN(const auto real, tabular::read_csv(options->real, {}, {}));
      return evaluate_files(real, options->synthetic, options->holdout);
    }();
    if (!evaluated) {
      return complain("evaluate", evaluated.error());
    }
    std::cout << (options->json ? quality::to_json(*evaluated) + "\n" : quality::print(*evaluated));
    return 0;
  };
}

}  // namespace genesis::cli
