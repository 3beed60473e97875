#include "common/k8s/rest_api.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/http/url.hpp"
#include "common/k8s/json_text.hpp"
#include "common/k8s/rest_transport.hpp"
#include "common/k8s/status_error.hpp"
#include "common/k8s/watch_parser.hpp"

namespace genesis::k8s {
namespace {

namespace asio = boost::asio;

constexpr std::uint64_t kMaxList = std::uint64_t{256} << 20;
// Between the server's end of a watch and ours.
constexpr Milliseconds kWatchGrace{30'000};

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

// POST makes a new object in its collection, PUT replaces the one of its name.
Result<Call> write_call(std::string_view method,
                        const Resource& resource,
                        Json object,
                        const WriteOptions& options) {
  set_kind(object, resource);
  const ObjectKey key = key_of(object);
  GENESIS_RETURN_IF_ERROR(check_key(resource, key));
  Call call;
  call.method = method;
  call.path = (method == "POST" ? collection_path(resource, key.ns)
                                : object_path(resource, key.ns, key.name)) +
              write_query(options.field_manager, options.dry_run);
  call.body = dump_json(object);
  call.deadline = options.deadline;
  return call;
}

asio::awaitable<Result<Json>> call_for_object(RestTransport& transport,
                                              Result<Call> request,
                                              Resource resource) {
  if (!request) {
    co_return tl::unexpected(std::move(request).error());
  }
  Result<http::ClientResponse> answer = co_await transport.call(std::move(*request));
  if (!answer) {
    co_return tl::unexpected(std::move(answer).error());
  }
  Result<Json> object = parse_json(answer->body, "answer");
  if (object) {
    set_kind(*object, resource);
  }
  co_return object;
}

}  // namespace

RestApi::RestApi(std::unique_ptr<RestTransport> transport) : transport_(std::move(transport)) {}
RestApi::~RestApi() = default;

Result<std::unique_ptr<RestApi>> RestApi::create(asio::any_io_executor executor, Config config) {
  GENESIS_ASSIGN(auto transport, RestTransport::create(std::move(executor), std::move(config)));
  return std::unique_ptr<RestApi>(new RestApi(std::move(transport)));
}

void RestApi::on_request(Observer observer) {
  transport_->on_request(std::move(observer));
}

void RestApi::cancel() {
  transport_->cancel();
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
  Result<Call> request(std::move(call));
  co_return co_await call_for_object(*transport_, std::move(request), resource);
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
  call.accept = options.detail == Detail::kWhole ? call.accept : kMetadataList;
  call.deadline = options.deadline;
  call.max_body = kMaxList;
  call.stop = options.stop;
  Result<http::ClientResponse> answer = co_await transport_->call(std::move(call));
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
  call.accept = options.detail == Detail::kWhole ? call.accept : kMetadata;
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
  const Result<http::ClientResponse> answer = co_await transport_->call(std::move(call));
  if (!answer) {
    co_return tl::unexpected(answer.error());
  }
  co_return Status{};
}

asio::awaitable<Result<Json>> RestApi::create(Resource resource,
                                              Json object,
                                              WriteOptions options) {
  return call_for_object(
      *transport_, write_call("POST", resource, std::move(object), options), resource);
}

asio::awaitable<Result<Json>> RestApi::replace(Resource resource,
                                               Json object,
                                               WriteOptions options) {
  return call_for_object(
      *transport_, write_call("PUT", resource, std::move(object), options), resource);
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
  Result<Call> request(std::move(call));
  co_return co_await call_for_object(*transport_, std::move(request), resource);
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
  const Result<http::ClientResponse> answer = co_await transport_->call(std::move(call));
  if (!answer && answer.error().code != Errc::kNotFound) {
    co_return tl::unexpected(answer.error());
  }
  co_return Status{};
}

asio::awaitable<Result<std::string>> RestApi::server_version(Milliseconds deadline) {
  Call call;
  call.path = "/version";
  call.deadline = deadline;
  const Result<http::ClientResponse> answer = co_await transport_->call(std::move(call));
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
