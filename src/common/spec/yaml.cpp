// On yaml-cpp's events instead of its nodes: its nodes drop duplicate keys and follow aliases.
#include "common/spec/yaml.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "common/spec/parse.hpp"
#include "common/spec/text.hpp"

namespace genesis::spec {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxKeys = 1000;

// Leaves the parser from within an event.
struct Refused {
  YAML::Mark mark;
  std::string what;
};

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    ++at;
  }
  return at;
}

// [-+]? (0 | [1-9][0-9]*)
bool is_integer_syntax(std::string_view text) {
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t end = skip_digits(text, sign);
  const bool leading_zero = end > sign + 1 && text[sign] == '0';
  return end == text.size() && end > sign && !leading_zero;
}

// [-+]? ( [0-9]+ ( \. [0-9]* )? | \. [0-9]+ ) ( [eE] [-+]? [0-9]+ )?, but no leading zero as in 010
bool is_number_syntax(std::string_view text) {
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  std::size_t at = skip_digits(text, sign);
  const std::size_t whole = at - sign;
  std::size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t end = skip_digits(text, at + 1);
    fraction = end - at - 1;
    at = end;
  }
  const bool leading_zero = whole > 1 && text[sign] == '0';
  if (whole + fraction == 0 || leading_zero) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    at += at < text.size() && (text[at] == '-' || text[at] == '+') ? 1 : 0;
    const std::size_t end = skip_digits(text, at);
    if (end == at) {
      return false;
    }
    at = end;
  }
  return at == text.size();
}

// YAML 1.1's words for true, which Kubernetes still reads so beside true itself.
bool is_old_true(std::string_view text) {
  constexpr std::array<std::string_view, 8> kWords = {
      "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

bool is_old_boolean(std::string_view text) {
  constexpr std::array<std::string_view, 8> kWords = {
      "n", "N", "no", "No", "NO", "off", "Off", "OFF"};
  return is_old_true(text) || std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

class Builder final : public YAML::EventHandler {
 public:
  Json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw Refused{mark, "a second document starts here; use one document per file"};
    }
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& /*mark*/, const std::string& /*name*/) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw Refused{mark, "aliases are not supported; write the value out"};
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    if (expects_key()) {
      throw Refused{mark, "a key is missing"};
    }
    add(nullptr);
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    if (value.find('\0') != std::string::npos) {
      throw Refused{mark, "a value holds a NUL character"};
    }
    if (expects_key()) {
      add_key(mark, value);
      return;
    }
    const bool plain = tag == "?" || tag.empty();
    if (plain && is_old_boolean(value)) {
      throw Refused{mark,
                    "Kubernetes reads " + value + " as " + (is_old_true(value) ? "true" : "false") +
                        "; write \"" + value + "\" for the text, or " +
                        (is_old_true(value) ? "true" : "false")};
    }
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") {
      throw Refused{mark, "the tag " + in_quotes(tag) + " is not supported; remove it"};
    }
    add(plain ? resolve_plain(value) : Json(value));
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, Json::array());
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark,
                  const std::string& /*tag*/,
                  YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Json value;
    std::optional<std::string> key;  // of the value that comes next
  };

  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().value.is_object() && !open_.back().key;
  }

  void add_key(const YAML::Mark& mark, const std::string& key) {
    auto& object = open_.back().value;
    if (object.contains(key)) {
      throw Refused{mark, "duplicate key " + in_quotes(key) + "; remove one"};
    }
    if (object.size() >= kMaxKeys) {
      throw Refused{mark, "an object has more than " + std::to_string(kMaxKeys) + " keys"};
    }
    open_.back().key = key;
  }

  void open(const YAML::Mark& mark, Json empty) {
    if (expects_key()) {
      throw Refused{mark, "a key must be a plain string"};
    }
    if (open_.size() >= kMaxDepth) {
      throw Refused{mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
    }
    open_.push_back({std::move(empty), std::nullopt});
  }

  void close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    add(std::move(value));
  }

  void add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = open_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(value));
      return;
    }
    frame.value[*frame.key] = std::move(value);
    frame.key.reset();
  }

  Json root_;
  std::vector<Frame> open_;
  int documents_ = 0;
};

std::string place(std::string_view source, int line, int column) {
  return std::string(source) + ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1) +
         ": ";
}

// Bytes of the well-formed UTF-8 character at `text[0]` (RFC 3629), or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80U) {
    return 1;
  }
  const std::size_t length = first >= 0xF0U ? 4 : first >= 0xE0U ? 3 : 2;
  if (first < 0xC2U || first > 0xF4U) {
    return 0;
  }
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const bool overlong = (first == 0xE0U && byte(1) < 0xA0U) || (first == 0xF0U && byte(1) < 0x90U);
  const bool surrogate = first == 0xEDU && byte(1) > 0x9FU;
  const bool too_large = first == 0xF4U && byte(1) > 0x8FU;
  return overlong || surrogate || too_large ? 0 : length;
}

// yaml-cpp takes the byte 4 for the end of the text, and passes on bytes that are no UTF-8.
Status check_characters(std::string_view text, std::string_view source) {
  int line = 0;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    const char c = text[at];
    const bool control = c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r';
    if (length == 0 || control) {
      return fail(Errc::kInvalidArgument,
                  place(source, line, static_cast<int>(at - line_start)) +
                      (control ? "control character; remove it"
                               : "not UTF-8; save the file in that encoding"));
    }
    at += length;
    if (c == '\n') {
      ++line;
      line_start = at;
    }
  }
  return {};
}

}  // namespace

Json resolve_plain(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") {
    return true;
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return false;
  }
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const char* const end = digits.data() + digits.size();
  if (is_integer_syntax(text)) {
    std::int64_t value = 0;
    if (std::from_chars(digits.data(), end, value).ec == std::errc{}) {
      return value;
    }
  }
  if (is_number_syntax(text)) {
    double value = 0.0;
    if (std::from_chars(digits.data(), end, value).ec == std::errc{} && std::isfinite(value)) {
      return value;
    }
  }
  return std::string(text);
}

Result<Json> read_yaml(std::string_view text, std::string_view source) {
  if (text.size() > kMaxSpecBytes) {
    return fail(Errc::kInvalidArgument, std::string(source) + ": larger than 1 MiB");
  }
  GENESIS_RETURN_IF_ERROR(check_characters(text, source));
  Builder builder;
  try {
    // yaml-cpp lets the end of the text close a quoted scalar, which may be a file cut short; a
    // marker of the document's end within one it refuses.
    std::istringstream stream{std::string(text) + (text.ends_with('\n') ? "...\n" : "\n...\n")};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused& refused) {
    return fail(Errc::kInvalidArgument,
                place(source, refused.mark.line, refused.mark.column) + refused.what);
  } catch (const YAML::Exception& error) {
    return fail(Errc::kInvalidArgument,
                place(source, error.mark.line, error.mark.column) + error.msg);
  } catch (const std::exception& error) {
    return fail(Errc::kInvalidArgument, std::string(source) + ": " + error.what());
  }
  return builder.take();
}

}  // namespace genesis::spec
