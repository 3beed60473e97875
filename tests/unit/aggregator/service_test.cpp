#include "aggregator/service.hpp"

#include <filesystem>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/crypto/digest.hpp"
#include "common/http/worker_pool.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/contribution.hpp"
#include "common/wire/transfer.hpp"
#include "tests/unit/aggregator/training.hpp"

namespace genesis::aggregator {
namespace {

struct Answer {
  int status = 0;
  std::string body;
  http::Headers headers;
  bool was_read = false;  // whether the request's body was asked for
};

// A small training behind its HTTP face, without a network. Its updates go in chunks of 100 bytes.
class Face {
 public:
  Face() : Face(spec::Override{"rounds.retries", "2"}) {}
  explicit Face(const spec::Override& override) : training("  local: {batchSize: 4}", {override}) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "genesis-service-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    ServiceOptions options;
    options.uploads = folder_ / "uploads";
    service_.emplace(io_.get_executor(), training.coordinator, clock_, std::move(options));
  }
  ~Face() {
    service_.reset();
    std::filesystem::remove_all(folder_);
  }
  Face(const Face&) = delete;
  Face& operator=(const Face&) = delete;

  Answer ask(const std::string& method,
             const std::string& path,
             std::string body = "",
             const http::Headers& headers = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.headers = headers;
    request.content_length = body.size();
    const auto handler = service_->handler();
    auto admitted = handler.admit(request);
    if (const auto* settled = std::get_if<http::Response>(&admitted)) {
      return {settled->status, std::string(settled->bytes()), settled->headers, false};
    }
    if (body.size() > std::get<http::Admission>(admitted).max_body) {
      return {413, "", {}, false};
    }
    request.body = std::move(body);
    io_.restart();
    auto done = boost::asio::co_spawn(io_, handler.respond(request), boost::asio::use_future);
    io_.run_for(std::chrono::seconds(10));
    const auto response = done.get();
    return {response.status, std::string(response.bytes()), response.headers, true};
  }

  // The chunk of `upload` that begins at `begin`.
  Answer put(const std::string& path,
             const std::string& upload,
             std::uint64_t begin,
             const std::string& encoding = "") {
    auto request = request_of("PUT", path, upload, begin);
    if (!encoding.empty()) {
      request.headers.push_back({"Content-Encoding", encoding});
    }
    return ask("PUT", path, std::move(request.body), request.headers);
  }
  static http::Request request_of(const std::string& method,
                                  const std::string& path,
                                  const std::string& upload,
                                  std::uint64_t begin) {
    const auto sha256 = crypto::sha256_hex(upload);
    const auto chunk = *wire::next_chunk(upload, sha256, {sha256, upload.size(), begin}, kChunk);
    const auto text = wire::headers_of(chunk);
    http::Request request;
    request.method = method;
    request.path = path;
    request.headers = {{"Content-Range", text.content_range},
                       {"Content-Digest", text.content_digest},
                       {"Repr-Digest", text.repr_digest}};
    request.body = upload.substr(begin, chunk.end - begin);
    return request;
  }
  // The last chunk, decoded by another thread, and how far the upload is said to be meanwhile: the
  // statuses of both.
  std::pair<int, int> put_and_ask(const std::string& path,
                                  const std::string& upload,
                                  std::uint64_t begin) {
    http::WorkerPool pool(1);
    const auto handler = service_->handler();
    auto last = request_of("PUT", path, upload, begin);
    last.pool = &pool;
    http::Request question;
    question.method = "GET";
    question.path = path;
    io_.restart();
    // Both are on the loop before it runs, so the question comes before what the pool hands back.
    auto put = boost::asio::co_spawn(io_, handler.respond(last), boost::asio::use_future);
    auto asked = boost::asio::co_spawn(io_, handler.respond(question), boost::asio::use_future);
    io_.run_for(std::chrono::seconds(10));
    pool.join();
    return {put.get().status, asked.get().status};
  }
  Answer put_all(const std::string& path,
                 const std::string& upload,
                 const std::string& encoding = "") {
    Answer last;
    for (std::uint64_t begin = 0; begin < upload.size(); begin += kChunk) {
      last = put(path, upload, begin, encoding);
      CHECK(last.status == (begin + kChunk < upload.size() ? 202 : 200));
    }
    return last;
  }
  [[nodiscard]] std::uint64_t offset(const std::string& path) {
    return wire::decode_upload_progress(ask("GET", path).body)->offset;
  }
  [[nodiscard]] const rounds::State& state() const { return training.coordinator.state(); }

  static constexpr std::uint64_t kChunk = 100;
  Training training;

