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
  auto* command = app.add_subcommand("validate", "Checks a training's YAML as the cluster would");
  add_spec(*command, options->spec);
  command->add_flag("--print", options->print, "Print the spec with its defaults");
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
  auto* command = app.add_subcommand("generate", "Writes synthetic rows from a trained model");
  command->add_option("--model", options->model, "model.safetensors of a training")->required();
  command->add_option("--rows", options->sample.rows, "How many rows")->required();
  command->add_option(
      "--where", options->where, "column=value that must hold in every row; may be repeated");
  command->add_option("--seed", options->sample.seed, "Same seed, same rows")
      ->capture_default_str();
  command->add_option("-o,--output", options->output, "CSV to write")->required();
  return [options] {
    for (const auto& where : options->where) {
      const auto equals = where.find('=');
      if (equals == std::string::npos) {
        return complain(
            "generate",
            Error{Errc::kInvalidArgument, "--where " + where + ": expected column=value"});
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
      std::cerr << options->sample.rows << " rows in " << options->output << "\n";
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
      "evaluate", "Says how close synthetic rows are to real ones, and how far from copies");
  command->add_option("--real", options->real, "Real rows, .csv or .csv.gz")->required();
  command->add_option("--synthetic", options->synthetic, "Synthetic rows")->required();
  command->add_option("--holdout",
                      options->holdout,
                      "Real rows that were not trained on, to compare distances with");
  command->add_flag("--json", options->json, "One line of JSON");
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
