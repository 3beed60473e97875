#pragma once
// Which connections a server keeps when more come than it holds, as pure bookkeeping: the server
// says what it knows of each, and is told which ones to close. Room is made by the peer that has
// most, from its oldest, so whoever fills a server closes its own connections. Private to this
// folder; used by server.cpp.
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace genesis::http {

/// A connection: rises in the order of arrival.
using ConnectionId = std::uint64_t;

class ConnectionTable {
 public:
  struct Bounds {
    std::size_t total = 0;                 // at least 1
    std::size_t of_a_name = 0;             // at least 1
    std::size_t of_an_address = 0;         // at least 1
    std::size_t reserved_for_members = 0;  // of the total
  };

  /// Who is at the other end, as far as that is known by now.
  struct Peer {
    std::string address = {};
    std::string name = {};          // of its certificate; "" without one
    bool is_authenticated = false;  // without a name: it has shown a secret that the members share
    bool is_member = false;         // may use the reserved places
    bool operator==(const Peer&) const = default;
  };

  explicit ConnectionTable(const Bounds& bounds) : bounds_(bounds) {}

  /// Adds a connection, or says what has been learnt of it. Returns those to close, which are no
  /// longer counted: of a peer that now has too many its oldest, and where all have too many the
  /// oldest of the peer that has most.
  [[nodiscard]] std::vector<ConnectionId> put(ConnectionId id, const Peer& peer);
  void remove(ConnectionId id);

  [[nodiscard]] std::size_t size() const { return peers_.size(); }

 private:
  enum class Kind { kAddress, kAuthenticatedAddress, kName };
  struct Key {
    Kind kind = Kind::kAddress;
    std::string text;
    auto operator<=>(const Key&) const = default;
  };
  struct Group {
    std::set<ConnectionId> connections;
    bool is_member = false;
  };
  using Groups = std::map<Key, Group>;
  enum class Among { kAll, kOthersThanMembers };

  static Key key_of(const Peer& peer);
  [[nodiscard]] std::size_t bound_of(const Key& key) const;
  ConnectionId take_oldest(Groups::iterator group);
  Groups::iterator heaviest(Among among);

  Bounds bounds_;
  Groups groups_;  // none is empty
  std::map<ConnectionId, Key> peers_;
  std::size_t members_ = 0;  // connections in groups of members
};

}  // namespace genesis::http
