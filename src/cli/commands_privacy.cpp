// genesis privacy: the plan of a training's noise, and the ledger of a site's data sets.
// genesis audit: an attack on what the ledger has charged.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <set>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/privacy_report.hpp"
#include "cli/report.hpp"
#include "cli/spec_file.hpp"
#include "common/base/file.hpp"
#include "common/base/text.hpp"
#include "common/base/utc.hpp"
#include "common/methods/lookup.hpp"
#include "common/methods/server_methods.hpp"
#include "common/privacy/ledger_file.hpp"
#include "common/quality/attacks.hpp"
#include "common/quality/evaluate.hpp"
#include "common/wire/checkpoint.hpp"
#include "common/wire/model_card.hpp"

namespace genesis::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxKept = std::uint64_t{256} << 20U;  // a checkpoint has the sums
constexpr std::uint64_t kMaxExport = std::uint64_t{256} << 20U;

struct PlanOptions {
  SpecSource spec;
  std::uint64_t rows = 0;  // 0: not declared
  bool json = false;
};

struct LedgerOptions {
  std::string folder;  // "": the default one
  std::string data_set;
  std::string file;
  std::vector<std::string> heads;
  std::vector<std::string> kept;  // files that have heads
  double delta = 1e-5;
  bool json = false;
};

struct TableAuditOptions {
  std::string real, synthetic, holdout, secret;
  quality::AttackOptions attack;
  bool json = false;
};

struct AuditOptions {
  LedgerOptions ledger;
  privacy::AuditSettings settings;
};

Result<fs::path> folder_of(const LedgerOptions& options) {
  return options.folder.empty() ? privacy::default_ledger_folder() : fs::path(options.folder);
}

void add_ledger_flag(CLI::App& command, LedgerOptions& options) {
  command.add_option("--ledger",
                     options.folder,
                     "Folder of the privacy ledgers (default: ~/.local/state/genesis/ledger)");
}

void add_data_set(CLI::App& command, LedgerOptions& options) {
  command.add_option("data-set", options.data_set, "Name that the site gives to its rows")
      ->required();
}

void add_delta(CLI::App& command, LedgerOptions& options) {
  command.add_option("--delta", options.delta, "Delta at which epsilon is told")
      ->capture_default_str();
}

Result<privacy::Delta> delta_of(const LedgerOptions& options) {
  // Any epsilon: only delta is of interest.
  GENESIS_ASSIGN(const auto guarantee,
                 privacy::Guarantee::of(privacy::Epsilon{1}, privacy::Delta{options.delta}));
  return guarantee.delta();
}

int answer(const char* command, const Result<std::string>& text) {
  if (!text) {
    return complain(command, text.error());
  }
  std::cout << *text;
  return 0;
}

Result<std::string> plan(const PlanOptions& options) {
  GENESIS_ASSIGN(const auto training, load_training(options.spec));
  GENESIS_ASSIGN(
      const auto* method,
      methods::find(methods::server_methods(), training.model.method, "spec.model.method"));
  if (method->plan == nullptr) {
    return fail(Errc::kInvalidArgument,
                "spec.model.method: " + training.model.method +
                    " has no form with differential privacy; use a method that adds noise");
  }
  GENESIS_ASSIGN(auto queries, method->plan(training));
  GENESIS_ASSIGN(auto if_declared, method->plans_if_declared(training));
  GENESIS_ASSIGN(const auto plan,
                 plan_privacy(training,
                              std::move(queries),
                              options.rows > 0 ? std::optional(options.rows) : std::nullopt,
                              std::move(if_declared)));
  return options.json ? to_json(plan) : to_text(plan);
}

Result<std::set<std::string>> data_sets_in(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    // A head without its ledger is that of a ledger that is lost.
    if (entry->path().extension() == ".ledger" || entry->path().extension() == ".head") {
      names.insert(entry->path().stem().string());
    }
  }
  if (error || names.empty()) {
    return fail(Errc::kNotFound,
                folder.string() + ": there is no privacy ledger" +
                    (error ? ": " + error.message() : std::string()));
  }
  return names;
}

