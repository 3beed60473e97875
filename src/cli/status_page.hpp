#pragma once
// The page of a training (status_page/page.hpp) for a browser on this machine, which has no
// certificate for the training's server or where there is no server.
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/error.hpp"
#include "common/http/background_server.hpp"
#include "common/status_page/round_history.hpp"
#include "common/wire/messages.hpp"

namespace genesis::cli {

class StatusPage {
 public:
  /// Serves on 127.0.0.1; 0 takes a free port. Its address has a random part, so that only who was
  /// told it can read the page. Errors: as http::Server::start.
  [[nodiscard]] static Result<std::unique_ptr<StatusPage>> start(std::uint16_t port);

  /// The rounds before those that are shown from now on.
  void begin(status_page::RoundHistory history);
  /// What the page shows from now on.
  void show(const wire::StatusReport& report);
  /// "http://127.0.0.1:PORT/KEY/".
  [[nodiscard]] std::string url() const;

 private:
  explicit StatusPage(std::string key) : key_(std::move(key)) {}
  [[nodiscard]] http::Response answer(const http::Request& request) const;

  std::string key_;
  mutable std::mutex mutex_;
  std::string status_;                 // guarded by mutex_; JSON, "" until something was shown
  status_page::RoundHistory history_;  // guarded by mutex_
  std::unique_ptr<http::BackgroundServer> server_;  // last: it reads the others
};

}  // namespace genesis::cli
