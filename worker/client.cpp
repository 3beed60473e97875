#include "worker/client.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "common/base/check.hpp"
#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/deadlines.hpp"
#include "common/federation/spec_views.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/messages.hpp"
#include "worker/metrics.hpp"
#include "worker/participant.hpp"
#include "worker/session.hpp"

namespace genesis::worker {
namespace {

// What this process has held in memory at most, in MiB.
long peak_resident_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

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

// The global parameters of a round, as the task names them.
Result<Tensors> fetch_parameters(const Work& work, const wire::Train& task) {
  const auto path = "/v1/rounds/" + std::to_string(task.round.value) + "/parameters";
  const auto encoding = federation::content_encoding(work.training.communication.compression);
  GENESIS_ASSIGN(const auto served, work.session.download(path, encoding));
  work.options.metrics->received(served.encoding, served.travelled);
  if (crypto::sha256_hex(served.bytes) != task.parameters_sha256) {
    return fail(Errc::kDataLoss,
                "parameters of round " + std::to_string(task.round.value) +
                    ": arrived altered; their digest does not match");
  }
  GENESIS_ASSIGN(auto global, wire::decode_safetensors(served.bytes));
  return std::move(global.tensors);
}

Status train(Work& work, const wire::Train& task) {
  if (!work.participant.is_prepared()) {
    const auto document = work.session.download("/v1/encoder", "");
    if (!document && is_overtaken(document.error())) {
      return {};
    }
    if (!document) {
      return tl::unexpected(document.error());
    }
    GENESIS_ASSIGN(auto encoder, wire::decode_encoder(document->bytes));
    GENESIS_RETURN_IF_ERROR(work.participant.prepare(encoder));
  }
  bool is_served = true;
  auto trained = work.participant.train(work.run, task, [&]() -> Result<Tensors> {
    auto global = fetch_parameters(work, task);
    is_served = global.has_value();
    work.options.metrics->began(task.round);
    return global;
  });
  if (!trained && !is_served && is_overtaken(trained.error())) {
    return {};
  }
  GENESIS_ASSIGN(const auto update, std::move(trained));
  work.options.metrics->trained(update.metadata);
  if (work.options.on_trained) {
    work.options.on_trained(update.metadata);
  }
  const auto& communication = work.training.communication;
  const auto encoding = federation::content_encoding(communication.compression);
  const auto quantization = federation::quantization(communication.quantization);
  GENESIS_ASSIGN(const auto body, wire::compress(encoding, wire::encode(update, quantization)));
  const auto path =
      "/v1/rounds/" + std::to_string(task.round.value) + "/updates/" + work.options.client.str();
  const auto sent = work.session.upload(path, body, encoding);
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
  const auto path = std::string(kTaskPath) + "?client=" + work.options.client.str();
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
  session.adopt(training.communication, federation::deadlines(training.rounds));
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
