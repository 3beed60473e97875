#include "cli/status_page.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/progress.hpp"
#include "common/base/json.hpp"
#include "common/crypto/entropy.hpp"

namespace genesis::cli {
namespace {

boost::asio::awaitable<http::Response> at_once(http::Response response) {
  co_return response;
}

}  // namespace

void RoundHistory::add(const wire::StatusReport& report) {
  std::uint32_t number = 0;  // losses are those of the clients' last round
  for (const auto& client : report.clients) {
    number = std::max(number, client.last_round.value);
  }
  const bool is_drawn = number > 0 && number % every_ == 0;
  if (!is_drawn) {
    return;
  }
  if (rounds_.empty() || rounds_.back().number < number) {
    rounds_.push_back({});
  }
  rounds_.back() = {number, report.elapsed_seconds, mean_losses(report)};
  if (rounds_.size() > kMostRounds) {
    every_ *= 2;
    std::erase_if(rounds_, [&](const Round& round) { return round.number % every_ != 0; });
  }
}

std::string RoundHistory::json() const {
  auto all = nlohmann::json::array();
  for (const auto& round : rounds_) {
    all.push_back({{"round", round.number},
                   {"elapsed_seconds", round.elapsed_seconds},
                   {"losses", round.losses}});
  }
  return dump_json(all);
}

Result<std::unique_ptr<StatusPage>> StatusPage::start(std::uint16_t port) {
  crypto::SystemEntropy entropy;
  std::unique_ptr<StatusPage> page(
      new StatusPage(crypto::random_id(entropy)));  // private constructor
  http::Handler handler;
  handler.admit =
      [page = page.get()](
          const http::Request& request) -> std::variant<http::Admission, http::Response> {
    // A page of somebody else that a name of theirs leads here with does not know the key.
    if (!request.path.starts_with("/" + page->key_ + "/")) {
      return http::error_response(
          404, Error{Errc::kNotFound, "open the address that was printed, with its key"});
    }
    if (request.method != "GET") {
      return http::error_response(405, Error{Errc::kInvalidArgument, "only GET is supported"});
    }
    return http::Admission{0};
  };
  handler.respond = [page = page.get()](http::Request request) {
    return at_once(page->answer(request));
  };
  GENESIS_ASSIGN(
      page->server_,
      http::BackgroundServer::start({"127.0.0.1", port}, http::few_requests(), std::move(handler)));
  return page;
}

void StatusPage::show(const wire::StatusReport& report) {
  auto status = wire::encode(report);
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
  history_.add(report);
}

std::string StatusPage::url() const {
  return server_->url() + "/" + key_ + "/";
}

http::Response StatusPage::answer(const http::Request& request) const {
  const auto path = request.path.substr(key_.size() + 2);
  if (path.empty()) {
    auto page = http::make_response(200, "text/html; charset=utf-8", status_page_html(key_));
    page.headers.push_back({"Content-Security-Policy",
                            "default-src 'none'; connect-src 'self'; script-src 'nonce-" + key_ +
                                "'; style-src 'nonce-" + key_ + "'; img-src data:"});
    page.headers.push_back({"Referrer-Policy", "no-referrer"});
    return page;
  }
  if (path == "status") {
    const std::lock_guard lock(mutex_);
    auto json = http::json_response(200,
                                    R"({"status":)" + (status_.empty() ? "null" : status_) +
                                        R"(,"rounds":)" + history_.json() + "}");
    json.headers.push_back({"Cache-Control", "no-store"});
    return json;
  }
  return http::error_response(404, Error{Errc::kNotFound, "there is the page and its status"});
}

}  // namespace genesis::cli
