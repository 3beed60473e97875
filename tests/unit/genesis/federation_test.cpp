// Server and clients as another program embeds them: threads of one process, over mutual TLS.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "genesis/certificates.hpp"
#include "genesis/federated_client.hpp"
#include "genesis/federated_server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;
namespace fs = std::filesystem;

namespace {

// Certificates, two sites' rows and outputs in a folder that goes with the test.
class Federation {
 public:
  Federation() {
    CertificateFolder pki;
    pki.folder = folder_ / "pki";
    pki.server_names = {"127.0.0.1"};
    pki.client_ids = {"site-1", "site-2"};
    REQUIRE(make_certificates(pki));
    for (int site = 1; site <= 2; ++site) {
      std::ofstream file(folder_ / ("site-" + std::to_string(site) + ".csv"));
      file << "age,group\n";
      for (int i = 0; i < 60; ++i) {
        file << 20 + (i * 7 + site) % 50 << ","
             << "abc"[i % 3] << "\n";
      }
    }
  }

  [[nodiscard]] ServerOptions server() const {
    ServerOptions options;
    options.spec =
        "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\n"
        "metadata: {name: small}\nspec:\n"
        "  model: {embeddingDim: 8, generatorDims: [16], discriminatorDims: [16], pac: 1}\n"
        "  rounds: {count: 2, minClients: 2}\n  local: {epochs: 1, batchSize: 20}\n";
    options.host = "127.0.0.1";
    options.port = 0;
    options.tls.certificate = folder_ / "pki/server.crt";
    options.tls.key = folder_ / "pki/server.key";
    options.tls.client_authority = folder_ / "pki/ca.crt";
    options.auth_token = crypto::Secret(std::string_view("a-token"));
    options.output = folder_ / "out";
    return options;
  }
  [[nodiscard]] ClientOptions client(const std::string& url, const std::string& id) const {
    ClientOptions options;
    options.server = url;
    options.client_id = id;
    options.data = folder_ / (id + ".csv");
    options.state = folder_ / "state" / id;
    options.tls.server_authority = folder_ / "pki/ca.crt";
    options.tls.certificate = folder_ / "pki" / (id + ".crt");
    options.tls.key = folder_ / "pki" / (id + ".key");
    options.auth_token = crypto::Secret(std::string_view("a-token"));
    return options;
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("genesis: an embedded server and two clients train, and every callback is called",
          "[genesis]") {
  const Federation federation;
  std::vector<std::string> told;
  ServerCallbacks callbacks;
  callbacks.on_round_complete = [&](std::uint32_t round, const RoundMetrics&, std::size_t clients) {
    told.push_back("round " + std::to_string(round) + " of " + std::to_string(clients));
  };
  callbacks.on_checkpoint = [&](const SavedCheckpoint& saved) {
    CHECK(fs::exists(saved.path));
    told.push_back("checkpoint " + std::to_string(saved.round));
  };
  int folded = 0;
  callbacks.on_metrics = [&](const TrainMetrics&) { ++folded; };
  callbacks.on_training_complete = [&](const TrainedModel& model) {
    told.push_back("model " + model.path.filename().string());
  };
  auto server = FederatedServer::start(federation.server(), callbacks);
  REQUIRE(server);

  struct Site {
    std::string id;
    std::vector<std::uint32_t> trained = {};
    std::vector<std::uint32_t> saved = {};
    Status done = {};
  };
  std::vector<Site> sites{{"site-1"}, {"site-2"}};
  std::vector<std::thread> threads;
  for (auto& site : sites) {
    threads.emplace_back([&] {
      ClientCallbacks heard;
      heard.on_train_complete = [&](const TrainMetrics& m) { site.trained.push_back(m.round); };
      heard.on_checkpoint = [&](const SavedCheckpoint& s) { site.saved.push_back(s.round); };
      auto client = FederatedClient::create(federation.client(server->url(), site.id), heard);
      site.done = client ? client->run() : Status(tl::unexpected(client.error()));
    });
  }
  const auto model = server->run();
  for (auto& thread : threads) {
    thread.join();
  }
  REQUIRE(model);
  CHECK(told == std::vector<std::string>{"checkpoint 0",
                                         "checkpoint 1",
                                         "round 1 of 2",
                                         "checkpoint 2",
                                         "round 2 of 2",
                                         "model model.safetensors"});
  CHECK(folded == 4);
  for (const auto& site : sites) {
    CHECK(site.done.has_value());
    CHECK(site.trained == std::vector<std::uint32_t>{1, 2});
    CHECK(site.saved == std::vector<std::uint32_t>{1, 2});
  }
}

TEST_CASE("genesis: stop ends a server that waits, and a client that waits, at once", "[genesis]") {
  const Federation federation;
  auto server = FederatedServer::start(federation.server());
  REQUIRE(server);
  auto client = FederatedClient::create(federation.client(server->url(), "site-1"));
  REQUIRE(client);
  const auto begun = std::chrono::steady_clock::now();
  Status left;
  Result<TrainedModel> led = TrainedModel{};
  std::thread leading([&] { led = server->run(); });
  std::thread taking_part([&] { left = client->run(); });
  client->stop();
  taking_part.join();
  server->stop();
  leading.join();
  REQUIRE_FALSE(left);
  CHECK_THAT(left.error().message, ContainsSubstring("stopped"));
  REQUIRE_FALSE(led);
  CHECK(led.error().code == Errc::kUnavailable);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(15));
}

TEST_CASE("genesis: certificates are not made over others", "[genesis]") {
  const Federation federation;
  CertificateFolder pki;
  pki.folder = federation.server().tls.certificate.parent_path();
  pki.server_names = {"127.0.0.1"};
  const auto again = make_certificates(pki);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Errc::kAlreadyExists);
}
