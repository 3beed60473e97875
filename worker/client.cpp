#include "worker/client.hpp"

#include <chrono>
#include <thread>

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/http/backoff.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/messages.hpp"
#include "worker/participant.hpp"

namespace genesis::worker {
namespace {

constexpr std::uint64_t kMaxModelBytes = std::uint64_t{512} << 20;
constexpr Milliseconds kRequestDeadline{60'000};
constexpr unsigned kConnectAttempts = 30;  // a server that starts later than its clients is normal

// What this process has held in memory at most, in MiB.
long peak_resident_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// One server, asked with this site's credentials.
class Session {
 public:
  Session(http::Client client, const ClientOptions& options)
      : client_(std::move(client)),
        options_(options),
        jitter_(0, RoundId{0}, options.client.str(), "retry jitter") {}

  // The body of a successful answer; retries with back-off up to `attempts` times.
  Result<std::string> ask(const std::string& method,
                          const std::string& path,
                          std::string_view body,
                          unsigned attempts,
                          const http::Headers& more = {}) {
    http::ClientRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.headers = more;
    request.deadline = kRequestDeadline;
    request.max_body = kMaxModelBytes;
    if (options_.auth_token) {
      request.headers.push_back(
          {"Authorization", "Bearer " + std::string(options_.auth_token->reveal())});
    }
    for (unsigned attempt = 0;; ++attempt) {
      auto response = client_.request(request);
      Error error;
      if (response && response->is_success()) {
        return std::move(response->body);
      }
      error = response ? http::error_of(*response) : response.error();
      if (!is_retryable(error.code) || attempt >= attempts) {
        return tl::unexpected(std::move(error));
      }
      spdlog::debug("retry client={} path={} attempt={} reason={}",
                    options_.client.str(),
                    path,
                    attempt + 1,
                    error.message);
      std::this_thread::sleep_for(http::backoff(attempt, jitter_));
    }
  }

 private:
  http::Client client_;
  const ClientOptions& options_;
  Rng jitter_;
};

// What the loop knows of the training.
struct Work {
  Session& session;
  const ClientOptions& options;
  const spec::FederatedTraining& training;
  std::string run;
  Participant& participant;
  unsigned attempts;
};

Status summarize(Work& work, const wire::Summarize& task) {
  GENESIS_ASSIGN(auto summary, work.participant.summarize(task.plan));
  const wire::SummaryUpload upload{work.run, work.options.client, std::move(summary)};
  const auto body = wire::encode(upload);
  GENESIS_ASSIGN(auto answer, work.session.ask("POST", "/v1/summary", body, work.attempts));
  spdlog::info("summary client={} bytes={}", work.options.client.str(), body.size());
  return {};
}

Status train(Work& work, const wire::Train& task) {
  if (!work.participant.is_prepared()) {
    GENESIS_ASSIGN(auto document, work.session.ask("GET", "/v1/encoder", "", work.attempts));
    GENESIS_ASSIGN(auto encoder, wire::decode_encoder(document));
    GENESIS_RETURN_IF_ERROR(work.participant.prepare(encoder));
  }
  const auto round = "/v1/rounds/" + std::to_string(task.round.value);
  GENESIS_ASSIGN(auto bytes, work.session.ask("GET", round + "/parameters", "", work.attempts));
  if (crypto::sha256_hex(bytes) != task.parameters_sha256) {
    return fail(Errc::kDataLoss,
                "parameters of round " + std::to_string(task.round.value) +
                    ": arrived altered; their digest does not match");
  }
  GENESIS_ASSIGN(auto global, wire::decode_safetensors(bytes));
  GENESIS_ASSIGN(auto update, work.participant.train(work.run, task, global.tensors));
  auto body = wire::encode(update);
  http::Headers headers;
  if (work.training.communication.compression == spec::Compression::kGzip) {
    GENESIS_ASSIGN(body, wire::gzip_compress(body));
    headers.push_back({"Content-Encoding", "gzip"});
  }
  auto sent = work.session.ask(
      "PUT", round + "/updates/" + work.options.client.str(), body, work.attempts, headers);
  if (!sent && sent.error().code == Errc::kConflict) {
    spdlog::warn("update client={} round={} refused: {}",
                 work.options.client.str(),
                 task.round.value,
                 sent.error().message);
    return {};  // the round went on without this site; ask for the next task
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

Status work_until_over(Work& work) {
  while (true) {
    GENESIS_ASSIGN(
        auto bytes,
        work.session.ask("GET", "/v1/task?client=" + work.options.client.str(), "", work.attempts));
    GENESIS_ASSIGN(auto task, wire::decode_task(bytes));
    bool is_complete = false;
    auto done = std::visit(
        Overloaded{
            [](const wire::Wait&) { return Status(); },
            [&](const wire::Summarize& t) { return summarize(work, t); },
            [&](const wire::Train& t) { return train(work, t); },
            [&](const wire::Finished& t) {
              spdlog::info(
                  "complete client={} model-sha256={}", work.options.client.str(), t.model_sha256);
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
}

}  // namespace

Status run_client(const ClientOptions& options) {
  GENESIS_ASSIGN(auto client, http::Client::create(options.server_url, options.tls));
  Session session(std::move(client), options);
  GENESIS_ASSIGN(auto config, session.ask("GET", "/v1/training", "", kConnectAttempts));
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
  const auto attempts = static_cast<unsigned>(training.communication.retry_attempts);
  const wire::JoinRequest join{options.client, participant.sketch()};
  GENESIS_ASSIGN(auto joined, session.ask("POST", "/v1/join", wire::encode(join), attempts));
  GENESIS_ASSIGN(auto reply, wire::decode_join_reply(joined));
  spdlog::info(
      "joined client={} rows={} run={}", options.client.str(), participant.rows(), reply.run);
  Work work{session, options, training, reply.run, participant, attempts};
  return work_until_over(work);
}

}  // namespace genesis::worker
