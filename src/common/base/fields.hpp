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

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/json_document.hpp"

namespace genesis {

/// A view: the document outlives it. Every accessor answers kInvalidArgument "Message.field:
/// expected …, got …".
class Fields {
 public:
  /// `path` names the object in errors. Errors: kInvalidArgument when `json` is no object.
  [[nodiscard]] static Result<Fields> of(JsonValue json, std::string path);

  [[nodiscard]] bool has(std::string_view name) const;

  [[nodiscard]] Result<std::string> text(std::string_view name) const;
  [[nodiscard]] Result<bool> boolean(std::string_view name) const;
  /// A whole number in [0, 2^64).
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name) const;
  /// A whole number in [0, 2^32).
  [[nodiscard]] Result<std::uint32_t> small_count(std::string_view name) const;
  [[nodiscard]] Result<RoundId> round(std::string_view name) const;
  [[nodiscard]] Result<double> number(std::string_view name) const;
  /// In [least, most], so that what a peer says of itself spoils no sum and no scale.
  [[nodiscard]] Result<double> number_within(std::string_view name,
                                             double least,
                                             double most) const;
  [[nodiscard]] Result<std::uint64_t> count_up_to(std::string_view name, std::uint64_t most) const;
  /// nullopt when it is absent or null.
  [[nodiscard]] Result<std::optional<double>> optional_number(std::string_view name) const;
  /// An object of at most 64 numbers, each in [-most, most].
  [[nodiscard]] Result<std::map<std::string, double>> numbers(std::string_view name,
                                                              double most) const;
  /// A list of texts.
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name) const;
  [[nodiscard]] Result<ClientId> client(std::string_view name) const;
  [[nodiscard]] Result<Fields> object(std::string_view name) const;
  [[nodiscard]] Result<std::vector<Fields>> objects(std::string_view name) const;

  /// The field as `parse` reads it, its errors under the field's name.
  template <typename T>
  [[nodiscard]] Result<T> document(std::string_view name, Result<T> (*parse)(JsonValue)) const {
    GENESIS_ASSIGN(const JsonValue value, find(name));
    auto parsed = parse(value);
    if (!parsed) {
      return tl::unexpected(parsed.error().within(path_of(name)));
    }
    return parsed;
  }

  /// The error for a field that is not `expected`.
  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view name, std::string_view expected) const;

 private:
  Fields(JsonValue json, std::string path) : json_(json), path_(std::move(path)) {}
  [[nodiscard]] Result<JsonValue> find(std::string_view name) const;
  [[nodiscard]] std::string path_of(std::string_view name) const;

  JsonValue json_;
  std::string path_;
};

}  // namespace genesis
