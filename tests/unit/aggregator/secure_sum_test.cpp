// Secure sums through the coordinator: what it makes of the sites' messages is what it makes of the
// same words in the clear, with members that go at any stage, and it takes no message that it did
// not ask for.
#include <map>
#include <memory>
#include <set>

#include "common/crypto/digest.hpp"
#include "common/secure/site.hpp"
#include "common/sums/sum_words.hpp"
#include "common/sums/task.hpp"
#include "tests/unit/aggregator/training.hpp"

using namespace genesis;
using namespace genesis::aggregator;
using rounds::Stage;

namespace {

const std::vector<std::string> kMembers{"a", "b", "c", "d"};
const std::vector<Stage> kStages = rounds::masked_stages();

spec::FederatedTraining training_with(const std::string& encryption) {
  const std::string spec = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  seed: 5
  model: {embeddingDim: 4, generatorDims: [8], discriminatorDims: [8], pac: 2}
  local: {batchSize: 4}
  rounds: {count: 2, minClients: 3}
  privacy: {secureAggregation: {encryption: )" +
                           encryption + R"(}}
  participants:
    - {name: a, external: true}
    - {name: b, external: true}
    - {name: c, external: true}
    - {name: d, external: true}
)";
  return *spec::parse(spec, "test");
}

tabular::Table table_of(const std::string& member) {
  const int shift = member[0] - 'a';
  std::string csv = "colour,size\n";
  for (int i = 0; i < 20 + shift; ++i) {
    csv +=
        std::string(i % 3 == 0 ? "red" : "blue") + "," + std::to_string(i * 3 % 11 + shift) + "\n";
  }
  return *tabular::parse_csv(csv, "test.csv");
}

// One site, as far as its messages go.
struct Party {
  Party(std::string name, const spec::FederatedTraining& training)
      : client(*ClientId::parse(name)),
        rows(table_of(name)),
        words(*sums::SumWords::make(training)),
        signer(*secure::Signer::from_pem(secure::make_signing_key())) {}

  [[nodiscard]] wire::JoinRequest request() const {
    return {
        .client = client,
        .introduction = method::sketch_text(tabular::sketch(rows), method::Grid::kPublic),
        .signing_key = sums::to_hex(signer.public_key()),
    };
  }

  std::string answer(const wire::Contribute& task, const Coordinator& coordinator) {
    const auto fetch = [&](const std::string& name) {
      return *coordinator.document(task.collection, name)->bytes;
    };
    const auto stage = *rounds::parse_stage(task.stage);
    if (stage == Stage::kKeys) {
      const auto sum = *secure::decode_task(fetch(std::string(sums::kTaskDocument)));
      if (site) {
        REQUIRE(site->retry(sum, entropy));
      } else {
        Served documents(coordinator);
        const auto counted = method::count_rows(rows, {}, documents);
        auto encoded = *words.encode(counted->values, rows.rows);
        site = *secure::Site::begin(client, signer, {}, sum, encoded.words, entropy);
      }
      return secure::encode(site->keys());
    }
    const auto place = *site->task().place_of(client);
    const auto received = fetch(sums::message_name(task.stage, place));
    switch (stage) {
      case Stage::kShares:
        return secure::encode(*site->share(*secure::decode_key_list(received)));
      case Stage::kMasked:
        return *site->mask(*secure::decode_sealed_shares(received));
      case Stage::kConfirm:
        return *site->confirm(*secure::decode_survivors(received));
      case Stage::kReveal:
        return std::string(
            secure::encode(*site->reveal(*secure::decode_confirmations(received))).reveal());
      default:
        break;
    }
    return "";
  }

  ClientId client;
  tabular::Table rows;
  sums::SumWords words;
  secure::Signer signer;
  crypto::SystemEntropy entropy;
  std::optional<secure::Site> site;
};

class SecureTraining {
 public:
  explicit SecureTraining(const std::string& encryption)
      : training(training_with(encryption)),
        coordinator(*Coordinator::start(training, "run-1", {})) {
    for (const auto& name : kMembers) {
      parties.push_back(std::make_unique<Party>(name, training));
      REQUIRE(coordinator.join(parties.back()->request(), "", true, now));
    }
  }

  std::optional<wire::Contribute> asked(const Party& party) {
    const auto task = coordinator.task({party.client}, now);
    const auto* contribute = task ? std::get_if<wire::Contribute>(&*task) : nullptr;
    return contribute == nullptr ? std::nullopt : std::optional(*contribute);
  }

  Status send(const Party& party, const wire::Contribute& task, std::string message) {
    return coordinator.contribute(
        "",
        {.run = coordinator.run(),
         .collection = task.collection,
         .attempt = task.attempt,
         .client = party.client,
         .body = rounds::Masked{*rounds::parse_stage(task.stage), std::move(message)}},
        now);
  }