// One data set, or all of the folder.
Result<std::string> show(const LedgerOptions& options) {
  GENESIS_ASSIGN(const auto folder, folder_of(options));
  GENESIS_ASSIGN(const auto delta, delta_of(options));
  std::set<std::string> names{options.data_set};
  if (options.data_set.empty()) {
    GENESIS_ASSIGN(names, data_sets_in(folder));
  }
  std::string text;
  std::optional<Error> damage;  // a ledger that cannot be read hides no other
  for (const auto& name : names) {
    const auto ledger = privacy::read_ledger(folder, name);
    if (!ledger) {
      damage = ledger.error();
      text += (text.empty() || options.json ? "" : "\n");
      text += options.json ? "" : name + ": " + ledger.error().message + "\n";
      continue;
    }
    GENESIS_ASSIGN(const auto one,
                   options.json ? to_json(*ledger, delta) : to_text(*ledger, delta));
    text += (text.empty() || options.json ? "" : "\n") + one;
  }
  if (damage) {
    std::cout << (names.size() > 1 ? text : "");
    return tl::unexpected(*damage);
  }
  return text;
}

// The heads of a model card or of a checkpoint of the aggregator.
Result<std::vector<std::string>> heads_in(const std::string& file) {
  GENESIS_ASSIGN(const auto text, read_file(file, kMaxKept));
  if (text.starts_with('{')) {
    auto heads = wire::ledger_heads(text);
    return heads ? std::move(heads) : tl::unexpected(heads.error().within(file));
  }
  GENESIS_ASSIGN(const auto checkpoint, wire::decode_checkpoint(text, file));
  std::vector<std::string> heads;
  for (const auto& client : checkpoint.clients) {
    heads.push_back(client.ledger_head);
  }
  return heads;
}

// How many of the file's heads are of the ledger and signed. Errors: kDataLoss where it does not
// contain one of them, or where the file has none of it.
Result<std::size_t> check_against(const std::string& file, const privacy::Ledger& ledger) {
  GENESIS_ASSIGN(const auto heads, heads_in(file));
  std::size_t own = 0;
  std::size_t checked = 0;
  for (const auto& head : heads) {
    if (!head.starts_with(ledger.id() + ":")) {
      continue;  // another site's
    }
    ++own;
    const auto told = ledger.check_told(head);
    if (!told) {
      return tl::unexpected(told.error().within(file));
    }
    checked += *told ? 0 : 1;
    if (*told) {
      std::cerr << "note: " << file << ": a head was ignored: " << **told << "\n";
    }
  }
  if (own == 0) {
    return fail(Errc::kDataLoss,
                file + ": has no head of ledger " + ledger.id() +
                    ". If these rows took part in that training, their ledger was lost and another "
                    "one begun; restore the newest copy");
  }
  return checked;
}

Result<std::string> verify(const LedgerOptions& options) {
  GENESIS_ASSIGN(const auto folder, folder_of(options));
  GENESIS_ASSIGN(const auto ledger, privacy::read_ledger(folder, options.data_set));
  std::size_t checked = options.heads.size();
  for (const auto& text : options.heads) {
    GENESIS_ASSIGN(const auto head, privacy::parse_head(text));
    GENESIS_RETURN_IF_ERROR(ledger.check_contains(head));
  }
  for (const auto& file : options.kept) {
    GENESIS_ASSIGN(const auto more, check_against(file, ledger));
    checked += more;
  }
  return options.data_set + ": " + std::to_string(ledger.entries().size()) +
         " lines, none altered" +
         (checked == 0 ? ". Whether it was restored from an older copy shows only against a newer "
                         "head (--head), or against a model card or checkpoint that has a signed "
                         "one (--against)\n"
                       : ", and it contains every head that counts\n");
}

Result<std::string> export_ledger(const LedgerOptions& options) {
  GENESIS_ASSIGN(const auto folder, folder_of(options));
  GENESIS_ASSIGN(auto ledger,
                 privacy::LedgerFile::open(
                     folder, options.data_set, privacy::LedgerFile::Missing::kRefuse, utc_now()));
  GENESIS_ASSIGN(const auto text, ledger.export_to(utc_now()));
  GENESIS_RETURN_IF_ERROR(write_file_atomic(options.file, text, FileAccess::kOwnerOnly));
  return "exported to " + options.file + "; the ledger in " + folder.string() +
         " is closed. Import it where the data set goes, once.\n";
}

