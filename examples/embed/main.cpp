// A federation inside one program: a server and two clients on 127.0.0.1 over mutual TLS, then rows
// from the model. Across machines each of the three is a program of its own, with the same calls.
//
//   embed FOLDER SITE-1.csv SITE-2.csv
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <genesis/certificates.hpp>
#include <genesis/federated_client.hpp>
#include <genesis/federated_server.hpp>
#include <genesis/federated_synthesizer.hpp>

namespace {

constexpr const char* kSpec = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: embedded}
spec:
  seed: 7
  rounds: {count: 3, minClients: 2}
  local: {epochs: 1, batchSize: 100}
)";

genesis::Result<genesis::FederatedServer> start_server(const std::filesystem::path& folder) {
  genesis::ServerOptions options;
  options.spec = kSpec;
  options.host = "127.0.0.1";
  options.port = 0;
  options.tls.certificate = folder / "pki/server.crt";
  options.tls.key = folder / "pki/server.key";
  options.tls.client_authority = folder / "pki/ca.crt";
  options.output = folder / "out";

  genesis::ServerCallbacks callbacks;
  callbacks.on_round_complete =
      [](std::uint32_t round, const genesis::RoundMetrics& metrics, std::size_t n_clients) {
        std::printf("round %u of %u: %zu clients, generator loss %.3f\n",
                    round,
                    metrics.total_rounds,
                    n_clients,
                    metrics.telemetry.at("generator_loss"));
      };
  callbacks.on_checkpoint = [](const genesis::SavedCheckpoint& saved) {
    std::printf("checkpoint of round %u\n", saved.round);
  };
  callbacks.on_training_complete = [](const genesis::TrainedModel& model) {
    std::printf("model %s sha256 %s\n", model.path.c_str(), model.sha256.c_str());
  };
  return genesis::FederatedServer::start(options, callbacks);
}

genesis::Status take_part(const std::filesystem::path& folder,
                          const std::string& server,
                          const std::string& id,
                          const std::string& data) {
  genesis::ClientOptions options;
  options.server = server;
  options.client_id = id;
  options.data = data;
  options.state = folder / "state" / id;
  options.tls.server_authority = folder / "pki/ca.crt";
  options.tls.certificate = folder / "pki" / (id + ".crt");
  options.tls.key = folder / "pki" / (id + ".key");

  genesis::ClientCallbacks callbacks;
  callbacks.on_train_complete = [](const genesis::TrainMetrics& metrics) {
    std::printf("%s trained %llu steps in round %u\n",
                metrics.client.c_str(),
                static_cast<unsigned long long>(metrics.telemetry.at("steps")),
                metrics.round);
  };
  auto client = genesis::FederatedClient::create(options, callbacks);
  if (!client) {
    return tl::unexpected(client.error());
  }
  return client->run();
}

int complain(const genesis::Error& error) {
  std::fprintf(stderr, "embed: %s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: embed FOLDER SITE-1.csv SITE-2.csv\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const std::vector<std::string> sites{"site-1", "site-2"};

  genesis::CertificateFolder pki;
  pki.folder = folder / "pki";
  pki.server_names = {"127.0.0.1"};
  pki.client_ids = sites;
  if (auto made = genesis::make_certificates(pki); !made) {
    return complain(made.error());
  }

  auto server = start_server(folder);
  if (!server) {
    return complain(server.error());
  }
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    clients.emplace_back([&, i] {
      if (auto done = take_part(folder, server->url(), sites[i], argv[2 + i]); !done) {
        complain(done.error());
        server->stop();
      }
    });
  }
  auto model = server->run();
  for (auto& client : clients) {
    client.join();
  }
  if (!model) {
    return complain(model.error());
  }

  auto synthesizer = genesis::FederatedSynthesizer::load(model->path);
  if (!synthesizer) {
    return complain(synthesizer.error());
  }
  genesis::SampleOptions ten;
  ten.rows = 10;
  auto rows = synthesizer->sample(ten);
  if (!rows) {
    return complain(rows.error());
  }
  std::printf("%s", rows->c_str());
  return 0;
}