 private:
  std::filesystem::path folder_;
  boost::asio::io_context io_;
  SteadyClock clock_;
  std::optional<Service> service_;
};

const std::string kOfA = "/v1/collections/2/contributions/a";

std::string message_of(const Answer& answer) {
  return nlohmann::json::parse(answer.body).value("message", "");
}

}  // namespace

TEST_CASE("aggregator: an update in chunks is folded as the same update in one", "[aggregator]") {
  Face in_chunks;
  Face in_one;
  const auto update = wire::encode(in_one.training.update("a", 1, 1.0F));
  in_chunks.put_all(kOfA, update);
  CHECK(in_one.ask("PUT", kOfA, update).status == 200);
  for (auto* served : {&in_chunks, &in_one}) {
    REQUIRE(served->training.send(served->training.update("b", 1, 2.0F)));
  }
  CHECK(in_chunks.training.global() == in_one.training.global());
}

TEST_CASE("aggregator: who asks is told where its upload stands", "[aggregator]") {
  Face served;
  const auto update = wire::encode(served.training.update("a", 1, 1.0F));
  CHECK(served.offset(kOfA) == 0);
  CHECK(served.put(kOfA, update, 0).status == 202);
  CHECK(served.offset(kOfA) == 100);
  const auto gap = served.put(kOfA, update, 300);
  CHECK(gap.status == 416);
  CHECK(wire::decode_upload_progress(gap.body)->offset == 100);
  CHECK(served.put(kOfA, update, 0).status == 202);  // the same again
  CHECK(served.offset(kOfA) == 100);
  served.put_all(kOfA, update);
  CHECK(served.offset(kOfA) == update.size());
}

TEST_CASE("aggregator: an update that has been taken is answered without its bytes",
          "[aggregator]") {
  Face served;
  const auto update = wire::encode(served.training.update("a", 1, 1.0F));
  served.put_all(kOfA, update);
  const auto again = served.put(kOfA, update, 0);
  CHECK(again.status == 200);
  CHECK_FALSE(again.was_read);
  const auto other = served.put(kOfA, wire::encode(served.training.update("a", 1, 2.0F)), 0);
  CHECK(other.status == 409);
  CHECK_FALSE(other.was_read);
  CHECK_THAT(message_of(other), ContainsSubstring("another contribution to collection 2"));
  // Its round has closed meanwhile: the same again is still no error.
  REQUIRE(served.training.send(served.training.update("b", 1, 1.0F)));
  REQUIRE(round_of(served.training.coordinator) == RoundId{2});
  CHECK(served.put(kOfA, update, 0).status == 200);
  CHECK(served.ask("GET", kOfA).status == 200);
}

TEST_CASE("aggregator: what is not awaited is refused before it travels", "[aggregator]") {
  Face served;
  const auto update = wire::encode(served.training.update("a", 1, 1.0F));
  const auto refused = [&](const std::string& path, int status, const char* words) {
    const auto answer = served.put(path, update, 0);
    INFO(path << ": " << answer.body);
    CHECK(answer.status == status);
    CHECK_FALSE(answer.was_read);
    CHECK_THAT(message_of(answer), ContainsSubstring(words));
    return answer;
  };
  const auto future =
      refused("/v1/collections/99/contributions/a", 409, "a round that has not opened");
  CHECK(nlohmann::json::parse(future.body).at("round") == 1);
  refused("/v1/collections/0/contributions/a", 409, "the current round is 1");
  refused("/v1/collections/2/contributions/c", 412, "client c: join first");
  refused("/v1/collections/x/contributions/a", 404, "no such resource");
  refused("/v1/collections/2/contributions/-", 404, "no such resource");
  refused("/v1/collections/2/elsewhere", 404, "no such resource");
  CHECK(served.ask("GET", "/v1/collections/3/contributions/a").status == 409);
  CHECK(served.ask("GET", "/v1/collections/2/contributions/c").status == 412);
}

TEST_CASE("aggregator: chunks that cannot be are refused before they travel", "[aggregator]") {
  Face served;
  const auto refused = [&](const char* range, int status) {
    const auto digest = std::string("sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:");
    const auto answer =
        served.ask("PUT",
                   kOfA,
                   "x",
                   {{"Content-Range", range}, {"Content-Digest", digest}, {"Repr-Digest", digest}});
    INFO(range << ": " << answer.body);
    CHECK(answer.status == status);
    CHECK_FALSE(answer.was_read);
  };
  refused("bytes 0-0/99999999999", 413);
  refused("bytes 1-0/2", 400);
  refused("nonsense", 400);
  CHECK(served.ask("PUT", kOfA, "x", {{"Content-Range", "bytes 0-0/1"}}).status == 400);
  CHECK(served.ask("PUT", kOfA, std::string(wire::kMaxChunkBytes + 1, 'x')).status == 413);
  CHECK(served.state().members.at(id("a")).standing.invalid_updates == 0);
}

