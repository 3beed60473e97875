// genesis run: train, generate, evaluate.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/evaluation.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/run.hpp"
#include "cli/site_tables.hpp"
#include "cli/spec_file.hpp"
#include "cli/status_page.hpp"
#include "common/base/clock.hpp"
#include "common/base/file.hpp"
#include "common/base/folder.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/model_cards.hpp"
#include "common/quality/evaluate.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/wire/model_file.hpp"
#include "genesis/federated_synthesizer.hpp"
#include "genesis/simulation.hpp"

namespace genesis::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  SpecSource spec;
  std::string output, holdout;
  bool simulate = false;
  bool resume = false;
  bool json = false;
  bool allow_copied_text = false;
  MetricsPort metrics_port;
  std::optional<std::uint16_t> web;
  SiteFiles files;
};

struct Outcome {
  fs::path model, synthetic;
  std::string model_sha256;
  std::uint32_t rounds = 0;
  std::size_t clients = 0;
  double training_seconds = 0.0;
  double wall_seconds = 0.0;
  std::optional<quality::Report> quality;
};

// Judges by all sites' rows, which this machine holds; says to people what was found in them.
Result<quality::Report> judge(const spec::FederatedTraining& training,
                              const Options& options,
                              const fs::path& synthetic) {
  GENESIS_ASSIGN(auto sites, read_sites(training));
  for (const auto& told : remarks(sites)) {
    std::cerr << "note: " << told << "\n";
  }
  GENESIS_ASSIGN(const auto real, pooled(training, sites));
  sites.clear();
  return evaluate_files(real, synthetic, options.holdout, {});
}

// One process, no network, one thread per core. Same model bytes.
Status run_simulated(const spec::FederatedTraining& training,
                     const fs::path& output,
                     const SiteFiles& files,
                     const Progress& progress) {
  GENESIS_ASSIGN(auto sites, simulated_sites(training, {}, files));
  SimulationObserver observer;
  observer.on_progress = progress;
  GENESIS_ASSIGN(auto model, simulate(training, std::move(sites), observer));
  return write_file_atomic(output / "model.safetensors", model);
}

Status check_sites(const spec::FederatedTraining& training) {
  if (training.suspend) {
    return fail(Errc::kFailedPrecondition, "spec.suspend: true; set it to false to train here");
  }
  if (training.participants.empty()) {
    return fail(Errc::kInvalidArgument,
                "spec.participants: is empty; a local run needs participants with data.path");
  }
  for (const auto& participant : training.participants) {
    if (!participant.data_path) {
      return fail(Errc::kInvalidArgument,
                  "spec.participants[" + participant.name +
                      "]: is external; a local run needs its data.path");
    }
  }
  return {};
}

// A key of encrypted sums that no file was named for is made in the output folder, and stays there
// for a resumed run.
Result<SiteFiles> site_files(const spec::FederatedTraining& training,
                             const Options& options,
                             const fs::path& output) {
  auto files = options.files;
  const auto& secure = training.privacy.secure_aggregation;
  if (!secure || secure->encryption != spec::Encryption::kPaillier || !files.paillier_key.empty()) {
    return files;
  }
  files.paillier_key = output / secure::kPaillierKeyFile;
  if (!fs::exists(files.paillier_key)) {
    std::cerr << "note: makes the key of encrypted sums, which takes some seconds; --paillier-key "
                 "names one\n";
    const auto bits = secure::paillier_bits(secure->key_bits);
    GENESIS_ASSIGN(const auto key, secure::PaillierKey::generate(bits));
    GENESIS_RETURN_IF_ERROR(secure::write_paillier_key(output, key));
  }
  return files;
}

Result<Outcome> run(const Options& options) {
  const Elapsed elapsed;
  GENESIS_ASSIGN(auto training, load_training(options.spec));
  GENESIS_RETURN_IF_ERROR(check_sites(training));
  const fs::path output = fs::absolute(options.output);
  std::error_code failed;
  GENESIS_RETURN_IF_ERROR(make_private_folder(output));
  auto lock = FolderLock::take(output);
  if (!lock) {
    return fail(lock.error().code,
                "--output-dir " + options.output + ": " + lock.error().message +
                    "; wait for it to end, or name another folder");
  }
  Outcome outcome;
  outcome.model = output / "model.safetensors";
  outcome.synthetic = output / "synthetic.csv";
  fs::remove(outcome.model, failed);
  fs::remove(outcome.synthetic, failed);

  ProgressPrinter printer;
  std::unique_ptr<StatusPage> page;
  if (options.web) {
    GENESIS_ASSIGN(page, StatusPage::start(*options.web));
    std::cerr << "page: " << page->url() << "\n";
  }
  const Progress progress = [&](const wire::StatusReport& report) {
    printer(report);
    if (page) {
      page->show(report);
    }
    outcome.rounds = report.current_round.value;
    outcome.clients = report.clients.size();
  };
  GENESIS_ASSIGN(const auto files, site_files(training, options, output));
  const auto trained = options.simulate
                           ? run_simulated(training, output, files, progress)
                           : run_processes(training,
                                           output,
                                           options.resume ? Start::kResume : Start::kAnew,
                                           options.metrics_port,
                                           files,
                                           progress);
  printer.finish();
  if (!trained) {
    return tl::unexpected(trained.error());
  }
  outcome.training_seconds = elapsed.seconds();
  GENESIS_ASSIGN(auto bytes, read_file(outcome.model, wire::kMaxModelBytes));
  outcome.model_sha256 = crypto::sha256_hex(bytes);
  GENESIS_RETURN_IF_ERROR(federation::write_model_card(output, bytes, std::nullopt));
  if (training.output.rows > 0) {
    GENESIS_ASSIGN(auto synthesizer, FederatedSynthesizer::load(outcome.model));
    SampleOptions sample;
    sample.rows = static_cast<std::uint64_t>(training.output.rows);
    sample.seed = training.seed;
    GENESIS_RETURN_IF_ERROR(synthesizer.sample_to(outcome.synthetic, sample));
    GENESIS_ASSIGN(outcome.quality, judge(training, options, outcome.synthetic));
    GENESIS_RETURN_IF_ERROR(
        federation::write_model_card(output, bytes, quality::to_json(*outcome.quality)));
  }
  outcome.wall_seconds = elapsed.seconds();
  return outcome;
}

