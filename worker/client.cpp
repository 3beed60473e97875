#include "worker/client.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "common/base/check.hpp"
#include "common/base/file.hpp"
#include "common/federation/deadlines.hpp"
#include "common/federation/spec_views.hpp"
#include "common/http/bearer.hpp"
#include "common/method/table_reading.hpp"
#include "common/methods/lookup.hpp"
#include "common/methods/site_methods.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/sums/task.hpp"
#include "common/tabular/describe.hpp"
#include "common/tabular/text_table.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/contribution.hpp"
#include "common/wire/messages.hpp"
#include "worker/budget.hpp"
#include "worker/disclosure.hpp"
#include "worker/instance.hpp"
#include "worker/link.hpp"
#include "worker/metrics.hpp"
#include "worker/session.hpp"
#include "worker/site.hpp"

namespace genesis::worker {
namespace {

// What this process has held in memory at most, in MiB.
long peak_resident_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

std::string collection_path(CollectionId collection) {
  return "/v1/collections/" + std::to_string(collection.value);
}

// The aggregator over HTTPS.
class HttpLink final : public Link {
 public:
  HttpLink(Session& session, const ClientOptions& options, const spec::FederatedTraining& training)
      : session_(session),
        options_(options),
        encoding_(federation::content_encoding(training.communication.compression)),
        quantization_(federation::quantization(training.communication.quantization)) {}

  Result<std::string> fetch(CollectionId collection, const wire::DocumentName& document) override {
    const auto path = collection_path(collection) + "/documents/" + document.name;
    GENESIS_ASSIGN(auto served, session_.download(path, encoding_));
    options_.metrics->received(served.encoding, served.travelled);
    return std::move(served.bytes);
  }

  Status send(const rounds::Contribution& contribution) override {
    const auto* masked = std::get_if<rounds::Masked>(&contribution.body);
    const auto encoding = masked == nullptr ? encoding_ : "";  // uniform bytes gain nothing
    GENESIS_ASSIGN(const auto body,
                   wire::compress(encoding, wire::encode(contribution, quantization_)));
    auto path =
        collection_path(contribution.collection) + "/contributions/" + contribution.client.str();
    if (masked != nullptr) {
      path += "?attempt=" + std::to_string(contribution.attempt) +
              "&stage=" + std::string(rounds::to_string(masked->stage));
    }
    GENESIS_RETURN_IF_ERROR(session_.upload(path, body, encoding));
    spdlog::info("contribution client={} collection={} bytes={}",
                 contribution.client.str(),
                 contribution.collection.value,
                 body.size());
    return {};
  }

