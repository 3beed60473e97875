#pragma once
// Typed access to the fields of one JSON object, with errors that name the field: what decoders of
// messages, files and error bodies are written in. Unknown fields are never looked at, so newer
// peers may send them.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"

namespace genesis {

/// A view: the JSON outlives it. Every accessor answers kInvalidArgument "Message.field: expected
/// …, got …".
class Fields {
 public:
  /// `path` names the object in errors. Errors: kInvalidArgument when `json` is no object.
  [[nodiscard]] static Result<Fields> of(const nlohmann::json& json, std::string path);

  [[nodiscard]] bool has(std::string_view name) const;

  [[nodiscard]] Result<std::string> text(std::string_view name) const;
  /// A whole number in [0, 2^64).
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name) const;
  /// A whole number in [0, 2^32).
  [[nodiscard]] Result<std::uint32_t> small_count(std::string_view name) const;
  [[nodiscard]] Result<RoundId> round(std::string_view name) const;
  [[nodiscard]] Result<double> number(std::string_view name) const;
  /// nullopt when it is absent or null.
  [[nodiscard]] Result<std::optional<double>> optional_number(std::string_view name) const;
  /// An object of at most 64 numbers.
  [[nodiscard]] Result<std::map<std::string, double>> numbers(std::string_view name) const;
  [[nodiscard]] Result<ClientId> client(std::string_view name) const;
  [[nodiscard]] Result<Fields> object(std::string_view name) const;
  [[nodiscard]] Result<std::vector<Fields>> objects(std::string_view name) const;

  /// The field as `parse` reads it, its errors under the field's name.
  template <typename T>
  [[nodiscard]] Result<T> document(std::string_view name,
                                   Result<T> (*parse)(const nlohmann::json&)) const {
    GENESIS_ASSIGN(const nlohmann::json* value, find(name));
    auto parsed = parse(*value);
    if (!parsed) {
      return tl::unexpected(parsed.error().within(path_of(name)));
    }
    return parsed;
  }

  /// The error for a field that is not `expected`.
  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view name, std::string_view expected) const;

 private:
  Fields(const nlohmann::json& json, std::string path) : json_(&json), path_(std::move(path)) {}
  [[nodiscard]] Result<const nlohmann::json*> find(std::string_view name) const;
  [[nodiscard]] std::string path_of(std::string_view name) const;

  const nlohmann::json* json_;
  std::string path_;
};

}  // namespace genesis
