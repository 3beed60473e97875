#include "common/base/json_document.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "common/base/text.hpp"

namespace genesis {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_opening(char c) {
  return c == '{' || c == '[';
}

Status too_large(const char* what, std::size_t bound) {
  return fail(Errc::kResourceExhausted, "JSON: more than " + std::to_string(bound) + " " + what);
}

// Whether an array or object ends in front of its first value.
bool is_empty(std::string_view inside) {
  const auto next = std::find_if_not(inside.begin(), inside.end(), is_blank);
  return next != inside.end() && (*next == ']' || *next == '}');
}

struct Count {
  std::size_t values = 1;
  std::size_t containers = 0;
};

// Counts what a document would have to note, and stops at what is too much. Needs no valid JSON: on
// other bytes it counts something, and the parser refuses them.
Result<Count> count_values(std::string_view text, const JsonLimits& limits) {
  const std::size_t most_bytes =
      std::min<std::size_t>(limits.max_bytes, std::numeric_limits<std::uint32_t>::max() - 1);
  if (text.size() > most_bytes) {
    GENESIS_RETURN_IF_ERROR(too_large("bytes", most_bytes));
  }
  Count count;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
      continue;
    }
    switch (c) {
      case '"':
        in_string = true;
        break;
      case '[':
      case '{':
        count.values += is_empty(text.substr(i + 1)) ? 0 : 1;  // its first element
        ++count.containers;
        if (++depth > limits.max_depth) {
          GENESIS_RETURN_IF_ERROR(too_large("nested levels", limits.max_depth));
        }
        break;
      case ']':
      case '}':
        depth -= depth > 0 ? 1 : 0;
        break;
      case ',':
      case ':':  // the name before it was counted
        ++count.values;
        break;
      default:
        break;
    }
    if (count.values > limits.max_values) {
      GENESIS_RETURN_IF_ERROR(too_large("values", limits.max_values));
    }
  }
  return count;
}

// Four hexadecimal digits at the start of `text`.
std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  constexpr std::size_t kDigits = 4;
  std::uint32_t code = 0;
  const char* const begin = text.data();
  const auto [end, error] =
      std::from_chars(begin, begin + std::min(kDigits, text.size()), code, 16);
  if (error != std::errc() || end != begin + kDigits) {
    return std::nullopt;
  }
  return code;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80U) {
    put(code);
  } else if (code < 0x800U) {
    put(0xC0U | code >> 6U);
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000U) {
    put(0xE0U | code >> 12U);
    put(0x80U | (code >> 6U & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | code >> 18U);
    put(0x80U | (code >> 12U & 0x3FU));
    put(0x80U | (code >> 6U & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

bool is_high_surrogate(std::uint32_t code) {
  return code >= 0xD800U && code <= 0xDBFFU;
}

bool is_low_surrogate(std::uint32_t code) {
  return code >= 0xDC00U && code <= 0xDFFFU;
}

constexpr std::string_view kEscaped = "\"\\/bfnrt";
constexpr std::string_view kUnescaped = "\"\\/\b\f\n\r\t";

// Decodes the characters between quotes, which the parser has checked.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) {
      break;
    }
    if (text[1] != 'u') {
      out += kUnescaped[kEscaped.find(text[1])];
      text.remove_prefix(2);
      continue;
    }
    std::uint32_t code = *hexadecimal(text.substr(2));
    text.remove_prefix(6);
    if (is_high_surrogate(code)) {
      code = 0x10000U + ((code - 0xD800U) << 10U) + (*hexadecimal(text.substr(2)) - 0xDC00U);
      text.remove_prefix(6);
    }
    append_utf8(out, code);
  }
  return out;
}

// Where a number that the parser has checked ends.
std::size_t end_of_number(std::string_view text, std::size_t begin) {
  return std::min(text.find_first_not_of("+-.0123456789Ee", begin), text.size());
}

// The position of the quote that ends the string which begins at `begin`.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  std::size_t at = begin + 1;
  while (text[at] != '"') {
    at += text[at] == '\\' ? 2 : 1;
  }
  return at;
}

// The nearest double; nullopt beyond the largest.
std::optional<double> to_double(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    value = std::strtod(std::string(text).c_str(), nullptr);  // tells too small from too large
  }
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

template <typename Whole>
std::optional<Whole> to_whole(std::string_view text) {
  Whole value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(value) : std::nullopt;
}

}  // namespace

// One pass over the text, without recursion.
class JsonParser {
 public:
  JsonParser(std::string_view text, std::size_t places) {
    document_.text_ = text;
    document_.places_.reserve(places);
  }