 private:
  Session& session_;
  const ClientOptions& options_;
  std::string_view encoding_;
  wire::Quantization quantization_;
};

std::string telemetry_text(const rounds::Telemetry& telemetry) {
  std::string text;
  for (const auto& [name, value] : telemetry) {
    text += fmt::format(" {}={:.6g}", name, value);
  }
  return text;
}

constexpr int kMostOfOneName = 100;
constexpr std::string_view kNameFile = "client-id";
constexpr std::uint64_t kMostNameBytes = 128;

// A name that nobody chose is kept in the state folder once a server has taken it: from then on it
// is the client's.
Status keep_name(ClientOptions& options) {
  if (!std::exchange(options.takes_free_name, false) || options.state.empty()) {
    return {};
  }
  return write_file_atomic(options.state / kNameFile, options.client.str());
}

Status join(Session& session, ClientOptions& options, Site& site) {
  options.metrics->joining();
  auto joined = session.ask("POST", "/v1/join", wire::encode(site.join_request()));
  if (!joined && joined.error().code == Errc::kConflict) {
    // This site's rows are others than those that it has joined with: joining again won't help.
    joined.error().code = Errc::kInvalidArgument;
  }
  if (!joined) {
    return tl::unexpected(std::move(joined).error());
  }
  GENESIS_ASSIGN(auto reply, wire::decode_join_reply(*joined));
  GENESIS_RETURN_IF_ERROR(keep_name(options));
  GENESIS_RETURN_IF_ERROR(site.check_ledger(reply.ledger_head));
  // Where the method tells no rows, as under differential privacy, none are logged either.
  const auto rows = site.rows() > 0 ? fmt::format(" rows={}", site.rows()) : "";
  spdlog::info("joined client={}{} run={}", site.client().str(), rows, reply.run);
  site.joined(std::move(reply.run));
  options.metrics->joined(site.rows());
  return {};
}

// What to do now; a server that has restarted is joined again.
Result<wire::Task> next_task(Session& session, ClientOptions& options, Site& site) {
  const auto path = std::string(kTaskPath) + "?client=" + site.client().str();
  auto answer = session.ask("GET", path, "");
  if (!answer && answer.error().code == Errc::kFailedPrecondition) {
    GENESIS_RETURN_IF_ERROR(join(session, options, site));
    answer = session.ask("GET", path, "");
  }
  GENESIS_ASSIGN(const std::string bytes, std::move(answer));
  return wire::decode_task(bytes);
}

Status stopped() {
  return fail(Errc::kFailedPrecondition, "stopped before the training was over");
}

Status work_until_over(Session& session, ClientOptions& options, Site& site, Link& link) {
  GENESIS_RETURN_IF_ERROR(join(session, options, site));
  unsigned refused = 0;  // times in a row
  while (!options.stop.stop_requested()) {
    GENESIS_ASSIGN(const auto task, next_task(session, options, site));
    GENESIS_ASSIGN(const auto answered, site.answer(task, link));
    if (answered == Site::Answered::kRefused) {
      session.pause(refused++);  // until the server asks for something else
      continue;
    }
    refused = 0;
    if (answered == Site::Answered::kFinished) {
      spdlog::info("complete client={} model-sha256={} peak-mib={}",
                   site.client().str(),
                   std::get<wire::Finished>(task).model_sha256,
                   peak_resident_mib());
      return {};
    }
  }
  return stopped();
}

SiteObserver observer_of(const ClientOptions& options, std::uint64_t rows) {
  SiteObserver observer;
  observer.on_step = [&options](const method::StepReport& step) { options.metrics->stepped(step); };
  observer.on_begin = [&options](RoundId round) { options.metrics->began(round); };
  observer.on_contribution = [&options, rows](RoundId round, const rounds::Contribution& made) {
    if (round.value == 0) {
      return;
    }
    spdlog::info("trained client={} round={}{}",
                 made.client.str(),
                 round.value,
                 telemetry_text(made.telemetry));
    options.metrics->trained(made.telemetry);
    if (options.on_trained) {
      options.on_trained(options.client, round, rows, made.telemetry);
    }
  };
  observer.on_saved = options.on_saved;
  observer.stop = options.stop;
  return observer;
}

// The spec as the server offers it, and as this site changes it for itself.
struct Offer {
  spec::FederatedTraining training;
  spec::FederatedTraining offered;  // unchanged
  double learning_rate_scale = 1.0;
};

// This site's own choices, with a batch size that the training's method can split.
Result<std::vector<spec::Override>> own_choices(const ClientOptions& options,
                                                const spec::FederatedTraining& offered) {
  auto overrides = options.overrides;
  const auto size = std::ranges::find(overrides, "local.batchSize", &spec::Override::path);
  GENESIS_ASSIGN(const auto* entry,
                 methods::find(methods::site_methods(), offered.model.method, "spec.model.method"));
  if (size == overrides.end() || entry->batch_multiple == nullptr) {
    return overrides;
  }
  std::int64_t rows = 0;
  const auto& text = size->value;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), rows);
  const auto multiple = entry->batch_multiple(offered.model);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || rows < 1 ||
      rows % multiple == 0) {
    return overrides;  // where it is no number the spec's own rules say so
  }
  const auto fitting = std::max(rows / multiple, std::int64_t{1}) * multiple;
  spdlog::info("batch size client={} asked={} used={}: a multiple of {}",
               options.client.str(),
               rows,
               fitting,
               multiple);
  size->value = std::to_string(fitting);
  return overrides;
}

