#include "common/k8s/rest_api.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "common/http/client.hpp"
#include "common/http/url.hpp"
#include "common/k8s/json_text.hpp"
#include "common/k8s/status_error.hpp"
#include "common/k8s/watch_parser.hpp"

namespace genesis::k8s {
namespace {

namespace asio = boost::asio;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

constexpr std::uint64_t kMaxObject = std::uint64_t{8} << 20;
constexpr std::uint64_t kMaxList = std::uint64_t{256} << 20;
constexpr std::size_t kMaxIdle = 4;  // connections kept for the next request
constexpr int kMaxTries = 10;
// Between the server's end of a watch and ours.
constexpr Milliseconds kWatchGrace{30'000};

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetadata =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
constexpr std::string_view kMetadataList =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

std::string_view word(Propagation propagation) {
  switch (propagation) {
    case Propagation::kBackground:
      return "Background";
    case Propagation::kForeground:
      return "Foreground";
    case Propagation::kOrphan:
      return "Orphan";
  }
  return "Background";
}

// Builds "?a=b&c=d".
class Query {
 public:
  void add(std::string_view name, std::string_view value) {
    if (!value.empty()) {
      text_.append(text_.empty() ? "?" : "&").append(name).append("=").append(http::escape(value));
    }
  }
  [[nodiscard]] const std::string& str() const { return text_; }

 private:
  std::string text_;
};

std::string write_query(const std::string& manager, DryRun dry_run) {
  Query query;
  query.add("fieldManager", manager);
  query.add("dryRun", dry_run == DryRun::kYes ? "All" : "");
  // A field that the server does not know is a mistake of ours or of the spec's author: to be told,
  // not dropped.
  query.add("fieldValidation", "Strict");
  return query.str();
}

// Lists leave them out, and partial objects have their own.
void set_kind(Json& object, const Resource& resource) {
  if (object.is_object()) {
    object["apiVersion"] = resource.api_version();
    object["kind"] = resource.kind;
  }
}

// Without a namespace and a name no path is an object's: it would be the collection's.
Status check_key(const Resource& resource, const ObjectKey& key) {
  if (key.name.empty() || (resource.scope == Scope::kNamespaced && key.ns.empty())) {
    return fail(Errc::kInvalidArgument,
                std::string(resource.plural) + ": an object needs " +
                    (key.name.empty() ? "a name" : "a namespace"));
  }
  return {};
}

struct Call {
  std::string method = "GET";
  std::string path;
  std::string body;
  std::string_view accept = kJson;
  std::string_view content_type = kJson;
  Milliseconds deadline = kRequestDeadline;
  std::uint64_t max_body = kMaxObject;
  std::stop_token stop;
  http::BodySink sink;  // of a watch
};

}  // namespace

class RestApi::Impl {
 public:
  Impl(asio::any_io_executor executor,
       Config config,
       std::optional<tls::ClientContext> tls,
       http::Url url)
      : executor_(std::move(executor)),
        config_(std::move(config)),
        tls_(std::move(tls)),
        host_(url.authority()) {}

  // Any answer below 300. Errors carry the path.
  asio::awaitable<Result<http::ClientResponse>> call(Call call) {
    const std::string what = call.method + " " + call.path.substr(0, call.path.find('?'));
    const Instant end = clock_.now() + call.deadline;
    bool has_refreshed = false;
    for (int tries = 1;; ++tries) {
      Result<http::ClientResponse> answer = co_await send(call, end);
      if (!answer) {
        co_return tl::unexpected(answer.error().within(what));
      }
      if (answer->is_success()) {
        co_return answer;
      }
      if (answer->status == 401 && config_.token.is_used() && !has_refreshed) {
        has_refreshed = true;
        config_.token.refresh();
        continue;
      }
      const auto pause = retry_after(*answer);
      if (!pause || tries >= kMaxTries || clock_.now() + *pause >= end) {
        co_return tl::unexpected(error_of_answer(*answer).within(what));
      }
      const bool may_go_on = co_await wait(*pause, call.stop);
      if (!may_go_on) {
        co_return fail(Errc::kFailedPrecondition, what + ": the client is stopping");
      }
    }
  }

