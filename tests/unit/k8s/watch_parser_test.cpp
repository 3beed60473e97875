#include "common/k8s/watch_parser.hpp"

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::k8s;

namespace {

const std::string kStream =
    R"({"type":"ADDED","object":{"kind":"Job","metadata":{"name":"a","resourceVersion":"7"}}})"
    "\n"
    R"({"type":"MODIFIED","object":{"metadata":{"name":"a","note":"caf\u00e9 \"}{\" ü"}}})"
    "\r\n\n"
    R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12"}}})"
    "\n"
    R"({"type":"DELETED","object":{"metadata":{"name":"a"}}})"
    "\n"
    R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
    "\n";

std::string told(const std::vector<WatchEvent>& events) {
  std::string text;
  for (const WatchEvent& event : events) {
    text += std::to_string(static_cast<int>(event.type)) + event.object.dump() + "\n";
  }
  return text;
}

std::string parse(std::span<const std::string> pieces) {
  WatchParser parser;
  std::string text;
  for (const std::string& piece : pieces) {
    const auto events = parser.feed(piece);
    REQUIRE(events);
    text += told(*events);
  }
  CHECK(parser.is_between_events());
  return text;
}

Error failure_of(const std::string& text, std::size_t max_line = WatchParser::kMaxLineBytes) {
  WatchParser parser(max_line);
  const auto events = parser.feed(text);
  REQUIRE_FALSE(events);
  return events.error();
}

}  // namespace

TEST_CASE("k8s: a watch's lines become events in order", "[k8s]") {
  WatchParser parser;
  const auto events = parser.feed(kStream);
  REQUIRE(events);
  REQUIRE(events->size() == 5);
  CHECK((*events)[0].type == WatchEventType::kAdded);
  CHECK((*events)[0].object["metadata"]["name"] == "a");
  CHECK((*events)[1].type == WatchEventType::kModified);
  CHECK((*events)[1].object["metadata"]["note"] == "caf\u00e9 \"}{\" \u00fc");
  CHECK((*events)[2].type == WatchEventType::kBookmark);
  CHECK((*events)[3].type == WatchEventType::kDeleted);
  CHECK((*events)[4].type == WatchEventType::kError);
  CHECK((*events)[4].object["code"] == 410);
}

TEST_CASE("k8s: a watch cut at any byte gives the same events", "[k8s]") {
  const std::string whole = parse(std::vector{kStream});
  for (std::size_t cut = 0; cut <= kStream.size(); ++cut) {
    const std::vector pieces{kStream.substr(0, cut), kStream.substr(cut)};
    REQUIRE(parse(pieces) == whole);
  }
  std::vector<std::string> bytes;
  for (const char byte : kStream) {
    bytes.emplace_back(1, byte);
  }
  CHECK(parse(bytes) == whole);
}

TEST_CASE("k8s: a watch cut anywhere, many times, gives the same events", "[k8s][property]") {
  const std::string whole = parse(std::vector{kStream});
  REQUIRE(rc::check("pieces do not matter", [&](const std::vector<std::uint8_t>& sizes) {
    std::vector<std::string> pieces;
    std::size_t at = 0;
    for (const std::uint8_t size : sizes) {
      pieces.push_back(kStream.substr(std::min(at, kStream.size()), size));
      at += size;
    }
    pieces.push_back(kStream.substr(std::min(at, kStream.size())));
    RC_ASSERT(parse(pieces) == whole);
  }));
}

TEST_CASE("k8s: an event in the making is not lost and not told", "[k8s]") {
  WatchParser parser;
  CHECK(parser.feed(kStream.substr(0, 40))->empty());
  CHECK_FALSE(parser.is_between_events());
}

TEST_CASE("k8s: what is no event ends the watch", "[k8s]") {
  CHECK(failure_of("<html>\n").code == Errc::kDataLoss);
  CHECK_THAT(failure_of("{\"type\":\"RENAMED\",\"object\":{}}\n").message,
             ContainsSubstring("unknown type \"RENAMED\""));
  CHECK(failure_of("{\"type\":\"ADDED\"}\n").code == Errc::kDataLoss);
  CHECK(failure_of("{\"type\":\"ADDED\",\"object\":[]}\n").code == Errc::kDataLoss);
  CHECK(failure_of("[1]\n").code == Errc::kDataLoss);
  CHECK_THAT(failure_of("{\"type\":\"ADDED\",\"object\":" + std::string(200, '[') + "\n").message,
             ContainsSubstring("deeper"));
}

TEST_CASE("k8s: a line above its bound is refused before it is kept", "[k8s]") {
  CHECK(failure_of(std::string(101, ' '), 100).code == Errc::kResourceExhausted);
  CHECK(failure_of(std::string(101, ' ') + "\n", 100).code == Errc::kResourceExhausted);
  WatchParser parser(100);
  CHECK(parser.feed(std::string(60, ' ')));
  CHECK_FALSE(parser.feed(std::string(60, ' ')));
}