Status check_required_privacy(const ClientOptions& options,
                              const spec::FederatedTraining& offered) {
  if (!options.required_privacy) {
    return {};
  }
  const auto& required = *options.required_privacy;
  const auto& promised = offered.privacy.differential_privacy;
  if (promised && promised->epsilon <= required.epsilon && promised->delta <= required.delta) {
    return {};
  }
  const auto has = promised
                       ? fmt::format("epsilon {} and delta {}", promised->epsilon, promised->delta)
                       : std::string("none");
  return fail(Errc::kPermissionDenied,
              fmt::format("differential privacy: this site takes part with epsilon {} and delta {} "
                          "at most, and the training has {}; lead a training that promises it",
                          required.epsilon,
                          required.delta,
                          has));
}

// The ledger of rows has to be found again, whatever this machine is called then.
Status check_data_set(const ClientOptions& options, const spec::FederatedTraining& training) {
  const bool is_named = !options.data_set.empty() || !options.is_named_after_host;
  if (is_named || !training.privacy.differential_privacy) {
    return {};
  }
  return fail(Errc::kInvalidArgument,
              "data_set: the training has differential privacy, and the ledger of these rows is "
              "not named after a host, whose name "
              "can change; name the rows, or the client");
}

Result<Offer> ask_for_offer(Session& session, const ClientOptions& options) {
  GENESIS_ASSIGN(const auto config, session.ask("GET", "/v1/training", ""));
  GENESIS_ASSIGN(const auto reply, wire::decode_join_reply(config));
  GENESIS_ASSIGN(auto offered, spec::parse(reply.training_json, options.server_url));
  GENESIS_RETURN_IF_ERROR(check_required_privacy(options, offered));
  GENESIS_ASSIGN(const auto choices, own_choices(options, offered));
  GENESIS_ASSIGN(auto training, spec::parse(reply.training_json, options.server_url, choices));
  GENESIS_RETURN_IF_ERROR(policy::check_spec(options.policy, offered));
  GENESIS_RETURN_IF_ERROR(policy::check_protection(options.policy, offered));
  const double scale = training.local.learning_rate / offered.local.learning_rate;
  return Offer{std::move(training), std::move(offered), scale};
}

// Reads by the spec within the policy. Its columns are logged for the site's own people.
Result<tabular::Table> read_table(const ClientOptions& options,
                                  const spec::FederatedTraining& training) {
  auto reading = method::table_reading(training, options.client.str());
  for (const auto& column : options.discrete_columns) {  // the spec may list it too
    if (std::ranges::find(reading.discrete_columns, column) == reading.discrete_columns.end()) {
      reading.discrete_columns.push_back(column);
    }
  }
  GENESIS_ASSIGN(reading.declarations, policy::declarations(options.policy, reading.declarations));
  auto reading_options = reading.options();
  reading_options.stays = [&options](const std::string& column) {
    return policy::stays(options.policy, column);
  };
  const tabular::TableSource source{options.data, options.csv, options.columns};
  if (training.privacy.differential_privacy) {
    // Nothing depends on more than one row: no kinds are inferred, and no cell is an error.
    GENESIS_ASSIGN(auto table,
                   tabular::read_text_table(source, options.client.str(), reading_options));
    GENESIS_RETURN_IF_ERROR(policy::check_columns(options.policy, table));
    return table;
  }
  GENESIS_ASSIGN(auto table, tabular::read_table(source, options.client.str(), reading_options));
  const auto told =
      training.privacy.secure_aggregation ? tabular::Told::kCounts : tabular::Told::kBounds;
  for (const auto& line : tabular::describe(table, policy::site_policy(options.policy), told)) {
    spdlog::info("table client={} {}", options.client.str(), line);
  }
  GENESIS_RETURN_IF_ERROR(policy::check(options.policy, options.discrete_columns, table));
  return table;
}

// What the ledger has come to, for the site's own metrics.
void measure(const privacy::Ledger& ledger,
             const spec::DifferentialPrivacy& asked,
             Metrics& metrics) {
  if (const auto spent = ledger.spent(privacy::Delta{asked.delta})) {
    metrics.protects(asked.epsilon, spent->epsilon.value, spent->worst.value);
  }
}

