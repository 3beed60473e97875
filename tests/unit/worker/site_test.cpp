#include "worker/site.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include <unistd.h>

#include "common/base/clock.hpp"
#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/method/agreement.hpp"
#include "common/model/threads.hpp"
#include "common/secure/primitives.hpp"
#include "common/spec/parse.hpp"
#include "common/sums/sum_words.hpp"
#include "common/sums/task.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::worker;

namespace {

constexpr const char* kSpec = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  model: {embeddingDim: 4, generatorDims: [8], discriminatorDims: [8], pac: 1}
  local: {epochs: 1, batchSize: 10}
)";

tabular::Table rows() {
  std::string csv = "age,group\n";
  for (int i = 0; i < 20; ++i) {
    csv += std::to_string(20 + i) + "," + "abc"[i % 3] + "\n";
  }
  return *tabular::parse_csv(csv, "test.csv");
}

// A server that asks for what one site's method needs, and keeps what it is sent.
class Server final : public Link {
 public:
  wire::Contribute ask(const method::Ask& ask, std::uint32_t collection) {
    wire::Contribute task;
    task.collection = CollectionId{collection};
    task.purpose = ask.request.purpose;
    task.round = ask.request.round;
    task.parameters = ask.parameters;
    for (const auto& document : ask.documents) {
      task.documents.push_back({document.name, document.sha256, document.bytes->size()});
      texts_[document.name] = *document.bytes;
    }
    return task;
  }
  Result<std::string> fetch(CollectionId /*collection*/,
                            const wire::DocumentName& document) override {
    ++fetched;
    return refusal ? Result<std::string>(tl::unexpected(*refusal)) : texts_.at(document.name);
  }
  Status send(const rounds::Contribution& contribution) override {
    sent.push_back(contribution);
    return refusal ? Status(tl::unexpected(*refusal)) : Status();
  }
  void serve(const std::string& name, std::string text) { texts_[name] = std::move(text); }
  void alter(const std::string& name) { texts_.at(name).back() ^= 1; }

  int fetched = 0;
  std::optional<Error> refusal;
  std::vector<rounds::Contribution> sent;

 private:
  std::map<std::string, std::string> texts_;
};

// A site whose table is agreed on with nobody else, asked for its summary.
struct Asked {
  Asked() : site(*Site::create(*ClientId::parse("a"), *spec::parse(kSpec, "test"), rows())) {
    model::use_one_thread();
    method::Agreement agreement({}, 1, {}, method::Grid::kOfSites);
    REQUIRE(agreement.introduce(site.client(), site.join_request().introduction));
    summaries = server.ask(*agreement.ask(), 1);
    site.joined("run-1");
  }
  Result<Site::Answered> answer(const wire::Task& task) { return site.answer(task, server); }

  Site site;
  Server server;
  wire::Contribute summaries;
};

}  // namespace

TEST_CASE("worker: a site that has nothing to do does nothing", "[worker]") {
  Asked asked;
  CHECK(asked.answer(wire::Wait{}) == Site::Answered::kNothing);
  CHECK(asked.answer(wire::Finished{"ab"}) == Site::Answered::kFinished);
  const auto failed = asked.answer(wire::Failed{"too few clients"});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "the training failed: too few clients");
  CHECK(asked.server.sent.empty());
}

TEST_CASE("worker: a site answers a collection once, and the same again with the same",
          "[worker]") {
  Asked asked;
  CHECK(asked.answer(asked.summaries) == Site::Answered::kContributed);
  CHECK(asked.server.fetched == 1);
  auto again = asked.summaries;
  again.attempt = 2;
  CHECK(asked.answer(again) == Site::Answered::kContributed);
  CHECK(asked.server.fetched == 1);
  REQUIRE(asked.server.sent.size() == 2);
  CHECK(asked.server.sent[0] == asked.server.sent[1]);
  CHECK(asked.server.sent[0].run == "run-1");
  CHECK(asked.server.sent[0].client.str() == "a");
}

TEST_CASE("worker: in another run the same collection is answered anew", "[worker]") {
  Asked asked;
  REQUIRE(asked.answer(asked.summaries));
  asked.site.joined("run-2");
  REQUIRE(asked.answer(asked.summaries));
  CHECK(asked.server.fetched == 2);
  CHECK(asked.server.sent.at(1).run == "run-2");
}

