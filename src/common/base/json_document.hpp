#pragma once
// JSON that came from elsewhere, read in place: the only way in for it. Its bounds are checked
// before anything is kept, then one pass checks the whole text (RFC 8259, UTF-8) and notes where
// each value begins: 4 bytes for a value or a name, 8 for an array or object. That is less than the
// text for what people write and at most four times as much for nothing but brackets, where a tree
// of values takes thirty times as much. Numbers and strings are decoded when somebody asks for
// them. Pure.
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis {

/// All are checked before anything is kept of the text.
struct JsonLimits {
  std::size_t max_bytes = std::size_t{64} << 20;  // never above 4 GiB
  std::size_t max_depth = 16;                     // of nested objects and arrays
  std::size_t max_values = std::size_t{2} << 20;  // with names of members
};

class JsonDocument;

/// A value of a JsonDocument, which outlives it. As cheap to copy as a pointer. What is asked of a
/// value of another kind is nullopt, absent or empty, never an error.
class JsonValue {
 public:
  [[nodiscard]] bool is_null() const { return first() == 'n'; }
  [[nodiscard]] bool is_number() const { return first() == '-' || is_digit(first()); }
  [[nodiscard]] bool is_string() const { return first() == '"'; }
  [[nodiscard]] bool is_array() const { return first() == '['; }
  [[nodiscard]] bool is_object() const { return first() == '{'; }

  [[nodiscard]] std::optional<bool> boolean() const;
  /// A whole number in [0, 2^64), written without point and exponent.
  [[nodiscard]] std::optional<std::uint64_t> whole() const;
  /// The same with a sign: in [-2^63, 2^63).
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  /// Finite: the nearest double.
  [[nodiscard]] std::optional<double> number() const;
  /// nullopt also where it has more than `most_bytes`.
  [[nodiscard]] std::optional<std::string> text(std::size_t most_bytes = std::string::npos) const;
  /// Elements of an array, members of an object; counted anew at each call.
  [[nodiscard]] std::size_t size() const;
  /// The member called `name`; of several the last.
  [[nodiscard]] std::optional<JsonValue> find(std::string_view name) const;
  /// The value as it stands in the text; "" for an array or object.
  [[nodiscard]] std::string_view raw() const;
  /// The same also of an array or object, whose end is looked for in one pass over it.
  [[nodiscard]] std::string_view source() const;

  class Elements;
  class Members;
  [[nodiscard]] Elements elements() const;
  [[nodiscard]] Members members() const;

 private:
  friend class JsonDocument;
  JsonValue(const JsonDocument& document, std::uint32_t at) : document_(&document), at_(at) {}
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  [[nodiscard]] char first() const;
  [[nodiscard]] std::uint32_t begin_inside() const;
  [[nodiscard]] std::uint32_t end() const;  // of its places
  [[nodiscard]] bool equals(std::string_view name) const;

  const JsonDocument* document_;
  std::uint32_t at_;  // its place in the document
};

class JsonDocument {
 public:
  /// The text outlives the document and all its values. Errors: kResourceExhausted names the bound,
  /// kInvalidArgument gives the byte that breaks the JSON.
  [[nodiscard]] static Result<JsonDocument> parse(std::string_view text,
                                                  const JsonLimits& limits = {});
  // A temporary would be gone before the document is.
  template <std::same_as<std::string> Temporary>
  static Result<JsonDocument> parse(Temporary&& text, const JsonLimits& limits = {}) = delete;

  [[nodiscard]] JsonValue root() const { return {*this, 0}; }
  // What reads a value reads a document too. NOLINTNEXTLINE(google-explicit-constructor)
  operator JsonValue() const { return root(); }
  /// Bytes of memory beside the text.
  [[nodiscard]] std::size_t memory() const { return places_.capacity() * sizeof(places_[0]); }

 private:
  friend class JsonValue;
  friend class JsonParser;
  std::string_view text_;
  // For each value where it begins in the text; for an array or object then the place after its
  // last value. Members are a string and a value.
  std::vector<std::uint32_t> places_;
};

/// A range: for (const JsonValue element : value.elements()).
class JsonValue::Elements {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = JsonValue;
    using difference_type = std::ptrdiff_t;
    using pointer = const JsonValue*;
    using reference = JsonValue;
    explicit Iterator(JsonValue value) : value_(value) {}
    JsonValue operator*() const { return value_; }
    Iterator& operator++() {
      value_.at_ = value_.end();
      return *this;
    }
    bool operator==(const Iterator& other) const { return value_.at_ == other.value_.at_; }

   private:
    JsonValue value_;
  };
  [[nodiscard]] Iterator begin() const { return Iterator(first_); }
  [[nodiscard]] Iterator end() const { return Iterator(last_); }

 private:
  friend class JsonValue;
  Elements(JsonValue first, JsonValue last) : first_(first), last_(last) {}
  JsonValue first_, last_;
};

/// A range: for (const auto& [name, value] : object.members()).
class JsonValue::Members {
 public:
  struct Member {
    JsonValue name;  // a string
    JsonValue value;
  };
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Member;
    using difference_type = std::ptrdiff_t;
    using pointer = const Member*;
    using reference = Member;
    explicit Iterator(JsonValue name) : name_(name) {}
    Member operator*() const { return {name_, JsonValue(*name_.document_, name_.end())}; }
    Iterator& operator++() {
      name_.at_ = (**this).value.end();
      return *this;
    }
    bool operator==(const Iterator& other) const { return name_.at_ == other.name_.at_; }

   private:
    JsonValue name_;
  };
  [[nodiscard]] Iterator begin() const { return Iterator(first_); }
  [[nodiscard]] Iterator end() const { return Iterator(last_); }

 private:
  friend class JsonValue;
  Members(JsonValue first, JsonValue last) : first_(first), last_(last) {}
  JsonValue first_, last_;
};

}  // namespace genesis