  // The summaries, where the members of `gone` answer no stage from the one on that they have.
  void sum(const std::map<std::string, Stage>& gone) {
    for (int tries = 0; tries < 40 && coordinator.state().open.id == CollectionId{1}; ++tries) {
      if (coordinator.is_over()) {
        return;
      }
      bool has_moved = false;
      for (const auto& party : parties) {
        const auto task = asked(*party);
        const auto leaves = gone.find(party->client.str());
        if (!task ||
            (leaves != gone.end() && *rounds::parse_stage(task->stage) >= leaves->second)) {
          continue;
        }
        REQUIRE(send(*party, *task, party->answer(*task, coordinator)));
        has_moved = true;
      }
      if (!has_moved) {
        now += coordinator.config().round_deadline;
        coordinator.tick(now);
      }
    }
  }

  // The same words in the clear, of all but `gone`.
  void sum_in_the_clear(const std::set<std::string>& gone) {
    for (const auto& party : parties) {
      if (gone.contains(party->client.str())) {
        continue;
      }
      Served documents(coordinator);
      const auto counted = method::count_rows(party->rows, {}, documents);
      auto encoded = *party->words.encode(counted->values, party->rows.rows);
      REQUIRE(coordinator.contribute("",
                                     {.run = coordinator.run(),
                                      .collection = CollectionId{1},
                                      .client = party->client,
                                      .body = rounds::Plain{std::move(encoded.words)}},
                                     now));
    }
    now += coordinator.config().round_deadline;
    coordinator.tick(now);
  }

  [[nodiscard]] std::string encoder() const {
    const auto document = coordinator.document(CollectionId{2}, method::kEncoderDocument);
    return document ? *document->bytes : document.error().message;
  }

  spec::FederatedTraining training;
  Instant now{};
  Coordinator coordinator;
  std::vector<std::unique_ptr<Party>> parties;
};

std::string clear_encoder(const std::set<std::string>& gone) {
  SecureTraining clear("none");
  clear.sum_in_the_clear(gone);
  REQUIRE(clear.coordinator.state().open.id == CollectionId{2});
  return clear.encoder();
}

}  // namespace

TEST_CASE("coordinator: a secure sum is that of the same words in the clear", "[aggregator]") {
  SecureTraining masked("masking");
  masked.sum({});
  REQUIRE(masked.coordinator.state().open.id == CollectionId{2});
  CHECK(masked.encoder() == clear_encoder({}));
}

TEST_CASE("coordinator: with a member gone at any stage a secure sum is that of those in it",
          "[aggregator]") {
  for (const auto& member : kMembers) {
    for (const auto stage : kStages) {
      CAPTURE(member, rounds::to_string(stage));
      SecureTraining masked("masking");
      masked.sum({{member, stage}});
      REQUIRE(masked.coordinator.state().open.id == CollectionId{2});
      const bool is_in_sum = stage == Stage::kConfirm || stage == Stage::kReveal;
      CHECK(masked.encoder() ==
            clear_encoder(is_in_sum ? std::set<std::string>() : std::set<std::string>{member}));
    }
  }
}

TEST_CASE("coordinator: a secure sum with too few members is never opened", "[aggregator]") {
  for (const auto stage : kStages) {
    CAPTURE(rounds::to_string(stage));
    SecureTraining masked("masking");
    masked.sum({{"b", stage}, {"d", stage}});
    CHECK(masked.coordinator.state().phase == rounds::Phase::kFailed);
  }
}

TEST_CASE("coordinator: a message of a secure sum counts once, and only where it is asked for",
          "[aggregator]") {
  SecureTraining masked("masking");
  auto& first = *masked.parties[0];
  auto& second = *masked.parties[1];
  const auto task = *masked.asked(first);
  const auto keys = first.answer(task, masked.coordinator);
  REQUIRE(masked.send(first, task, keys));
  CHECK(masked.send(first, task, keys));         // again
  CHECK_FALSE(masked.send(second, task, keys));  // another member's
  auto later = task;
  later.stage = rounds::to_string(Stage::kMasked);
  CHECK(masked.send(second, later, "words").error().code == Errc::kConflict);
  later = task;
  later.attempt = 7;
  CHECK(masked.send(second, later, second.answer(task, masked.coordinator)).error().code ==
        Errc::kConflict);
  auto clear = contribution_of(masked.coordinator, "c");
  clear.body = rounds::Plain{rounds::Counts{1, 2, 3}};
  CHECK_FALSE(masked.coordinator.contribute("", clear, masked.now));
}

