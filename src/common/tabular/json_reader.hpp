#pragma once
// Reading fields of JSON that came from elsewhere: each is there, has its type and is within
// bounds, or the Error names its path.
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/json_document.hpp"
#include "common/tabular/schema.hpp"

namespace genesis::tabular {

/// One JSON object. The first failure is kept and later reads give defaults, so that a decoder
/// reads all its fields and asks status() once.
class JsonReader {
 public:
  /// `path` names the object in messages, as in "sketch.columns[3]".
  JsonReader(JsonValue json, std::string path);

  [[nodiscard]] std::string text(std::string_view key, std::size_t max_bytes);
  [[nodiscard]] std::uint64_t count(std::string_view key, std::uint64_t maximum);
  [[nodiscard]] int small(std::string_view key, int maximum);
  [[nodiscard]] bool flag(std::string_view key);
  [[nodiscard]] Kind kind(std::string_view key);
  /// Finite, with |x| <= 1e300.
  [[nodiscard]] double number(std::string_view key);
  [[nodiscard]] std::vector<double> numbers(std::string_view key, std::size_t max_size);
  /// Finite numbers, strictly increasing.
  [[nodiscard]] std::vector<double> sorted_numbers(std::string_view key, std::size_t max_size);
  /// Strictly increasing bytewise, none empty.
  [[nodiscard]] std::vector<std::string> sorted_texts(std::string_view key, std::size_t max_size);
  [[nodiscard]] std::vector<std::uint64_t> counts(std::string_view key, std::size_t max_size);
  /// The array at `key`, or an empty one.
  [[nodiscard]] std::vector<JsonValue> array(std::string_view key, std::size_t max_size);

  void refuse(std::string_view key, std::string_view why);
  /// Takes over the failure of a nested object.
  void check(const Status& nested);
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  std::optional<JsonValue> find(std::string_view key);
  double finite(JsonValue json, std::string_view key);

  JsonValue json_;  // its document outlives this
  std::string path_;
  Status status_;
};

/// Columns have names, each its own.
template <typename Columns>
[[nodiscard]] Status check_names(const Columns& columns, const std::string& path) {
  std::set<std::string_view> names;
  for (const auto& column : columns) {
    if (column.name.empty() || !names.insert(column.name).second) {
      return fail(Errc::kInvalidArgument, path + ": expected a different name for each column");
    }
  }
  return {};
}

}  // namespace genesis::tabular
