#include "cli/status_page.hpp"

#include <utility>

#include "common/crypto/entropy.hpp"
#include "common/status_page/page.hpp"

namespace genesis::cli {
namespace {

boost::asio::awaitable<http::Response> at_once(http::Response response) {
  co_return response;
}

}  // namespace

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

void StatusPage::begin(status_page::RoundHistory history) {
  const std::lock_guard lock(mutex_);
  history_ = std::move(history);
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
    return status_page::page(key_);
  }
  if (path == "rounds") {
    const std::lock_guard lock(mutex_);
    return status_page::numbers(status_, history_);
  }
  return http::error_response(404, Error{Errc::kNotFound, "there is the page and its numbers"});
}

}  // namespace genesis::cli