  asio::awaitable<Result<Json>> call_for_object(Call request, Resource resource) {
    Result<http::ClientResponse> answer = co_await call(std::move(request));
    if (!answer) {
      co_return tl::unexpected(std::move(answer).error());
    }
    Result<Json> object = parse_json(answer->body, "answer");
    if (object) {
      set_kind(*object, resource);
    }
    co_return object;
  }

  void cancel() {
    is_cancelled_ = true;
    for (http::AsyncClient* client : busy_) {
      client->cancel();
    }
    for (asio::steady_timer* timer : timers_) {
      timer->cancel();
    }
    idle_.clear();
  }

  Observer on_request;

 private:
  asio::awaitable<Result<http::ClientResponse>> send(const Call& call, Instant end) {
    if (is_cancelled_ || call.stop.stop_requested()) {
      co_return fail(Errc::kFailedPrecondition, "the client is stopping");
    }
    http::ClientRequest request;
    request.method = call.method;
    request.path = call.path;
    request.body = call.body;
    request.max_body = call.max_body;
    request.headers.push_back(http::Header{"Accept", std::string(call.accept)});
    if (!call.body.empty()) {
      request.headers.push_back(http::Header{"Content-Type", std::string(call.content_type)});
    }
    if (config_.token.is_used()) {
      Result<crypto::Secret> token = config_.token.token(clock_.now());
      if (!token) {
        co_return tl::unexpected(std::move(token).error());
      }
      request.headers.push_back(
          http::Header{"Authorization", "Bearer " + std::string(token->reveal())});
    }
    const Instant begin = clock_.now();
    request.deadline = std::max(end - begin, Milliseconds(1));

    std::unique_ptr<http::AsyncClient> client = take_client();
    busy_.insert(client.get());
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    std::function<void()> cancel_this = [raw = client.get()] { raw->cancel(); };
    on_stop.emplace(call.stop, std::move(cancel_this));
    Result<http::ClientResponse> answer = fail(Errc::kInternal, "");
    if (call.sink) {
      answer = co_await client->stream(std::move(request), call.sink);
    } else {
      answer = co_await client->request(std::move(request));
    }
    on_stop.reset();
    busy_.erase(client.get());
    if (answer && !call.stop.stop_requested() && !is_cancelled_ && idle_.size() < kMaxIdle) {
      idle_.push_back(std::move(client));
    }
    report(call, answer, clock_.now() - begin);
    co_return answer;
  }

  std::unique_ptr<http::AsyncClient> take_client() {
    if (!idle_.empty()) {
      std::unique_ptr<http::AsyncClient> client = std::move(idle_.back());
      idle_.pop_back();
      return client;
    }
    // The server's URL has passed create(), which made one already.
    auto client = http::AsyncClient::create(executor_, config_.server, tls_);
    return std::make_unique<http::AsyncClient>(std::move(client).value());
  }

  void report(const Call& call,
              const Result<http::ClientResponse>& answer,
              Milliseconds took) const {
    if (on_request) {
      const std::string code = answer ? std::to_string(answer->status) : "<error>";
      on_request(RequestReport{code, call.method, host_, took});
    }
  }

  // False: stopped or cancelled meanwhile.
  asio::awaitable<bool> wait(Milliseconds time, std::stop_token stop) {
    asio::steady_timer timer(executor_, time);
    timers_.insert(&timer);
    std::function<void()> end = [&timer] { timer.cancel(); };
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    on_stop.emplace(stop, std::move(end));
    co_await timer.async_wait(kAsTuple);
    on_stop.reset();
    timers_.erase(&timer);
    co_return !is_cancelled_ && !stop.stop_requested();
  }

