#include "worker/client.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "common/base/check.hpp"
#include "common/federation/deadlines.hpp"
#include "common/federation/spec_views.hpp"
#include "common/http/bearer.hpp"
#include "common/method/agreement.hpp"
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
    GENESIS_ASSIGN(const auto body,
                   wire::compress(encoding_, wire::encode(contribution, quantization_)));
    const auto path =
        collection_path(contribution.collection) + "/contributions/" + contribution.client.str();
    GENESIS_RETURN_IF_ERROR(session_.upload(path, body, encoding_));
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

Status join(Session& session, const ClientOptions& options, Site& site) {
  options.metrics->joining();
  GENESIS_ASSIGN(auto joined, session.ask("POST", "/v1/join", wire::encode(site.join_request())));
  GENESIS_ASSIGN(auto reply, wire::decode_join_reply(joined));
  spdlog::info("joined client={} rows={} run={}", site.client().str(), site.rows(), reply.run);
  site.joined(std::move(reply.run));
  options.metrics->joined(site.rows());
  return {};
}

// What to do now; a server that has restarted is joined again.
Result<wire::Task> next_task(Session& session, const ClientOptions& options, Site& site) {
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

Status work_until_over(Session& session, const ClientOptions& options, Site& site, Link& link) {
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
      options.on_trained(round, rows, made.telemetry);
    }
  };
  observer.on_saved = options.on_saved;
  return observer;
}

// The spec as the server offers it, and as this site changes it for itself.
struct Offer {
  spec::FederatedTraining training;
  spec::FederatedTraining offered;  // unchanged
  double learning_rate_scale = 1.0;
};

Result<Offer> ask_for_offer(Session& session, const ClientOptions& options) {
  GENESIS_ASSIGN(const auto config, session.ask("GET", "/v1/training", ""));
  GENESIS_ASSIGN(const auto reply, wire::decode_join_reply(config));
  GENESIS_ASSIGN(auto training,
                 spec::parse(reply.training_json, options.server_url, options.overrides));
  GENESIS_ASSIGN(auto offered, spec::parse(reply.training_json, options.server_url));
  GENESIS_RETURN_IF_ERROR(policy::check_spec(options.policy, offered));
  GENESIS_RETURN_IF_ERROR(policy::check_protection(options.policy, offered));
  const double scale = training.local.learning_rate / offered.local.learning_rate;
  return Offer{std::move(training), std::move(offered), scale};
}

// The rows that may leave in some form, and the columns that stay.
struct Read {
  tabular::Table table;
  std::vector<std::string> kept;
};

Read read_of(tabular::Table table, const std::vector<std::string>& present) {
  Read read{std::move(table), {}};
  for (const auto& name : present) {
    if (std::ranges::find(read.table.columns, name, &tabular::Column::name) ==
        read.table.columns.end()) {
      read.kept.push_back(name);
    }
  }
  return read;
}

std::vector<std::string> names_of(const tabular::Table& table) {
  std::vector<std::string> names;
  for (const auto& column : table.columns) {
    names.push_back(column.name);
  }
  return names;
}

// Under differential privacy nothing depends on more than one row: no kinds are inferred, and no
// cell is an error.
Result<Read> read_private_table(const ClientOptions& options, const spec::TableSpec& declared) {
  const auto agreed = policy::declarations(options.policy, method::declarations(declared));
  if (!agreed) {
    return tl::unexpected(agreed.error());
  }
  GENESIS_ASSIGN(auto table, tabular::read_text_table(options.data));
  const auto present = names_of(table);
  GENESIS_RETURN_IF_ERROR(policy::restrict_columns(options.policy, table));
  return read_of(std::move(table), present);
}

Result<Read> read_table(const ClientOptions& options, const spec::FederatedTraining& training) {
  const auto& declared = training.table;
  if (training.privacy.differential_privacy) {
    return read_private_table(options, declared);
  }
  auto discrete = declared.discrete_columns;
  discrete.insert(discrete.end(), options.discrete_columns.begin(), options.discrete_columns.end());
  GENESIS_ASSIGN(const auto declarations,
                 policy::declarations(options.policy, method::declarations(declared)));
  GENESIS_ASSIGN(auto table, tabular::read_csv(options.data, declarations, discrete));
  const auto present = names_of(table);
  GENESIS_RETURN_IF_ERROR(policy::restrict(options.policy, options.discrete_columns, table));
  return read_of(std::move(table), present);
}

// Says what is about to leave. True where nothing is to.
bool disclose(const ClientOptions& options, const Offer& offer, const Read& read, Site& site) {
  const auto introduction = site.join_request().introduction;
  const auto lines =
      disclosure({offer.offered, options.policy, read.kept, introduction, site.telemetry()});
  for (const auto& line : lines) {
    if (options.only_disclose) {
      options.only_disclose(line);
    } else {
      spdlog::info("leaves this site: {}", line);
    }
  }
  return static_cast<bool>(options.only_disclose);
}

Status take_part(ClientOptions options) {
  std::optional<federation::RoundFiles> files;
  if (!options.state.empty()) {
    GENESIS_ASSIGN(files, federation::RoundFiles::open(options.state));
  }
  GENESIS_ASSIGN(const auto instance, Instance::claim(options.state));
  options.instance = instance.id();
  GENESIS_ASSIGN(auto client, http::Client::create(options.server_url, options.tls));
  if (options.auth_token) {  // before the first request
    GENESIS_RETURN_IF_ERROR(http::bearer(client.url(), options.auth_token->reveal()));
  }
  Session session(std::move(client), options);
  const std::stop_callback cancel(options.stop, [&session] { session.cancel(); });
  GENESIS_ASSIGN(const auto offer, ask_for_offer(session, options));
  const auto& training = offer.training;
  GENESIS_ASSIGN(auto read, read_table(options, training));
  const LedgerPlace ledger{
      .folder = options.ledger,
      .data_set = options.data_set.empty() ? options.client.str() : options.data_set,
      .total_epsilon = options.policy.total_epsilon,
      .total_delta = options.policy.total_delta};
  GENESIS_ASSIGN(auto account, open_account(training, ledger));
  auto observer = observer_of(options, account == nullptr ? read.table.rows : 0);
  GENESIS_ASSIGN(auto site,
                 Site::create(options.client,
                              training,
                              std::move(read.table),
                              offer.learning_rate_scale,
                              std::move(observer),
                              method::Audience::kAggregator,
                              std::move(account)));
  if (disclose(options, offer, read, site)) {
    return {};
  }
  options.metrics->show(site.telemetry());
  if (files) {
    site.keep_state(std::move(*files));
  }
  session.adopt(training.communication, federation::deadlines(training.rounds));
  HttpLink link(session, options, training);
  return work_until_over(session, options, site, link);
}

}  // namespace

Status run_client(const ClientOptions& options) {
  GENESIS_CHECK(options.metrics != nullptr, "a run is measured");
  auto done = take_part(options);
  if (!done && options.stop.stop_requested()) {
    return stopped();
  }
  return done;
}

}  // namespace genesis::worker