Result<std::string> import(const LedgerOptions& options) {
  GENESIS_ASSIGN(const auto folder, folder_of(options));
  GENESIS_ASSIGN(const auto text, read_file(options.file, kMaxExport));
  const auto ledger = privacy::import_ledger(folder, options.data_set, text, utc_now());
  if (!ledger) {
    return tl::unexpected(ledger.error().within(options.file));
  }
  return "imported " + std::to_string(ledger->ledger().entries().size()) + " lines into " +
         ledger->path().string() + "\n";
}

std::string name_of(const privacy::Charged& charged) {
  return printable(charged.question.run, 20) + " collection " +
         std::to_string(charged.question.collection);
}

// Each charge by itself, so that no stage can hide behind another, and all together.
Result<AuditReport> audit_ledger(const AuditOptions& options) {
  GENESIS_ASSIGN(const auto folder, folder_of(options.ledger));
  GENESIS_ASSIGN(const auto ledger, privacy::read_ledger(folder, options.ledger.data_set));
  AuditReport report{.settings = options.settings, .lines = {}};
  GENESIS_ASSIGN(report.settings.delta, delta_of(options.ledger));
  std::size_t charges = 0;
  std::uint64_t tables = 0;
  auto counts = ledger.costs();
  const auto trainings = std::erase_if(counts, [](const auto& cost) { return cost.is_training(); });
  for (const auto& cost : counts) {
    ++charges;
    tables += cost.tables;
  }
  if (trainings > 0) {
    std::cerr << "note: " << trainings
              << " charges are steps of training, which this audit does not attack: it draws the "
                 "noise of counts\n";
  }
  // A sound ledger is to be refuted as seldom, however many audits it has.
  auto settings = report.settings;
  settings.confidence =
      1 - (1 - settings.confidence) / static_cast<double>(charges > 1 ? charges + 1 : 1);
  privacy::NoiseBits bits;
  const auto site = privacy::site_answers(bits);
  const auto add = [&](std::string name, const std::vector<privacy::Cost>& costs) -> Status {
    GENESIS_ASSIGN(const auto result, privacy::audit(costs, site, bits, settings));
    report.lines.push_back({std::move(name), result});
    return {};
  };
  for (const auto& entry : ledger.entries()) {
    const auto* charged = std::get_if<privacy::Charged>(&entry.event);
    if (charged != nullptr && !charged->cost.is_training()) {
      GENESIS_RETURN_IF_ERROR(add(name_of(*charged), {charged->cost}));
    }
  }
  if (report.lines.empty()) {
    return fail(Errc::kNotFound, "the ledger of " + ledger.data_set() + " has charged nothing yet");
  }
  if (tables > privacy::kMostAuditedTables) {
    std::cerr << "note: all charges together have " << tables << " tables, of which an audit takes "
              << privacy::kMostAuditedTables << ": each was audited by itself\n";
  } else if (report.lines.size() > 1) {
    GENESIS_RETURN_IF_ERROR(add("all together", counts));
  }
  return report;
}

Result<std::string> audit_table(const TableAuditOptions& options) {
  GENESIS_ASSIGN(const auto real, tabular::read_csv(options.real));
  GENESIS_ASSIGN(const auto synthetic, quality::read_beside(options.synthetic, real));
  GENESIS_ASSIGN(const auto holdout, quality::read_beside(options.holdout, real));
  auto attack = options.attack;
  if (!options.secret.empty()) {
    attack.secret = options.secret;
  }
  GENESIS_ASSIGN(const auto attacks, quality::attack(real, synthetic, holdout, attack));
  return options.json ? quality::to_json(attacks) + "\n" : quality::print(attacks);
}

}  // namespace