  // Constant.
  asio::any_io_executor executor_;
  SteadyClock clock_;
  // Strand.
  Config config_;  // its token rotates
  std::optional<tls::ClientContext> tls_;
  std::string host_;
  std::vector<std::unique_ptr<http::AsyncClient>> idle_;
  std::set<http::AsyncClient*> busy_;     // in frames of send()
  std::set<asio::steady_timer*> timers_;  // in frames of wait()
  bool is_cancelled_ = false;
};

RestApi::RestApi(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RestApi::~RestApi() = default;

Result<std::unique_ptr<RestApi>> RestApi::create(asio::any_io_executor executor, Config config) {
  std::optional<tls::ClientContext> tls;
  if (config.tls) {
    GENESIS_ASSIGN(tls, tls::ClientContext::create(*config.tls));
  }
  GENESIS_ASSIGN(const auto client, http::AsyncClient::create(executor, config.server, tls));
  http::Url url = client.url();
  auto impl = std::make_unique<Impl>(
      std::move(executor), std::move(config), std::move(tls), std::move(url));
  return std::unique_ptr<RestApi>(new RestApi(std::move(impl)));
}

void RestApi::on_request(Observer observer) {
  impl_->on_request = std::move(observer);
}

void RestApi::cancel() {
  impl_->cancel();
}

asio::awaitable<Result<Json>> RestApi::get(Resource resource,
                                           ObjectKey key,
                                           Milliseconds deadline) {
  if (Status status = check_key(resource, key); !status) {
    co_return tl::unexpected(std::move(status).error());
  }
  Call call;
  call.path = object_path(resource, key.ns, key.name);
  call.deadline = deadline;
  co_return co_await impl_->call_for_object(std::move(call), resource);
}

asio::awaitable<Result<ListPage>> RestApi::list(Resource resource, ListOptions options) {
  Query query;
  query.add("labelSelector", options.label_selector);
  query.add("fieldSelector", options.field_selector);
  query.add("limit", options.limit == 0 ? "" : std::to_string(options.limit));
  query.add("continue", options.continue_token);
  // A continue token carries its own version.
  query.add("resourceVersion", options.continue_token.empty() ? options.resource_version : "");
  Call call;
  call.path = collection_path(resource, options.ns) + query.str();
  call.accept = options.detail == Detail::kWhole ? kJson : kMetadataList;
  call.deadline = options.deadline;
  call.max_body = kMaxList;
  call.stop = options.stop;
  Result<http::ClientResponse> answer = co_await impl_->call(std::move(call));
  if (!answer) {
    co_return tl::unexpected(std::move(answer).error());
  }
  Result<Json> json = parse_json(answer->body, "list");
  answer->body = {};  // the peak of memory: text and values of a page
  if (!json) {
    co_return tl::unexpected(std::move(json).error());
  }
  ListPage page;
  page.resource_version = metadata_text(*json, "resourceVersion");
  page.continue_token = metadata_text(*json, "continue");
  const auto items = json->is_object() ? json->find("items") : json->end();
  if (items == json->end() || page.resource_version.empty()) {
    co_return fail(Errc::kDataLoss, std::string(resource.plural) + ": the answer is no list");
  }
  if (items->is_array()) {  // Go writes an empty list as null
    for (Json& item : *items) {
      set_kind(item, resource);
      page.items.push_back(std::move(item));
    }
  }
  co_return page;
}

asio::awaitable<Status> RestApi::watch(Resource resource,
                                       WatchOptions options,
                                       WatchHandler handler) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.timeout);
  Query query;
  query.add("watch", "true");
  query.add("allowWatchBookmarks", "true");
  query.add("resourceVersion", options.resource_version);
  query.add("labelSelector", options.label_selector);
  query.add("fieldSelector", options.field_selector);
  query.add("timeoutSeconds", std::to_string(seconds.count()));
  WatchParser parser;
  Call call;
  call.path = collection_path(resource, options.ns) + query.str();
  call.accept = options.detail == Detail::kWhole ? kJson : kMetadata;
  call.deadline = options.timeout + kWatchGrace;
  call.stop = options.stop;
  call.sink = [&parser, &handler, resource](std::string_view part) -> Status {
    GENESIS_ASSIGN(auto events, parser.feed(part));
    for (WatchEvent& event : events) {
      if (event.type == WatchEventType::kError) {
        return tl::unexpected(error_of_status(event.object));
      }
      set_kind(event.object, resource);
      handler(std::move(event));
    }
    return {};
  };
  const Result<http::ClientResponse> answer = co_await impl_->call(std::move(call));
  if (!answer) {
    co_return tl::unexpected(answer.error());
  }
  co_return Status{};
}

asio::awaitable<Result<Json>> RestApi::create(Resource resource,
                                              Json object,
                                              WriteOptions options) {
  set_kind(object, resource);
  const ObjectKey key = key_of(object);
  if (Status status = check_key(resource, key); !status) {
    co_return tl::unexpected(std::move(status).error());
  }
  Call call;
  call.method = "POST";
  call.path =
      collection_path(resource, key.ns) + write_query(options.field_manager, options.dry_run);
  call.body = dump_json(object);
  call.deadline = options.deadline;
  co_return co_await impl_->call_for_object(std::move(call), resource);
}

asio::awaitable<Result<Json>> RestApi::replace(Resource resource,
                                               Json object,
                                               WriteOptions options) {
  set_kind(object, resource);
  const ObjectKey key = key_of(object);
  if (Status status = check_key(resource, key); !status) {
    co_return tl::unexpected(std::move(status).error());
  }
  Call call;
  call.method = "PUT";
  call.path =
      object_path(resource, key.ns, key.name) + write_query(options.field_manager, options.dry_run);
  call.body = dump_json(object);
  call.deadline = options.deadline;
  co_return co_await impl_->call_for_object(std::move(call), resource);
}

asio::awaitable<Result<Json>> RestApi::patch(Resource resource,
                                             ObjectKey key,
                                             Json body,
                                             PatchOptions options) {
  if (Status status = check_key(resource, key); !status) {
    co_return tl::unexpected(std::move(status).error());
  }
  Call call;
  call.method = "PATCH";
  call.path = object_path(resource, key.ns, key.name, options.subresource) +
              write_query(options.field_manager, options.dry_run);
  if (options.kind == PatchKind::kApply) {
    set_kind(body, resource);
    call.content_type = "application/apply-patch+yaml";  // JSON is YAML
    call.path += options.force == Force::kYes ? "&force=true" : "";
  } else {
    call.content_type = "application/merge-patch+json";
  }
  call.body = dump_json(body);
  call.deadline = options.deadline;
  co_return co_await impl_->call_for_object(std::move(call), resource);
}

asio::awaitable<Status> RestApi::remove(Resource resource, ObjectKey key, DeleteOptions options) {
  if (Status status = check_key(resource, key); !status) {
    co_return status;
  }
  Json body = Json::object();
  body["apiVersion"] = "v1";
  body["kind"] = "DeleteOptions";
  body["propagationPolicy"] = word(options.propagation);
  if (!options.uid.empty()) {
    body["preconditions"]["uid"] = options.uid;
  }
  if (!options.resource_version.empty()) {
    body["preconditions"]["resourceVersion"] = options.resource_version;
  }
  Call call;
  call.method = "DELETE";
  call.path = object_path(resource, key.ns, key.name);
  call.body = dump_json(body);
  call.deadline = options.deadline;
  const Result<http::ClientResponse> answer = co_await impl_->call(std::move(call));
  if (!answer && answer.error().code != Errc::kNotFound) {
    co_return tl::unexpected(answer.error());
  }
  co_return Status{};
}

asio::awaitable<Result<std::string>> RestApi::server_version(Milliseconds deadline) {
  Call call;
  call.path = "/version";
  call.deadline = deadline;
  const Result<http::ClientResponse> answer = co_await impl_->call(std::move(call));
  if (!answer) {
    co_return tl::unexpected(answer.error());
  }
  Result<Json> json = parse_json(answer->body, "version");
  if (!json) {
    co_return tl::unexpected(std::move(json).error());
  }
  co_return text_field(*json, "gitVersion");
}

}  // namespace genesis::k8s
