#include "worker/client.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "common/base/check.hpp"
#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/deadlines.hpp"
#include "common/http/backoff.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/messages.hpp"
#include "worker/metrics.hpp"
#include "worker/participant.hpp"

namespace genesis::worker {
namespace {

constexpr std::string_view kTask = "/v1/task";
constexpr std::uint64_t kMaxModelBytes = std::uint64_t{512} << 20;
// Before the spec is known: a server that starts after its clients is normal.
constexpr Milliseconds kStartPatience{120'000};
constexpr Milliseconds kStartRequest{30'000};

// What this process has held in memory at most, in MiB.
long peak_resident_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// Waits for `time`, or until there is reason to stop.
void pause(const std::stop_token& stop, Milliseconds time) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any nothing_else;
  nothing_else.wait_for(lock, stop, time, [] { return false; });
}

// One server, asked with this site's credentials.
class Session {
 public:
  Session(http::Client client, const ClientOptions& options)
      : client_(std::move(client)),
        options_(options),
        jitter_(0, RoundId{0}, options.client.str(), "retry jitter") {}

  // What can be retried is, with back-off: at least `attempts` times and for the waits' patience.
  void adopt(unsigned attempts, const federation::Deadlines& waits) {
    attempts_ = attempts;
    patience_ = waits.patience;
    poll_ = waits.poll;
    transfer_ = waits.transfer;
    backoff_.ceiling = waits.backoff;
  }

  // Ends the request under way and all later ones. From any thread.
  void cancel() { client_.cancel(); }

  // The body of a successful answer.
  Result<std::string> ask(const std::string& method,
                          const std::string& path,
                          std::string_view body,
                          const http::Headers& more = {}) {
    http::ClientRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.headers = more;
    request.deadline = path.starts_with(kTask) ? poll_ : transfer_;
    request.max_body = kMaxModelBytes;
    if (options_.auth_token) {
      request.headers.push_back(
          {"Authorization", "Bearer " + std::string(options_.auth_token->reveal())});
    }
    const auto give_up = std::chrono::steady_clock::now() + patience_;
    for (unsigned attempt = 0;; ++attempt) {
      auto response = client_.request(request);
      Error error;
      if (response && response->is_success()) {
        return std::move(response->body);
      }
      error = response ? http::error_of(*response) : response.error();
      const bool is_over = attempt >= attempts_ && std::chrono::steady_clock::now() >= give_up;
      if (!is_retryable(error.code) || is_over) {
        return tl::unexpected(std::move(error));
      }
      spdlog::debug("retry client={} path={} attempt={} reason={}",
                    options_.client.str(),
                    path,
                    attempt + 1,
                    error.message);
      options_.metrics->retried();
      pause(options_.stop, http::backoff(attempt, jitter_, backoff_));
    }
  }

 private:
  http::Client client_;
  const ClientOptions& options_;
  Rng jitter_;
  unsigned attempts_ = 3;
  Milliseconds patience_ = kStartPatience;
  Milliseconds poll_ = kStartRequest;
  Milliseconds transfer_ = kStartRequest;
  http::BackoffPolicy backoff_;
};

// What the loop knows of the training.
struct Work {
  Session& session;
  const ClientOptions& options;
  const spec::FederatedTraining& training;
  std::string run;
  Participant& participant;
};

// The server has started anew, or has gone on: what it wants now, the next task says.
bool is_overtaken(const Error& error) {
  return error.code == Errc::kConflict || error.code == Errc::kFailedPrecondition;
}

Status summarize(Work& work, const wire::Summarize& task) {
  GENESIS_ASSIGN(auto summary, work.participant.summarize(task.plan));
  const wire::SummaryUpload upload{work.run, work.options.client, std::move(summary)};
  const auto body = wire::encode(upload);
  const auto answer = work.session.ask("POST", "/v1/summary", body);
  if (!answer && is_overtaken(answer.error())) {
    spdlog::warn(
        "summary client={} refused: {}", work.options.client.str(), answer.error().message);
    return {};
  }
  if (!answer) {
    return tl::unexpected(answer.error());
  }
  spdlog::info("summary client={} bytes={}", work.options.client.str(), body.size());
  return {};
}

Status train(Work& work, const wire::Train& task) {
  if (!work.participant.is_prepared()) {
    const auto document = work.session.ask("GET", "/v1/encoder", "");
    if (!document && is_overtaken(document.error())) {
      return {};
    }
    if (!document) {
      return tl::unexpected(document.error());
    }
    GENESIS_ASSIGN(auto encoder, wire::decode_encoder(*document));
    GENESIS_RETURN_IF_ERROR(work.participant.prepare(encoder));
  }
  const auto round = "/v1/rounds/" + std::to_string(task.round.value);
  auto served = work.session.ask("GET", round + "/parameters", "");
  if (!served && is_overtaken(served.error())) {
    return {};
  }
  GENESIS_ASSIGN(const std::string bytes, std::move(served));
  if (crypto::sha256_hex(bytes) != task.parameters_sha256) {
    return fail(Errc::kDataLoss,
                "parameters of round " + std::to_string(task.round.value) +
                    ": arrived altered; their digest does not match");
  }
  GENESIS_ASSIGN(auto global, wire::decode_safetensors(bytes));
  work.options.metrics->received("none", bytes.size());
  work.options.metrics->began(task.round);
  GENESIS_ASSIGN(auto update, work.participant.train(work.run, task, global.tensors));
  work.options.metrics->trained(update.metadata);
  if (work.options.on_trained) {
    work.options.on_trained(update.metadata);
  }
  auto body = wire::encode(update);
  http::Headers headers;
  if (work.training.communication.compression == spec::Compression::kGzip) {
    GENESIS_ASSIGN(body, wire::gzip_compress(body));
    headers.push_back({"Content-Encoding", "gzip"});
  }
  auto sent =
      work.session.ask("PUT", round + "/updates/" + work.options.client.str(), body, headers);
  work.options.metrics->sent(headers.empty() ? "none" : "gzip", body.size());
  if (!sent && is_overtaken(sent.error())) {
    spdlog::warn("update client={} round={} refused: {}",
                 work.options.client.str(),
                 task.round.value,
                 sent.error().message);
    return {};
  }
  if (!sent) {
    return tl::unexpected(sent.error());
  }
  spdlog::info(
      "update client={} round={} steps={} generator-loss={:.3f} discriminator-loss={:.3f} "
      "step-ms={:.2f} bytes={}",
      work.options.client.str(),
      task.round.value,
      update.metadata.steps,
      update.metadata.generator_loss,
      update.metadata.discriminator_loss,
      update.metadata.step_seconds * 1e3,
      body.size());
  return {};
}

Status join(Work& work) {
  work.options.metrics->joining();
  const wire::JoinRequest request{work.options.client, work.participant.sketch()};
  GENESIS_ASSIGN(auto joined, work.session.ask("POST", "/v1/join", wire::encode(request)));
  GENESIS_ASSIGN(auto reply, wire::decode_join_reply(joined));
  work.run = reply.run;
  work.options.metrics->joined(work.participant.rows());
  spdlog::info("joined client={} rows={} run={}",
               work.options.client.str(),
               work.participant.rows(),
               work.run);
  return {};
}

// What to do now; a server that has restarted is joined again.
Result<wire::Task> next_task(Work& work) {
  const auto path = std::string(kTask) + "?client=" + work.options.client.str();
  auto answer = work.session.ask("GET", path, "");
  if (!answer && answer.error().code == Errc::kFailedPrecondition) {
    GENESIS_RETURN_IF_ERROR(join(work));
    answer = work.session.ask("GET", path, "");
  }
  GENESIS_ASSIGN(const std::string bytes, std::move(answer));
  return wire::decode_task(bytes);
}

Status stopped() {
  return fail(Errc::kFailedPrecondition, "stopped before the training was over");
}

Status work_until_over(Work& work) {
  GENESIS_RETURN_IF_ERROR(join(work));
  while (!work.options.stop.stop_requested()) {
    GENESIS_ASSIGN(auto task, next_task(work));
    bool is_complete = false;
    auto done = std::visit(
        Overloaded{
            [](const wire::Wait&) { return Status(); },
            [&](const wire::Summarize& t) { return summarize(work, t); },
            [&](const wire::Train& t) { return train(work, t); },
            [&](const wire::Finished& t) {
              spdlog::info("complete client={} model-sha256={} peak-mib={}",
                           work.options.client.str(),
                           t.model_sha256,
                           peak_resident_mib());
              is_complete = true;
              return Status();
            },
            [](const wire::Failed& t) {
              return Status(fail(Errc::kFailedPrecondition, "the training failed: " + t.reason));
            },
        },
        task);
    if (!done || is_complete) {
      return done;
    }
  }
  return stopped();
}

Status take_part(const ClientOptions& options) {
  GENESIS_ASSIGN(auto client, http::Client::create(options.server_url, options.tls));
  Session session(std::move(client), options);
  const std::stop_callback cancel(options.stop, [&session] { session.cancel(); });
  GENESIS_ASSIGN(auto config, session.ask("GET", "/v1/training", ""));
  GENESIS_ASSIGN(auto offer, wire::decode_join_reply(config));
  GENESIS_ASSIGN(auto training,
                 spec::parse(offer.training_json, options.server_url, options.overrides));
  GENESIS_ASSIGN(auto offered, spec::parse(offer.training_json, options.server_url));
  GENESIS_ASSIGN(auto participant,
                 Participant::create(options.client,
                                     options.data,
                                     training,
                                     options.discrete_columns,
                                     training.local.learning_rate / offered.local.learning_rate));
  if (!options.state.empty()) {
    GENESIS_ASSIGN(auto files, federation::RoundFiles::open(options.state));
    participant.keep_state(std::move(files), options.on_saved);
  }
  participant.on_step(
      [&options](const model::StepReport& step) { options.metrics->stepped(step); });
  session.adopt(static_cast<unsigned>(training.communication.retry_attempts),
                federation::deadlines(training.rounds));
  Work work{session, options, training, offer.run, participant};
  return work_until_over(work);
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