std::string copied_columns(const quality::Report& report) {
  std::string names;
  for (const auto& column : report.copied_text) {
    names += (names.empty() ? "'" : ", '") + column.name + "'";
  }
  return names;
}

void print_people(const Outcome& outcome) {
  if (outcome.quality) {
    std::cout << "\n" << quality::print(*outcome.quality);
  }
  std::printf("\n%u %s, %zu clients, trained in %.1f s (%.1f s in total)\n",
              outcome.rounds,
              outcome.rounds == 1 ? "round" : "rounds",
              outcome.clients,
              outcome.training_seconds,
              outcome.wall_seconds);
  std::cout << std::flush;
  std::printf(
      "model      %s  sha256 %.16s…\n", outcome.model.c_str(), outcome.model_sha256.c_str());
  if (outcome.quality) {
    std::printf("synthetic  %s\n", outcome.synthetic.c_str());
  }
}

void print_json(const Outcome& outcome) {
  nlohmann::json json{{"model", outcome.model.string()},
                      {"model_sha256", outcome.model_sha256},
                      {"rounds", outcome.rounds},
                      {"clients", outcome.clients},
                      {"training_seconds", outcome.training_seconds},
                      {"wall_seconds", outcome.wall_seconds},
                      {"synthetic", nullptr},
                      {"quality", nullptr}};
  if (outcome.quality) {
    json["synthetic"] = outcome.synthetic.string();
    json["quality"] = nlohmann::json::parse(quality::to_json(*outcome.quality));
  }
  std::cout << json.dump() << "\n";
}

}  // namespace

Command add_run(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "run",
      "Train on this machine: one aggregator process and one worker process per participant");
  add_spec(*command, options->spec);
  command
      ->add_option(
          "--output-dir", options->output, "Folder for model.safetensors, synthetic.csv and logs")
      ->required();
  auto* simulate = command->add_flag(
      "--simulate",
      options->simulate,
      "Run everything in one process without a network; the model has the same bytes");
  command
      ->add_flag("--resume",
                 options->resume,
                 "Resume the training that was interrupted in the output folder")
      ->excludes(simulate);
  command
      ->add_option("--metrics-port",
                   options->metrics_port,
                   "Port of 127.0.0.1 for the aggregator's /metrics, /healthz and /readyz")
      ->excludes(simulate);
  command
      ->add_option_function<std::uint16_t>(
          "--web",
          [options](std::uint16_t port) { options->web = port; },
          "Follow the training on a page in a browser on this machine, too; with a port of "
          "127.0.0.1, or 0 or nothing for a free one")
      ->expected(0, 1)
      ->default_str("0");
  command->add_option(
      "--ledger",
      options->files.ledger,
      "Folder of the privacy ledgers, one a participant, that trainings with "
      "differential privacy are charged to (default: ~/.local/state/genesis/ledger)");
  command
      ->add_option("--paillier-key",
                   options->files.paillier_key,
                   "Key of encrypted sums (genesis keys paillier); made in the output folder "
                   "where none is named")
      ->envname("GENESIS_PAILLIER_KEY");
  command->add_option("--holdout",
                      options->holdout,
                      "CSV of real rows that no site trains on, to compare distances with");
  command->add_flag("--json", options->json, "Print the result as one line of JSON on stdout");
  command->add_flag("--allow-copied-text",
                    options->allow_copied_text,
                    "Exit with 0 even if synthetic text is mostly that of single real rows");
  add_lenient(*command, options->spec);
  return [options] {
    const auto outcome = run(*options);
    if (!outcome) {
      const int code = complain("run", outcome.error());
      end_as_interrupted();
      return code;
    }
    if (options->json) {
      print_json(*outcome);
    } else {
      print_people(*outcome);
    }
    const auto copied = outcome->quality ? copied_columns(*outcome->quality) : "";
    if (!copied.empty() && !options->allow_copied_text) {
      return complain("run",
                      Error{Errc::kFailedPrecondition,
                            "most synthetic text of " + copied +
                                " is that of single real rows; declare its kind identifier, or "
                                "take it with --allow-copied-text"});
    }
    return 0;
  };
}

}  // namespace genesis::cli