TEST_CASE("aggregator: a whole that is no update counts as a failure of its client",
          "[aggregator]") {
  Face served(spec::Override{"rounds.maxFailures", "9"});
  const std::string garbage(250, 'x');
  CHECK(served.put(kOfA, garbage, 0).status == 202);
  CHECK(served.put(kOfA, garbage, 100).status == 202);
  const auto refused = served.put(kOfA, garbage, 200);
  CHECK(refused.status == 413);
  CHECK_THAT(message_of(refused), ContainsSubstring("contribution of client a: safetensors"));
  CHECK(served.offset(kOfA) == 0);
  const auto empty = served.ask("PUT", kOfA, "");
  CHECK(empty.status == 422);
  CHECK_THAT(message_of(empty), ContainsSubstring("contribution of client a"));
  CHECK(served.state().members.at(id("a")).standing.invalid_updates == 2);
  served.put_all(kOfA, wire::encode(served.training.update("a", 1, 1.0F)));
}

TEST_CASE("aggregator: a contribution is decoded beside the loop, and not taken twice meanwhile",
          "[aggregator]") {
  Face served;
  const auto update = wire::encode(served.training.update("a", 1, 1.0F));
  const auto before_last = (update.size() - 1) / Face::kChunk * Face::kChunk;
  for (std::uint64_t begin = 0; begin < before_last; begin += Face::kChunk) {
    REQUIRE(served.put(kOfA, update, begin).status == 202);
  }
  const auto [last, meanwhile] = served.put_and_ask(kOfA, update, before_last);
  CHECK(last == 200);
  CHECK(meanwhile == 503);
  CHECK(served.state().open.reported == std::set<ClientId>{id("a")});
  CHECK(served.offset(kOfA) == update.size());
}

TEST_CASE("aggregator: compressed updates and parameters are those of the spec", "[aggregator]") {
  const auto [name, unknown] = GENERATE(
      Catch::Generators::table<const char*, const char*>({{"gzip", "br"}, {"zstd", "deflate"}}));
  Face served(spec::Override{"communication.compression", name});
  const auto plain = served.ask("GET", "/v1/collections/2/documents/parameters");
  CHECK(http::find_header(plain.headers, "Content-Encoding").empty());
  const http::Headers wanted{{"Accept-Encoding", name}};
  const auto packed = served.ask("GET", "/v1/collections/2/documents/parameters", "", wanted);
  CHECK(http::find_header(packed.headers, "Content-Encoding") == name);
  CHECK(http::find_header(packed.headers, "ETag") != http::find_header(plain.headers, "ETag"));
  CHECK(wire::decompress(name, packed.body, plain.body.size()) == plain.body);

  const auto update = *wire::compress(name, wire::encode(served.training.update("a", 1, 1.0F)));
  served.put_all(kOfA, update, name);
  const auto of_b = *wire::compress(name, wire::encode(served.training.update("b", 1, 1.0F)));
  const auto refused =
      served.ask("PUT", "/v1/collections/2/contributions/b", of_b, {{"Content-Encoding", unknown}});
  CHECK(refused.status == 400);
  CHECK_THAT(message_of(refused), ContainsSubstring("Content-Encoding"));
}

TEST_CASE("aggregator: parameters go on after a cut where the client has them", "[aggregator]") {
  Face served;
  const auto whole = served.ask("GET", "/v1/collections/2/documents/parameters");
  const std::string etag(http::find_header(whole.headers, "ETag"));
  CHECK(etag == "\"" + crypto::sha256_hex(whole.body) + "\"");
  const auto rest = served.ask("GET",
                               "/v1/collections/2/documents/parameters",
                               "",
                               {{"Range", "bytes=1000-"}, {"If-Range", etag}});
  CHECK(rest.status == 206);
  CHECK(rest.body == whole.body.substr(1000));
}

TEST_CASE("aggregator: a client whose chunks arrive is not silent", "[aggregator]") {
  Face served;
  auto& coordinator = served.training.coordinator;
  const auto later = served.training.now + std::chrono::seconds(299);
  REQUIRE(coordinator.announce({id("a")}, CollectionId{2}, std::nullopt, later));
  coordinator.tick(later + std::chrono::seconds(1));
  CHECK_FALSE(coordinator.state().members.at(id("a")).standing.is_lost);
  CHECK(coordinator.state().members.at(id("b")).standing.is_lost);
}

}  // namespace genesis::aggregator