  Result<JsonDocument> parse() && {
    // What an array or object, or the text, goes on with.
    enum class Next { kValue, kFirstElement, kFirstMember, kMember, kSeparator };
    Next next = Next::kValue;
    for (;;) {
      skip_blanks();
      if (at_ == text().size()) {
        return broken();
      }
      const char c = text()[at_];
      const bool is_end = c == ']' || c == '}';
      switch (next) {
        case Next::kFirstElement:
        case Next::kFirstMember:
        case Next::kSeparator:
          if (is_end) {
            if (!close(c)) {
              return broken();
            }
            next = Next::kSeparator;
            break;
          }
          if (next == Next::kSeparator) {
            if (c != ',') {
              return broken();
            }
            ++at_;
            next = is_in_object() ? Next::kMember : Next::kValue;
            continue;
          }
          next = next == Next::kFirstElement ? Next::kValue : Next::kMember;
          continue;
        case Next::kMember:
          if (!take_name()) {
            return broken();
          }
          next = Next::kValue;
          continue;
        case Next::kValue:
          if (is_opening(c)) {
            open();
            next = c == '[' ? Next::kFirstElement : Next::kFirstMember;
            continue;
          }
          if (!take_scalar()) {
            return broken();
          }
          next = Next::kSeparator;
          break;
      }
      if (open_.empty()) {
        break;  // that was the text's one value
      }
    }
    skip_blanks();
    if (at_ != text().size()) {
      return broken();
    }
    return std::move(document_);
  }

 private:
  [[nodiscard]] std::string_view text() const { return document_.text_; }

  void skip_blanks() {
    while (at_ < text().size() && is_blank(text()[at_])) {
      ++at_;
    }
  }

  [[nodiscard]] tl::unexpected<Error> broken() const {
    return fail(Errc::kInvalidArgument,
                "JSON: byte " + std::to_string(at_ + 1) + " of " + std::to_string(text().size()) +
                    " breaks it; the text is cut or is not JSON");
  }

  void note() { document_.places_.push_back(static_cast<std::uint32_t>(at_)); }

  [[nodiscard]] bool is_in_object() const { return text()[document_.places_[open_.back()]] == '{'; }

  void open() {
    open_.push_back(document_.places_.size());
    note();
    document_.places_.push_back(0);  // known at its end
    ++at_;
  }

  bool close(char c) {
    if (is_in_object() != (c == '}')) {
      return false;
    }
    document_.places_[open_.back() + 1] = static_cast<std::uint32_t>(document_.places_.size());
    open_.pop_back();
    ++at_;
    return true;
  }

  bool take_name() {
    if (text()[at_] != '"' || !take_scalar()) {
      return false;
    }
    skip_blanks();
    return skip(':');
  }

  bool take_scalar() {
    note();
    switch (text()[at_]) {
      case '"':
        return skip_string();
      case 't':
        return skip_word("true");
      case 'f':
        return skip_word("false");
      case 'n':
        return skip_word("null");
      default:
        return skip_number();
    }
  }

  bool skip(char c) {
    const bool is_there = at_ < text().size() && text()[at_] == c;
    at_ += is_there ? 1 : 0;
    return is_there;
  }

  bool skip_word(std::string_view word) {
    for (const char c : word) {
      if (!skip(c)) {
        return false;
      }
    }
    return true;
  }

  bool skip_digits() {
    const std::size_t begin = at_;
    while (at_ < text().size() && is_digit(text()[at_])) {
      ++at_;
    }
    return at_ > begin;
  }

  bool skip_number() {
    const std::size_t begin = at_;
    skip('-');
    if (!skip('0') && !skip_digits()) {
      return false;
    }
    if (skip('.') && !skip_digits()) {
      return false;
    }
    if (skip('e') || skip('E')) {
      if (!skip('+')) {
        skip('-');
      }
      if (!skip_digits()) {
        return false;
      }
    }
    constexpr std::size_t kSurelyFinite = 300;  // digits, without an exponent
    const std::string_view number = text().substr(begin, at_ - begin);
    const bool may_be_infinite =
        number.size() > kSurelyFinite || number.find_first_of("eE") != std::string_view::npos;
    return !may_be_infinite || to_double(number).has_value();
  }

  bool skip_string() {
    ++at_;
    while (at_ < text().size() && text()[at_] != '"') {
      const auto c = static_cast<unsigned char>(text()[at_]);
      if (c == '\\') {
        if (!skip_escape()) {
          return false;
        }
      } else if (c >= 0x20U && c < 0x80U) {
        ++at_;
      } else {
        const std::size_t size = c < 0x20U ? 0 : utf8_size(text().substr(at_));
        if (size == 0) {
          return false;
        }
        at_ += size;
      }
    }
    return skip('"');
  }

