// genesis validate, generate, evaluate.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "cli/spec_file.hpp"
#include "common/quality/evaluate.hpp"
#include "genesis/federated_synthesizer.hpp"

namespace genesis::cli {
namespace {

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

}  // namespace

Command add_validate(CLI::App& app) {
  struct Options {
    std::string file;
    std::vector<std::string> sets;
    bool print = false;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("validate", "Checks a training's YAML as the cluster would");
  command->add_option("-f,--file", options->file, "The training's YAML")->required();
  command->add_option("--set", options->sets, "Overrides a field: rounds.count=3");
  command->add_flag("--print", options->print, "Print the spec with its defaults");
  return [options] {
    auto training = load_training(options->file, options->sets);
    if (!training) {
      return complain("validate", training.error());
    }
    if (options->print) {
      std::cout << spec::print_yaml(*training);
    } else {
      std::cout << options->file << ": valid\n";
    }
    return 0;
  };
}

Command add_generate(CLI::App& app) {
  struct Options {
    std::string model, output;
    SampleOptions sample;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("generate", "Writes synthetic rows from a trained model");
  command->add_option("--model", options->model, "model.safetensors of a training")->required();
  command->add_option("--rows", options->sample.rows, "How many rows")
      ->required()
      ->check(whole_number());
  command->add_option(
      "--where",
      options->sample.where,
      "What must hold in every row: column=value, age>=40, day=2020-01-01.., ward in "
      "a,b, result is missing; may be repeated");
  command->add_option("--seed", options->sample.seed, "Same seed, same rows")
      ->check(whole_number())
      ->capture_default_str();
  command->add_option("-o,--output", options->output, "CSV to write")->required();
  return [options] {
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
      GENESIS_ASSIGN(auto real, tabular::read_csv(options->real, {}, {}));
      GENESIS_ASSIGN(auto synthetic, quality::read_beside(options->synthetic, real));
      if (options->holdout.empty()) {
        return quality::evaluate(real, synthetic, nullptr);
      }
      GENESIS_ASSIGN(auto holdout, quality::read_beside(options->holdout, real));
      return quality::evaluate(real, synthetic, &holdout);
    }();
    if (!evaluated) {
      return complain("evaluate", evaluated.error());
    }
    std::cout << (options->json ? quality::to_json(*evaluated) + "\n" : quality::print(*evaluated));
    return 0;
  };
}

}  // namespace genesis::cli