// Says what is about to leave. True where nothing is to.
bool disclose(const ClientOptions& options,
              const Offer& offer,
              const std::vector<std::string>& kept,
              Site& site) {
  const auto introduction = site.join_request().introduction;
  const auto lines =
      disclosure({offer.offered, options.policy, kept, introduction, site.telemetry()});
  for (const auto& line : lines) {
    if (options.only_disclose) {
      options.only_disclose(line);
    } else {
      spdlog::info("leaves this site: {}", line);
    }
  }
  return static_cast<bool>(options.only_disclose);
}

// The key by which other sites know this one: that of its certificate when it first took part, else
// one that it makes. It is kept, since a certificate may be renewed with another key.
Result<secure::Signer> signer_of(const ClientOptions& options) {
  constexpr std::uint64_t kMostBytes = 1U << 20;
  const auto file = options.state / "signing.key";
  auto kept = read_file(file, kMostBytes);
  if (!kept && kept.error().code == Errc::kNotFound) {
    const auto pem = options.signing_key ? *options.signing_key : secure::make_signing_key();
    GENESIS_ASSIGN(auto signer, secure::Signer::from_pem(pem));
    GENESIS_RETURN_IF_ERROR(write_file_atomic(file, pem.reveal()));
    return signer;
  }
  if (!kept) {
    return tl::unexpected(kept.error());
  }
  auto signer = secure::Signer::from_pem(crypto::Secret(std::move(*kept)));
  return signer ? std::move(signer) : tl::unexpected(signer.error().within(file.string()));
}

// The members that this site knows by their keys: its own list goes before that of the spec, which
// comes from the server and has to name all.
std::map<std::string, std::string> peers_of(const policy::Policy& policy,
                                            const spec::FederatedTraining& training) {
  if (!policy.peers.empty()) {
    return policy.peers;
  }
  std::map<std::string, std::string> peers;
  for (const auto& participant : training.participants) {
    if (!participant.public_key_sha256) {
      return {};
    }
    peers.emplace(participant.name, *participant.public_key_sha256);
  }
  return peers;
}

Status protect(const ClientOptions& options, const spec::FederatedTraining& training, Site& site) {
  const auto& secure = training.privacy.secure_aggregation;
  if (!secure) {
    return {};
  }
  if (secure->encryption == spec::Encryption::kNone) {
    spdlog::warn(
        "privacy.secureAggregation.encryption: none is for tests; the server reads all that this "
        "site sends");
  }
  if (options.state.empty()) {
    return fail(
        Errc::kInvalidArgument,
        "state: the training has secure sums, and what this site has sent of one must survive a "
        "restart; name a folder for it");
  }
  GENESIS_ASSIGN(auto signer, signer_of(options));
  secure::SitePolicy least;
  for (const auto& [name, digest] : peers_of(options.policy, training)) {
    GENESIS_ASSIGN(least.peers[name], sums::from_hex(digest));
  }
  std::optional<secure::PaillierKey> key;
  const bool is_encrypted = secure->encryption == spec::Encryption::kPaillier;
  if (is_encrypted && !options.paillier_key.empty()) {
    GENESIS_ASSIGN(key, secure::read_paillier_key(options.paillier_key));
  } else if (is_encrypted && options.paillier_key_text) {
    GENESIS_ASSIGN(key, secure::PaillierKey::parse(*options.paillier_key_text));
  }
  return site.protect(std::move(signer), std::move(least), std::move(key));
}