  bool skip_escape() {
    const std::string_view rest = text().substr(at_ + 1);
    if (rest.empty()) {
      return false;
    }
    if (rest[0] != 'u') {
      at_ += 2;
      return kEscaped.find(rest[0]) != std::string_view::npos;
    }
    const auto code = hexadecimal(rest.substr(1));
    if (!code || is_low_surrogate(*code)) {
      return false;
    }
    at_ += 6;
    if (!is_high_surrogate(*code)) {
      return true;
    }
    const std::string_view second = text().substr(at_, 6);
    const auto low = second.starts_with("\\u") ? hexadecimal(second.substr(2)) : std::nullopt;
    at_ += 6;
    return low && is_low_surrogate(*low);
  }

  JsonDocument document_;
  std::size_t at_ = 0;             // in the text
  std::vector<std::size_t> open_;  // places of the arrays and objects that have not ended
};

Result<JsonDocument> JsonDocument::parse(std::string_view text, const JsonLimits& limits) {
  GENESIS_ASSIGN(const Count count, count_values(text, limits));
  return JsonParser(text, count.values + count.containers).parse();
}

char JsonValue::first() const {
  return document_->text_[document_->places_[at_]];
}

std::uint32_t JsonValue::begin_inside() const {
  return at_ + 2;
}

std::uint32_t JsonValue::end() const {
  return is_opening(first()) ? document_->places_[at_ + 1] : at_ + 1;
}

std::optional<bool> JsonValue::boolean() const {
  if (first() != 't' && first() != 'f') {
    return std::nullopt;
  }
  return first() == 't';
}

std::optional<std::uint64_t> JsonValue::whole() const {
  return is_number() ? to_whole<std::uint64_t>(raw()) : std::nullopt;
}

std::optional<std::int64_t> JsonValue::integer() const {
  return is_number() ? to_whole<std::int64_t>(raw()) : std::nullopt;
}

std::optional<double> JsonValue::number() const {
  return is_number() ? to_double(raw()) : std::nullopt;
}

std::optional<std::string> JsonValue::text(std::size_t most_bytes) const {
  if (!is_string()) {
    return std::nullopt;
  }
  // An escape has at most 6 bytes for one.
  constexpr std::size_t kLongestEscape = 6;
  const std::string_view quoted = raw();
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.size() / kLongestEscape > most_bytes) {
    return std::nullopt;
  }
  auto decoded = unescape(inside);
  return decoded.size() <= most_bytes ? std::optional(std::move(decoded)) : std::nullopt;
}

std::size_t JsonValue::size() const {
  if (is_object()) {
    const auto all = members();
    return static_cast<std::size_t>(std::distance(all.begin(), all.end()));
  }
  const auto all = elements();
  return static_cast<std::size_t>(std::distance(all.begin(), all.end()));
}

std::optional<JsonValue> JsonValue::find(std::string_view name) const {
  std::optional<JsonValue> found;
  for (const auto& member : members()) {
    if (member.name.equals(name)) {
      found = member.value;
    }
  }
  return found;
}

bool JsonValue::equals(std::string_view name) const {
  const std::string_view quoted = raw();
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.find('\\') == std::string_view::npos) {
    return inside == name;
  }
  return inside.size() / 6 <= name.size() && unescape(inside) == name;
}

std::string_view JsonValue::raw() const {
  const std::string_view text = document_->text_;
  const std::size_t begin = document_->places_[at_];
  switch (text[begin]) {
    case '"':
      return text.substr(begin, end_of_string(text, begin) + 1 - begin);
    case 't':
    case 'n':
      return text.substr(begin, 4);
    case 'f':
      return text.substr(begin, 5);
    case '[':
    case '{':
      return {};
    default:
      return text.substr(begin, end_of_number(text, begin) - begin);
  }
}

std::string_view JsonValue::source() const {
  if (!is_opening(first())) {
    return raw();
  }
  const std::string_view text = document_->text_;
  const std::size_t begin = document_->places_[at_];
  std::size_t depth = 0;
  std::size_t at = begin;
  do {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
    } else if (is_opening(c)) {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    }
    ++at;
  } while (depth > 0);
  return text.substr(begin, at - begin);
}

JsonValue::Elements JsonValue::elements() const {
  const std::uint32_t begin = is_array() ? begin_inside() : end();
  return {JsonValue(*document_, begin), JsonValue(*document_, end())};
}

JsonValue::Members JsonValue::members() const {
  const std::uint32_t begin = is_object() ? begin_inside() : end();
  return {JsonValue(*document_, begin), JsonValue(*document_, end())};
}

}  // namespace genesis