Command add_privacy(CLI::App& app) {
  auto* privacy = app.add_subcommand(
      "privacy", "Differential privacy: what a training costs, and what a data set has spent");
  privacy->require_subcommand(1);

  auto plan_options = std::make_shared<PlanOptions>();
  auto* plan_command = privacy->add_subcommand(
      "plan", "What a spec's epsilon buys: the noise of each table, before anything runs");
  add_spec(*plan_command, plan_options->spec);
  plan_command->add_option("--rows", plan_options->rows, "Expected number of rows of all sites");
  plan_command->add_flag("--json", plan_options->json, "Print one line of JSON");

  auto options = std::make_shared<LedgerOptions>();
  auto* ledger =
      privacy->add_subcommand("ledger", "The privacy ledger of a site, one for each data set");
  ledger->require_subcommand(1);
  auto* show_command = ledger->add_subcommand("show", "What was spent, and by which trainings");
  add_ledger_flag(*show_command, *options);
  show_command->add_option("data-set", options->data_set, "Name of the data set (default: all)");
  add_delta(*show_command, *options);
  show_command->add_flag("--json", options->json, "Print one line of JSON a data set");
  auto* verify_command =
      ledger->add_subcommand("verify", "Check that no line was altered, removed or restored");
  add_ledger_flag(*verify_command, *options);
  add_data_set(*verify_command, *options);
  verify_command->add_option(
      "--head", options->heads, "Head that the ledger had at some time; may be repeated");
  verify_command->add_option("--against",
                             options->kept,
                             "model-card.json, or checkpoint of the aggregator, of a training that "
                             "these rows took part in; may be repeated");
  auto* export_command =
      ledger->add_subcommand("export", "Close the ledger here, to move it to another place");
  add_ledger_flag(*export_command, *options);
  add_data_set(*export_command, *options);
  export_command->add_option("-o,--output", options->file, "File to write")->required();
  auto* import_command = ledger->add_subcommand("import", "Take over an exported ledger");
  add_ledger_flag(*import_command, *options);
  add_data_set(*import_command, *options);
  import_command->add_option("file", options->file, "File that export has written")->required();

  return [=] {
    if (plan_command->parsed()) {
      return answer("privacy plan", plan(*plan_options));
    }
    if (show_command->parsed()) {
      return answer("privacy ledger show", show(*options));
    }
    if (verify_command->parsed()) {
      return answer("privacy ledger verify", verify(*options));
    }
    return export_command->parsed() ? answer("privacy ledger export", export_ledger(*options))
                                    : answer("privacy ledger import", import(*options));
  };
}

Command add_audit(CLI::App& app) {
  auto options = std::make_shared<AuditOptions>();
  auto* audit = app.add_subcommand("audit", "Attack what protects the rows, and say what it found");
  audit->require_subcommand(1);
  auto* ledger = audit->add_subcommand(
      "ledger", "The noise of each charge in a ledger: a lower bound on epsilon beside the claim");
  add_ledger_flag(*ledger, options->ledger);
  add_data_set(*ledger, options->ledger);
  add_delta(*ledger, options->ledger);
  ledger->add_option("--canaries", options->settings.canaries, "Rows that are tried to be found")
      ->capture_default_str();
  ledger->add_option("--confidence", options->settings.confidence, "Confidence of each lower bound")
      ->capture_default_str();
  ledger->add_flag("--json", options->ledger.json, "Print the report as one line of JSON");

  auto of_table = std::make_shared<TableAuditOptions>();
  auto* table = audit->add_subcommand(
      "table",
      "A finished synthetic table: singling out, linkability, inference and membership, each "
      "beside held-out rows and guesses");
  table->add_option("--real", of_table->real, "CSV of the rows that were trained on")->required();
  table->add_option("--synthetic", of_table->synthetic, "CSV of synthetic rows")->required();
  table->add_option("--holdout", of_table->holdout, "CSV of real rows that were not trained on")
      ->required();
  table->add_option("--secret", of_table->secret, "Column that is inferred (default: the last)");
  table->add_option("--tries", of_table->attack.tries, "Tries of each attack")
      ->capture_default_str();
  table->add_flag("--json", of_table->json, "Print the report as one line of JSON");
  return [=] {
    if (table->parsed()) {
      return answer("audit table", audit_table(*of_table));
    }
    const auto report = audit_ledger(*options);
    if (!report) {
      return complain("audit", report.error());
    }
    std::cout << (options->ledger.json ? to_json(*report) : to_text(*report));
    return report->is_refuted() ? kExitFailure : 0;
  };
}

}  // namespace genesis::cli
