#pragma once
// Entries of a ledger as lines of JSON, each of which holds the SHA-256 of the one before it. Pure.
//
//   {"entry":{"kind":"charged",…,"previous":"<hash of the line before>","sequence":7},"hash":"…"}
//
// hash = SHA-256 over the text of "entry". A line is read back only if it is, byte for byte, what
// would be written for it.
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/error.hpp"
#include "common/privacy/cost.hpp"

namespace genesis::privacy {

/// The question that an answer belongs to. `attempt` is above 0 where the answer to an earlier
/// attempt was lost, so that new noise has to be drawn: it costs again.
struct Question {
  std::string run;
  std::uint32_t collection = 0;
  std::uint32_t attempt = 0;
  std::string query_sha256;  // what was asked, 64 hex digits
  bool operator==(const Question&) const = default;
};

/// The first entry: a data set by the name that its site gives it, an id that no other ledger has,
/// and the key by which heads are signed.
struct Opened {
  std::string data_set;
  std::string id;
  std::string public_key;  // of Ed25519, 64 hex digits
  bool operator==(const Opened&) const = default;
};

/// Spent from here on, whether or not an answer follows.
struct Charged {
  Question question;
  Cost cost;
  bool operator==(const Charged&) const = default;
};

/// The answer to the charge at `charge` is fixed: these bytes and no others leave the site.
struct Released {
  std::uint64_t charge = 0;
  std::string sha256;
  bool operator==(const Released&) const = default;
};

/// From here on this copy refuses charges: the ledger lives where the transfer is imported.
struct Exported {
  std::string transfer;
  bool operator==(const Exported&) const = default;
};

struct Imported {
  std::string transfer;
  bool operator==(const Imported&) const = default;
};

using Event = std::variant<Opened, Charged, Released, Exported, Imported>;

struct Entry {
  std::uint64_t sequence = 0;
  std::string previous;  // hash of the entry before; empty for the first
  std::string time;      // as the writer told it, RFC 3339; for people
  Event event;
  std::string hash;  // of this entry
  bool operator==(const Entry&) const = default;
};

/// The line of an entry with its hash, without the line break. `entry.hash` is ignored.
[[nodiscard]] std::string to_line(const Entry& entry);

/// Errors: kDataLoss for anything that to_line() would not have written.
[[nodiscard]] Result<Entry> parse_line(std::string_view line);

}  // namespace genesis::privacy
