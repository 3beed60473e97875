#pragma once
// What a site sends to be summed, whatever the method: the one type that travels from worker::Site
// through the aggregator into a fold. Values alone; wire/contribution.hpp is its form on the wire.
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/rounds/collection.hpp"

namespace genesis::rounds {

/// Unsigned counts, in the order that the method's ask defines. They add up exactly.
using Counts = std::vector<std::uint64_t>;

/// Numbers about how an answer came to be (losses, norms, seconds), by the method's names for them.
/// They are no part of the sum, and a site may keep them to itself.
using Telemetry = std::map<std::string, double>;
/// Of a value's magnitude: far beyond any honest one, and far from where sums lose the others'.
inline constexpr double kLargestTelemetry = 1e12;

/// Readable by whoever holds it.
struct Plain {
  std::variant<Counts, Tensors> values;
  bool operator==(const Plain&) const = default;
};
/// One message of a secure sum, by its stage: for who takes no part in it uniform bytes, public
/// keys or sealed shares.
struct Masked {
  Stage stage = Stage::kMasked;
  std::string message;
  bool operator==(const Masked&) const = default;
};
using Body = std::variant<Plain, Masked>;

struct Contribution {
  std::string run;
  CollectionId collection;
  std::uint32_t attempt = 1;  // of the collection or its secure sum, as the site was asked
  ClientId client;
  Body body;
  Telemetry telemetry = {};
  std::string ledger_head =
      {};  // of the site's privacy ledger once it was charged, signed; "": it has none
  bool operator==(const Contribution&) const = default;
};

}  // namespace genesis::rounds
