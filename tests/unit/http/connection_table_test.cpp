#include "common/http/connection_table.hpp"

#include <algorithm>
#include <map>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using namespace genesis::http;

namespace {

using Bounds = ConnectionTable::Bounds;
using Peer = ConnectionTable::Peer;
using Ids = std::vector<ConnectionId>;

Peer from(std::string address) {
  return Peer{.address = std::move(address)};
}
Peer named(std::string name) {
  return Peer{.address = "shared", .name = std::move(name)};
}
Peer a_member(std::string name) {
  return Peer{.address = "shared", .name = std::move(name), .is_member = true};
}

const Bounds kRoomy{.total = 8, .of_a_name = 8, .of_an_address = 8, .reserved_for_members = 0};

}  // namespace

TEST_CASE("http: the peer that has most makes room, from its oldest", "[http]") {
  ConnectionTable table(kRoomy);
  CHECK(table.put(1, from("quiet")).empty());
  for (ConnectionId id = 2; id <= 6; ++id) {
    CHECK(table.put(id, from("greedy")).empty());
  }
  CHECK(table.put(7, from("other")).empty());
  CHECK(table.put(8, from("other")).empty());
  CHECK(table.put(9, from("new")) == Ids{2});
  CHECK(table.put(10, from("greedy")) == Ids{3});
  CHECK(table.size() == 8);
}

TEST_CASE("http: of peers that have equally many the one with the oldest makes room", "[http]") {
  ConnectionTable table(kRoomy);
  for (ConnectionId id = 1; id <= 8; ++id) {
    CHECK(table.put(id, from(std::to_string(100 - id))).empty());
  }
  CHECK(table.put(9, from("new")) == Ids{1});
}

TEST_CASE("http: a name has its own bound, and its address another", "[http]") {
  ConnectionTable table(
      {.total = 100, .of_a_name = 2, .of_an_address = 3, .reserved_for_members = 0});
  CHECK(table.put(1, named("a")).empty());
  CHECK(table.put(2, named("a")).empty());
  CHECK(table.put(3, named("a")) == Ids{1});
  CHECK(table.put(4, named("b")).empty());  // of the same address, which does not count for it
  for (ConnectionId id = 5; id <= 7; ++id) {
    CHECK(table.put(id, from("shared")).empty());
  }
  CHECK(table.put(8, from("shared")) == Ids{5});
  Peer trusted = from("shared");
  trusted.is_authenticated = true;
  CHECK(table.put(9, trusted).empty());  // with the token, apart from those without
  CHECK(table.size() == 7);
}

TEST_CASE("http: a connection moves to its peer once that is known", "[http]") {
  ConnectionTable table(
      {.total = 100, .of_a_name = 2, .of_an_address = 2, .reserved_for_members = 0});
  CHECK(table.put(1, from("shared")).empty());
  CHECK(table.put(1, named("a")).empty());
  CHECK(table.put(2, from("shared")).empty());
  CHECK(table.put(3, from("shared")).empty());
  CHECK(table.put(2, named("a")).empty());
  CHECK(table.put(3, named("a")) == Ids{1});
  table.remove(2);
  table.remove(2);
  table.remove(99);
  CHECK(table.size() == 1);
}

TEST_CASE("http: places are reserved for members", "[http]") {
  ConnectionTable table(
      {.total = 8, .of_a_name = 2, .of_an_address = 8, .reserved_for_members = 3});
  for (ConnectionId id = 1; id <= 5; ++id) {
    CHECK(table.put(id, from(std::to_string(id))).empty());
  }
  CHECK(table.put(6, from("6")) == Ids{1});
  CHECK(table.put(7, from("shared")) == Ids{2});
  CHECK(table.put(7, a_member("site")).empty());  // leaves the strangers' places
  CHECK(table.put(8, from("8")).empty());
  CHECK(table.put(9, a_member("site")).empty());
  CHECK(table.put(10, a_member("other")).empty());
  CHECK(table.size() == 8);
  // Members fill each other's places by the same rule: "site" has most.
  CHECK(table.put(11, a_member("third")) == Ids{7});
}

TEST_CASE("http: a member that has left the members counts among the others", "[http]") {
  ConnectionTable table(
      {.total = 4, .of_a_name = 4, .of_an_address = 4, .reserved_for_members = 2});
  CHECK(table.put(1, a_member("a")).empty());
  CHECK(table.put(2, a_member("a")).empty());
  CHECK(table.put(3, from("x")).empty());
  CHECK(table.put(4, from("y")).empty());
  CHECK(table.put(2, named("a")) == Ids{1, 2});
  CHECK(table.size() == 2);
}

TEST_CASE("http: no order of arrivals breaks a bound or closes more than it must",
          "[http][property]") {
  REQUIRE(rc::check("bounds hold", [] {
    const auto total = *rc::gen::inRange<std::size_t>(2, 12);
    const Bounds bounds{.total = total,
                        .of_a_name = *rc::gen::inRange<std::size_t>(1, 5),
                        .of_an_address = *rc::gen::inRange<std::size_t>(1, 8),
                        .reserved_for_members = *rc::gen::inRange<std::size_t>(0, total / 2 + 1)};
    ConnectionTable table(bounds);
    std::map<ConnectionId, Peer> open;
    ConnectionId last = 0;
    for (int i = 0; i < 60; ++i) {
      const int action = *rc::gen::inRange(0, 4);
      ConnectionId id = ++last;
      if (action == 3 && !open.empty()) {
        id = std::next(open.begin(), *rc::gen::inRange<int>(0, static_cast<int>(open.size())))
                 ->first;
      }
      if (action == 2 && !open.empty()) {
        id = open.begin()->first;
        table.remove(id);
        open.erase(id);
        continue;
      }
      const auto letter = std::string(1, static_cast<char>('a' + *rc::gen::inRange(0, 5)));
      const bool is_member = letter < "c";
      const Peer peer = *rc::gen::element(
          from(letter), Peer{.address = letter, .name = letter, .is_member = is_member});
      const std::size_t before = open.size();
      open[id] = peer;
      const auto closed = table.put(id, peer);
      RC_ASSERT(closed.size() <= 1 + (open.size() > before ? 1U : 0U) + before);
      for (const ConnectionId gone : closed) {
        RC_ASSERT(open.erase(gone) == 1);
      }
      RC_ASSERT(table.size() == open.size());
      RC_ASSERT(open.size() <= bounds.total);
      std::map<std::string, std::size_t> of_a_name;
      std::map<std::string, std::size_t> of_an_address;
      std::size_t others = 0;
      for (const auto& [key, one] : open) {
        others += one.is_member ? 0 : 1;
        ++(one.name.empty() ? of_an_address[one.address] : of_a_name[one.name]);
      }
      RC_ASSERT(others <= bounds.total - bounds.reserved_for_members);
      for (const auto& [name, count] : of_a_name) {
        RC_ASSERT(count <= bounds.of_a_name);
      }
      for (const auto& [address, count] : of_an_address) {
        RC_ASSERT(count <= bounds.of_an_address);
      }
    }
  }));
}
