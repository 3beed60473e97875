#pragma once
// A page that follows one training in a browser on this machine: rounds, clients, losses as curves,
// bytes, time left, warnings. One self-contained file; it asks its own server for numbers once a
// second and nobody else.
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/http/background_server.hpp"
#include "common/wire/messages.hpp"

namespace genesis::cli {

/// What the page draws over rounds: the losses of each round that clients have reported, as they
/// stood last. Of many rounds every second, fourth and so on is kept, so that there are never more
/// than kMostRounds.
class RoundHistory {
 public:
  static constexpr std::size_t kMostRounds = 1000;
  void add(const wire::StatusReport& report);
  /// JSON: [{round, elapsed_seconds, losses {name: mean}}].
  [[nodiscard]] std::string json() const;

 private:
  struct Round {
    std::uint32_t number = 0;
    double elapsed_seconds = 0.0;
    rounds::Telemetry losses;
  };
  std::vector<Round> rounds_;
  std::uint32_t every_ = 1;
};

class StatusPage {
 public:
  /// Serves on 127.0.0.1; 0 takes a free port. Its address has a random part, so that only who was
  /// told it can read the page. Errors: as http::Server::start.
  [[nodiscard]] static Result<std::unique_ptr<StatusPage>> start(std::uint16_t port);

  /// What the page shows from now on.
  void show(const wire::StatusReport& report);
  /// "http://127.0.0.1:PORT/KEY/".
  [[nodiscard]] std::string url() const;

 private:
  explicit StatusPage(std::string key) : key_(std::move(key)) {}
  [[nodiscard]] http::Response answer(const http::Request& request) const;

  std::string key_;
  mutable std::mutex mutex_;
  std::string status_;    // guarded by mutex_; JSON, "" until something was shown
  RoundHistory history_;  // guarded by mutex_
  std::unique_ptr<http::BackgroundServer> server_;  // last: it reads the others
};

/// The page itself. `nonce` marks its own script and style, and no others run.
[[nodiscard]] std::string status_page_html(const std::string& nonce);

}  // namespace genesis::cli
