#pragma once
// Identifiers that must not be swapped for one another.
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis {

/// Name of one site: 1 to 63 of [a-z0-9A-Z._-], starting with a letter or digit, so that it is
/// safe in paths, certificates and labels alike. Equals the CN of the site's client certificate.
class ClientId {
 public:
  static Result<ClientId> parse(std::string_view text);
  [[nodiscard]] const std::string& str() const { return text_; }
  auto operator<=>(const ClientId&) const = default;

 private:
  explicit ClientId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// What the sites of a run are asked for, one thing after the other; counts from 1. With the run
/// and the client it is the key under which an answer is sent and sent again.
struct CollectionId {
  std::uint32_t value = 0;
  auto operator<=>(const CollectionId&) const = default;
};

/// Rounds of training count from 1; 0 means that none has started.
struct RoundId {
  std::uint32_t value = 0;
  auto operator<=>(const RoundId&) const = default;
};

}  // namespace genesis