Status take_part(ClientOptions& options) {
  std::optional<federation::RoundFiles> files;
  if (!options.state.empty()) {
    GENESIS_ASSIGN(files, federation::RoundFiles::open(options.state));
  }
  GENESIS_ASSIGN(const auto proxy, http::proxy_for(options.server_url));
  if (proxy) {
    spdlog::info("proxy client={} host={}", options.client.str(), proxy->url.authority());
  }
  GENESIS_ASSIGN(auto client, http::Client::create(options.server_url, options.tls, proxy));
  if (options.auth_token) {  // before the first request
    GENESIS_RETURN_IF_ERROR(http::bearer(client.url(), options.auth_token->reveal()));
  }
  Session session(std::move(client), options);
  const std::stop_callback cancel(options.stop, [&session] { session.cancel(); });
  GENESIS_ASSIGN(const auto offer, ask_for_offer(session, options));
  const auto& training = offer.training;
  GENESIS_ASSIGN(auto table, read_table(options, training));
  const auto kept = table.kept;
  GENESIS_RETURN_IF_ERROR(check_data_set(options, training));
  const LedgerPlace ledger{
      .folder = options.ledger,
      .data_set = options.data_set.empty() ? options.client.str() : options.data_set,
      .total_epsilon = options.policy.total_epsilon,
      .total_delta = options.policy.total_delta};
  GENESIS_ASSIGN(auto account, open_account(training, ledger));
  auto observer = observer_of(options, account == nullptr ? table.rows : 0);
  if (account != nullptr) {
    const auto& asked = *training.privacy.differential_privacy;
    if (options.policy.total_epsilon) {
      options.metrics->bounds(*options.policy.total_epsilon);
    }
    measure(account->ledger(), asked, *options.metrics);
    observer.on_contribution = [tell = observer.on_contribution, account, asked, &options](
                                   RoundId round, const rounds::Contribution& made) {
      measure(account->ledger(), asked, *options.metrics);
      tell(round, made);
    };
  }
  if (account != nullptr && !options.state.empty()) {
    GENESIS_RETURN_IF_ERROR(check_remembered(account->ledger(), options.state));
    observer.on_contribution = [tell = observer.on_contribution, account, &options](
                                   RoundId round, const rounds::Contribution& made) {
      if (auto written = remember(account->ledger(), options.state); !written) {
        spdlog::warn("client={} the ledger's head is not remembered: {}",
                     made.client.str(),
                     written.error().message);
      }
      tell(round, made);
    };
  }
  GENESIS_ASSIGN(auto site,
                 Site::create(options.client,
                              training,
                              std::move(table),
                              policy::site_policy(options.policy),
                              offer.learning_rate_scale,
                              std::move(observer),
                              method::Audience::kAggregator,
                              std::move(account)));
  if (disclose(options, offer, kept, site)) {
    return {};
  }
  GENESIS_RETURN_IF_ERROR(protect(options, training, site));
  options.metrics->show(site.telemetry());
  if (files) {
    GENESIS_RETURN_IF_ERROR(site.keep_state(std::move(*files)));
  }
  session.adopt(training.communication, federation::deadlines(training.rounds));
  HttpLink link(session, options, training);
  return work_until_over(session, options, site, link);
}

Status use_kept_name(ClientOptions& options) {
  if (!options.takes_free_name || options.state.empty()) {
    return {};
  }
  const auto kept = read_file(options.state / kNameFile, kMostNameBytes);
  if (!kept) {
    return kept.error().code == Errc::kNotFound ? Status() : tl::unexpected(kept.error());
  }
  GENESIS_ASSIGN(options.client, ClientId::parse(*kept));
  options.takes_free_name = false;
  return {};
}

// Takes part under the first free name.
Status take_part_as_named(ClientOptions options) {
  if (!options.state.empty()) {
    GENESIS_RETURN_IF_ERROR(make_private_folder(options.state));
  }
  GENESIS_ASSIGN(const auto instance, Instance::claim(options.state));
  options.instance = instance.id();
  options.is_named_after_host = options.takes_free_name;
  GENESIS_RETURN_IF_ERROR(use_kept_name(options));
  const auto name = options.client.str();
  for (int next = 2;; ++next) {
    auto done = take_part(options);
    const bool is_taken = !done && done.error().code == Errc::kAlreadyExists;
    if (!is_taken || !options.takes_free_name || next > kMostOfOneName) {
      return done;
    }
    GENESIS_ASSIGN(options.client, ClientId::parse(name + "-" + std::to_string(next)));
    spdlog::warn("client id={} as another live client has the name {}", options.client.str(), name);
  }
}

}  // namespace

Status run_client(const ClientOptions& options) {
  GENESIS_CHECK(options.metrics != nullptr, "a run is measured");
  auto done = take_part_as_named(options);
  if (!done && options.stop.stop_requested()) {
    return stopped();
  }
  return done;
}

}  // namespace genesis::worker