TEST_CASE("coordinator: with secure sums it tells nothing of single sites", "[aggregator]") {
  SecureTraining masked("masking");
  masked.sum({});
  const auto report = masked.coordinator.status(masked.now);
  REQUIRE(report.clients.size() == kMembers.size());
  for (const auto& client : report.clients) {
    CHECK_FALSE(client.rows);
    CHECK(client.telemetry.empty());
  }
}

TEST_CASE("coordinator: members of secure sums join before the first, each with one key",
          "[aggregator]") {
  SecureTraining masked("masking");
  auto again = masked.parties[0]->request();
  CHECK(masked.coordinator.join(again, "", true, masked.now));
  again.signing_key = masked.parties[1]->request().signing_key;
  CHECK(masked.coordinator.join(again, "", true, masked.now).error().code == Errc::kConflict);
  again.signing_key.clear();
  CHECK(masked.coordinator.join(again, "", true, masked.now).error().code ==
        Errc::kInvalidArgument);
}

TEST_CASE("coordinator: who was not in the first secure sum joins no later, also in the clear",
          "[aggregator]") {
  for (const std::string encryption : {"masking", "none"}) {
    SecureTraining training(encryption);
    if (encryption == "none") {
      training.sum_in_the_clear({"d"});
    } else {
      training.sum({{"d", Stage::kKeys}});
    }
    REQUIRE(training.coordinator.state().open.id == CollectionId{2});
    CHECK(training.coordinator.join(training.parties[0]->request(), "", true, training.now));
    const auto late =
        training.coordinator.join(training.parties[3]->request(), "", true, training.now);
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Errc::kFailedPrecondition);
    CHECK_THAT(late.error().message, ContainsSubstring("have joined before the first one"));
  }
}

TEST_CASE("coordinator: where the spec names a site's public key, no other key speaks for it",
          "[aggregator]") {
  auto training = training_with("masking");
  const Party site("a", training);
  const Party other("a", training);
  training.participants[0].public_key_sha256 = crypto::sha256_hex(site.signer.public_key());
  auto coordinator = *Coordinator::start(training, "run-1", {});
  const auto refused = coordinator.join(other.request(), "", true, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  CHECK_THAT(refused.error().message, ContainsSubstring("participants.publicKeySha256"));
  CHECK(coordinator.join(site.request(), "", true, {}));
}

TEST_CASE("coordinator: sites that encrypt have one key, as large as the spec asks for",
          "[aggregator]") {
  auto training = training_with("paillier");
  std::string modulus;  // of 2,048 bits
  for (int i = 0; i < 256; ++i) {
    modulus += "ff";
  }
  const auto joins = [&](Coordinator& coordinator, const char* name, const std::string& hex) {
    auto request = Party(name, training).request();
    request.paillier_modulus = hex;
    const auto joined = coordinator.join(request, "", true, {});
    return joined ? std::string("joined") : joined.error().message;
  };
  auto coordinator = *Coordinator::start(training, "run-1", {});
  CHECK_THAT(joins(coordinator, "a", ""), ContainsSubstring("modulus of its Paillier key"));
  CHECK_THAT(joins(coordinator, "a", "not hex"), ContainsSubstring("hex digits"));
  CHECK_THAT(joins(coordinator, "a", modulus.substr(2)), ContainsSubstring("modulus"));
  // Who comes first with another key than most keeps nobody out, and can come again with theirs.
  const auto other = modulus.substr(2) + "fd";
  CHECK(joins(coordinator, "a", other) == "joined");
  CHECK(joins(coordinator, "b", modulus) == "joined");
  CHECK(joins(coordinator, "c", modulus) == "joined");
  CHECK_THAT(joins(coordinator, "a", other), ContainsSubstring("not that of most sites"));
  CHECK(joins(coordinator, "a", modulus) == "joined");

  // Without a majority nobody knows whose key is right.
  auto torn = *Coordinator::start(training, "run-1", {});
  const auto third = modulus.substr(2) + "fb";
  CHECK(joins(torn, "a", modulus) == "joined");
  CHECK(joins(torn, "b", other) == "joined");
  CHECK(joins(torn, "c", third) == "joined");
  CHECK(joins(torn, "d", third) == "joined");
  const Instant later = Instant{} + torn.config().round_deadline;
  torn.tick(later);
  const auto task = torn.task({*ClientId::parse("a")}, later);
  REQUIRE(task);
  const auto* failed = std::get_if<wire::Failed>(&*task);
  REQUIRE(failed != nullptr);
  CHECK_THAT(failed->reason, ContainsSubstring("the Paillier keys of a and b differ"));

  training.privacy.secure_aggregation->key_bits = 3072;
  auto strict = *Coordinator::start(training, "run-1", {});
  CHECK_THAT(joins(strict, "a", modulus), ContainsSubstring("keyBits asks for 3072"));
}