TEST_CASE("worker: of a sum whose task is refused nothing is computed", "[worker]") {
  model::use_one_thread();
  const auto training = *spec::parse(
      std::string(kSpec) + "  rounds: {minClients: 3}\n  privacy: {secureAggregation: {}}\n",
      "test");
  int made = 0;
  SiteObserver observer;
  observer.on_contribution = [&made](RoundId, const rounds::Contribution&) { ++made; };
  auto site = *Site::create(*ClientId::parse("a"), training, rows(), {}, 1.0, std::move(observer));
  const auto signer = *secure::Signer::from_pem(secure::make_signing_key());
  REQUIRE(site.protect(signer));
  method::Agreement agreement({}, 1, {}, method::Grid::kPublic);
  REQUIRE(agreement.introduce(site.client(), site.join_request().introduction));
  const auto ask = *agreement.ask();
  const auto words = *sums::SumWords::make(training);
  Server server;
  std::uint32_t attempt = 0;
  // The site's answer to the task of a sum that is changed by `change`.
  const auto answer = [&](const std::function<void(secure::SumTask&)>& change) {
    auto task = server.ask(ask, 1);
    task.attempt = ++attempt;  // one that it has refused is not looked at again
    task.stage = "keys";
    sums::Question question{"run-1", task.collection, task.purpose, task.parameters, {}};
    for (const auto& document : task.documents) {
      question.documents.emplace_back(document.name, document.sha256);
    }
    auto sum = sums::task_of(question, words.words(ask.combine), words.word_bits(ask.combine));
    sum.attempt = task.attempt;
    sum.threshold = 3;
    sum.roster.push_back({site.client(), signer.public_key()});
    for (const char* other : {"b", "c"}) {
      const auto key = *secure::Signer::from_pem(secure::make_signing_key());
      sum.roster.push_back({*ClientId::parse(other), key.public_key()});
    }
    change(sum);
    const auto bytes = secure::encode(sum);
    const auto digest = crypto::sha256_hex(bytes);
    task.documents.push_back({std::string(sums::kTaskDocument), digest, bytes.size()});
    server.serve(std::string(sums::kTaskDocument), bytes);
    site.joined("run-1");
    return site.answer(task, server);
  };
  const std::vector<std::function<void(secure::SumTask&)>> wrong{
      [](auto& sum) { sum.threshold = 2; },
      [](auto& sum) { sum.query[0] ^= 1; },
      [](auto& sum) { sum.run = "run-2"; },
      [](auto& sum) { sum.attempt += 1; },
      [](auto& sum) { sum.roster.erase(sum.roster.begin()); }};
  for (const auto& change : wrong) {
    CHECK(answer(change) == Site::Answered::kRefused);
    CHECK_FALSE(site.why_refused().empty());
  }
  CHECK(made == 0);
  CHECK(server.sent.empty());
  CHECK(answer([](auto&) {}) == Site::Answered::kContributed);
  CHECK(made == 1);
}

TEST_CASE("worker: a document that was altered on the way is not used", "[worker]") {
  Asked asked;
  asked.server.alter("plan");
  const auto refused = asked.answer(asked.summaries);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kDataLoss);
  CHECK(refused.error().message ==
        "plan of collection 1: arrived altered; its digest does not match");
  CHECK(asked.server.sent.empty());
}

TEST_CASE("worker: a task that lacks a document, or asks for what is unknown, is refused",
          "[worker]") {
  Asked asked;
  auto without = asked.summaries;
  without.documents.clear();
  CHECK_THAT(asked.answer(without).error().message,
             ContainsSubstring("the server's task lacks the document \"plan\""));
  auto unknown = asked.summaries;
  unknown.purpose = "rows in full";
  CHECK_THAT(asked.answer(unknown).error().message,
             ContainsSubstring("asked for \"rows in full\", which this version does not answer"));
  CHECK(asked.server.sent.empty());
}

TEST_CASE("worker: a server that has gone on is asked what it wants now", "[worker]") {
  const auto code = GENERATE(Errc::kConflict, Errc::kFailedPrecondition);
  Asked asked;
  asked.server.refusal = Error{code, "the current round is 7"};
  CHECK(asked.answer(asked.summaries) == Site::Answered::kOvertaken);  // its document has gone
  asked.server.refusal.reset();
  REQUIRE(asked.answer(asked.summaries));
  asked.server.refusal = Error{code, "the current round is 7"};
  CHECK(asked.answer(asked.summaries) == Site::Answered::kOvertaken);  // the answer comes too late
}

TEST_CASE("worker: what a site can do nothing about ends it", "[worker]") {
  Asked asked;
  asked.server.refusal = Error{Errc::kPermissionDenied, "another process has joined"};
  CHECK(asked.answer(asked.summaries).error().code == Errc::kPermissionDenied);
}

TEST_CASE("worker: another plan is refused over a restart too", "[worker]") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("genesis-asked-" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  const auto keep = [&](Asked& asked) {
    return asked.site.keep_state(*federation::RoundFiles::open(folder));
  };
  Asked first;
  REQUIRE(keep(first));
  REQUIRE(first.answer(first.summaries));

  Asked again;  // a new process
  REQUIRE(keep(again));
  CHECK(again.answer(again.summaries) == Site::Answered::kContributed);

  Asked other;
  REQUIRE(keep(other));
  auto summaries = other.summaries;
  summaries.documents.front().sha256 = std::string(64, 'a');
  const auto refused = other.answer(summaries);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  CHECK_THAT(refused.error().message,
             ContainsSubstring("asks for summaries on another plan") &&
                 ContainsSubstring("without " + (folder / "asked.json").string()));
  CHECK(other.server.sent.empty());
  CHECK(other.server.fetched == 0);

  REQUIRE(write_file_atomic(folder / "asked.json", "[]"));
  Asked damaged;
  CHECK(keep(damaged).error().code == Errc::kInvalidArgument);
  std::filesystem::remove_all(folder);
}

TEST_CASE("worker: a method that this build does not have is refused", "[worker]") {
  auto training = *spec::parse(kSpec, "test");
  training.model.method = "unknown";
  const auto site = Site::create(*ClientId::parse("a"), training, rows());
  REQUIRE_FALSE(site);
  CHECK_THAT(site.error().message, ContainsSubstring("it has ctgan"));
}
