#include "common/tabular/cell.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "common/base/check.hpp"

namespace genesis::tabular {
namespace {

constexpr double kExactBound = 9007199254740992.0;  // 2^53
constexpr double kLargest = 1e300;                  // leaves room for differences and squares

constexpr std::string_view kNoBreakSpace = "\xC2\xA0";
constexpr std::array<std::string_view, 3> kGroupSpaces = {
    kNoBreakSpace, "\xE2\x80\xAF", "\xE2\x80\x89"};  // and narrow, and thin
constexpr std::string_view kMinusSign = "\xE2\x88\x92";

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTruthPairs = {
    {{"false", "true"},
     {"no", "yes"},
     {"f", "t"},
     {"n", "y"},
     {"nein", "ja"},
     {"non", "oui"},
     {"falsch", "wahr"},
     {"faux", "vrai"},
     {"0", "1"}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

template <std::size_t kSize>
bool is_one_of(std::string_view text, const std::array<std::string_view, kSize>& lower) {
  return std::any_of(lower.begin(), lower.end(), [&](std::string_view word) {
    return text.size() == word.size() && equals_ignoring_case(text, word);
  });
}

std::size_t count_digits(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end])) {
    ++end;
  }
  return end - from;
}

enum class LeadingZeros { kRefused, kAllowed };

std::optional<Number> parse(std::string_view text, LeadingZeros leading_zeros) {
  constexpr std::size_t kLongest = 400;  // 1e300 written out, with decimals
  if (text.empty() || text.size() > kLongest) {
    return std::nullopt;
  }
  std::size_t at = text[0] == '-' ? 1 : 0;
  const std::size_t whole = count_digits(text, at);
  if (whole > 1 && text[at] == '0' && leading_zeros == LeadingZeros::kRefused) {
    return std::nullopt;
  }
  at += whole;
  std::size_t fraction = 0;
  const bool has_point = at < text.size() && text[at] == '.';
  if (has_point) {
    fraction = count_digits(text, at + 1);
    at += 1 + fraction;
  }
  if (whole + fraction == 0) {
    return std::nullopt;
  }
  int exponent = 0;
  const bool has_exponent = at < text.size() && (text[at] == 'e' || text[at] == 'E');
  if (has_exponent) {
    ++at;
    const bool plus = at < text.size() && text[at] == '+';
    const char* first = text.data() + at + (plus ? 1 : 0);
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(first, last, exponent);
    if (error != std::errc{} || end != last || (plus && first != last && *first == '-')) {
      return std::nullopt;
    }
    at = text.size();
  }
  if (at != text.size()) {
    return std::nullopt;
  }
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value);
  if (error != std::errc{} || end != text.data() + text.size() ||
      !(std::abs(number.value) <= kLargest)) {
    return std::nullopt;
  }
  if (number.value == 0.0) {
    number.value = 0.0;  // no negative zero: it would be a second value beside zero
  }
  number.digits_only = !has_point && !has_exponent;
  number.integral = number.digits_only && std::abs(number.value) < kExactBound;
  number.decimals = std::max(0, static_cast<int>(fraction) - std::clamp(exponent, -400, 400));
  return number;
}

// A currency's signs and codes, and the one name for all of them. Longer ones come first.
struct Currency {
  std::string_view sign;
  std::string_view name;
};
constexpr std::array<Currency, 28> kCurrencies = {
    {{"US$", "usd"},          {"R$", "brl"},       {"brl", "brl"},          {"inr", "inr"},
     {"\xE2\x82\xB9", "inr"}, {"pln", "pln"},      {"z\xC5\x82", "pln"},    {"czk", "czk"},
     {"K\xC4\x8D", "czk"},    {"huf", "huf"},      {"\xE2\x82\xBD", "rub"}, {"\xE2\x82\xBA", "try"},
     {"\xE2\x82\xA9", "krw"}, {"usd", "usd"},      {"eur", "eur"},          {"gbp", "gbp"},
     {"chf", "chf"},          {"jpy", "jpy"},      {"cad", "cad"},          {"aud", "aud"},
     {"sek", "sek"},          {"nok", "nok"},      {"dkk", "dkk"},          {"kr", "kr"},
     {"\xE2\x82\xAC", "eur"}, {"\xC2\xA3", "gbp"}, {"\xC2\xA5", "jpy"},     {"$", "usd"}}};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Takes a currency off the head or the tail of `text` and returns its name; "" where there is none.
// Letters that touch whole digits are a code, such as CAD1, and no currency.
std::string_view take_currency(std::string_view& text) {
  const auto is_amount = [](std::string_view rest) {
    return trim(rest) != rest || rest.find_first_of(".,") != std::string_view::npos;
  };
  for (const auto& [sign, name] : kCurrencies) {
    if (text.size() <= sign.size()) {
      continue;
    }
    const auto is_it = [&, mark = sign](
                           std::string_view part, bool touches_by_letter, std::string_view rest) {
      return (part == mark || equals_ignoring_case(part, mark)) &&
             (!touches_by_letter || is_amount(rest));
    };
    const auto after = text.substr(sign.size());
    if (is_it(text.substr(0, sign.size()), is_letter(sign.back()), after)) {
      text = trim(after);
      return name;
    }
    const auto before = text.substr(0, text.size() - sign.size());
    if (is_it(text.substr(before.size()), is_letter(sign.front()), before)) {
      text = trim(before);
      return name;
    }
  }
  return {};
}

// The separator of thousands at the head of `text` and its length; 0 where there is none.
std::pair<char, std::size_t> separator_at(std::string_view text, const NumberStyle& style) {
  char found = '\0';
  std::size_t length = 1;
  const char c = text.front();
  if (c == ' ' || c == '\'' || c == '.' || c == ',') {
    found = c;
  } else {
    for (const auto space : kGroupSpaces) {
      if (text.starts_with(space)) {
        found = ' ';
        length = space.size();
      }
    }
  }
  const bool allowed = style.thousands ? found == *style.thousands : found != style.decimal;
  return found != '\0' && allowed ? std::pair(found, length) : std::pair('\0', std::size_t{0});
}

struct Plain {
  std::string text;  // digits with a point, as parse() reads them
  bool grouped = false;
};

// Groups of thousands have three digits, but for the first.
std::optional<Plain> plain_digits(std::string_view text, const NumberStyle& style) {
  constexpr std::size_t kGroup = 3;
  Plain plain;
  char separator = '\0';
  std::size_t run = 0;
  bool in_fraction = false;
  while (!text.empty()) {
    const char c = text.front();
    if (is_digit(c)) {
      plain.text += c;
      ++run;
      text.remove_prefix(1);
      continue;
    }
    if (in_fraction || c == 'e' || c == 'E') {
      break;
    }
    if (c == style.decimal) {
      if (plain.grouped && run != kGroup) {
        return std::nullopt;
      }
      plain.text += '.';
      in_fraction = true;
      text.remove_prefix(1);
      continue;
    }
    const auto [found, length] = separator_at(text, style);
    const bool fits =
        plain.grouped ? run == kGroup && found == separator : run >= 1 && run <= kGroup;
    if (length == 0 || !fits) {
      return std::nullopt;
    }
    separator = found;
    plain.grouped = true;
    run = 0;
    text.remove_prefix(length);
  }
  if (plain.grouped && !in_fraction && run != kGroup) {
    return std::nullopt;
  }
  plain.text += text;  // an exponent, or what parse() refuses
  return plain;
}

std::optional<Number> parse_styled(std::string_view text,
                                   const NumberStyle& style,
                                   LeadingZeros leading_zeros) {
  constexpr std::size_t kLongest = 400;
  if (text.empty() || text.size() > kLongest) {
    return std::nullopt;
  }
  bool negative = text.size() > 2 && text.front() == '(' && text.back() == ')';
  if (negative) {
    text = trim(text.substr(1, text.size() - 2));
  }
  bool signed_already = negative;
  const auto take_sign = [&] {
    const bool minus = text.starts_with('-') || text.starts_with(kMinusSign);
    if (!signed_already && (minus || text.starts_with('+'))) {
      negative = minus;
      signed_already = true;
      text = trim(text.substr(text.starts_with(kMinusSign) ? kMinusSign.size() : 1));
    }
  };
  take_sign();
  const auto currency = take_currency(text);
  take_sign();
  if (!signed_already && text.ends_with('-')) {  // as ledgers write it
    negative = true;
    signed_already = true;
    text = text.substr(0, text.size() - 1);
  }
  bool percent = false;
  if (text.ends_with('%')) {
    percent = true;
    text = trim(text.substr(0, text.size() - 1));
  }
  if (text.empty() || !(is_digit(text.front()) || text.front() == style.decimal)) {
    return std::nullopt;
  }
  const auto plain = plain_digits(text, style);
  auto number = plain ? parse(plain->text, leading_zeros) : std::nullopt;
  if (number) {
    number->value = negative && number->value != 0.0 ? -number->value : number->value;
    number->percent = percent;
    number->currency = currency;
    number->grouped = plain->grouped;
  }
  return number;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty()) {
    if (is_space(text.front())) {
      text.remove_prefix(1);
    } else if (text.starts_with(kNoBreakSpace)) {
      text.remove_prefix(kNoBreakSpace.size());
    } else {
      break;
    }
  }
  while (!text.empty()) {
    if (is_space(text.back())) {
      text.remove_suffix(1);
    } else if (text.ends_with(kNoBreakSpace)) {
      text.remove_suffix(kNoBreakSpace.size());
    } else {
      break;
    }
  }
  return text;
}

bool is_missing_token(std::string_view text) {
  constexpr std::array<std::string_view, 9> kTokens = {
      "na", "n/a", "#n/a", "nan", "null", "none", "?", "-", "."};
  return text.empty() || is_one_of(text, kTokens);
}

bool looks_missing(std::string_view text) {
  constexpr std::array<std::string_view, 21> kWords = {
      "unknown",      "missing",     "not known", "not stated", "not available", "not recorded",
      "not reported", "unk",         "n.a.",      "nd",         "n/d",           "n.d.",
      "<na>",         "#null!",      "unbekannt", "fehlt",      "keine angabe",  "k.a.",
      "inconnu",      "desconocido", "refused"};
  return is_missing_token(text) || is_one_of(text, kWords);
}

std::optional<bool> truth(std::string_view text) {
  for (const auto& [no, yes] : kTruthPairs) {
    if (equals_ignoring_case(text, no) || equals_ignoring_case(text, yes)) {
      return equals_ignoring_case(text, yes);
    }
  }
  return std::nullopt;
}

std::optional<std::string> opposite_of(std::string_view word) {
  for (const auto& [no, yes] : kTruthPairs) {
    if (!equals_ignoring_case(word, no) && !equals_ignoring_case(word, yes)) {
      continue;
    }
    std::string other(equals_ignoring_case(word, no) ? yes : no);
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    const bool all_upper = word.size() > 1 && is_upper(word[1]);
    for (std::size_t i = 0; i < other.size(); ++i) {
      other[i] = is_upper(word[0]) && (i == 0 || all_upper) ? upper(other[i]) : other[i];
    }
    return other;
  }
  return std::nullopt;
}

bool is_boolean(std::span<const std::string> words) {
  bool both[2] = {false, false};
  bool any_word = false;
  for (const auto& word : words) {
    const auto value = truth(word);
    if (!value) {
      return false;
    }
    both[*value ? 1 : 0] = true;
    any_word = any_word || !is_digit(word[0]);
  }
  return both[0] && both[1] && any_word;
}

bool is_blank(std::span<const std::string> categories) {
  return std::all_of(categories.begin(), categories.end(), [](const auto& text) {
    return is_missing_token(trim(text));
  });
}

std::optional<Number> parse_number(std::string_view text) {
  return parse(text, LeadingZeros::kRefused);
}

std::optional<Number> parse_declared_number(std::string_view text) {
  return parse(text, LeadingZeros::kAllowed);
}

std::optional<Number> parse_number(std::string_view text, const NumberStyle& style) {
  if (style.decimal == '.') {
    if (auto number = parse(text, LeadingZeros::kRefused)) {
      return number;
    }
  }
  return parse_styled(text, style, LeadingZeros::kRefused);
}

std::optional<Number> parse_declared_number(std::string_view text, const NumberStyle& style) {
  if (style.decimal == '.') {
    if (auto number = parse(text, LeadingZeros::kAllowed)) {
      return number;
    }
  }
  return parse_styled(text, style, LeadingZeros::kAllowed);
}

std::optional<char> decimal_sign_of(std::string_view text) {
  const auto comma = text.find(',');
  const auto point = text.find('.');
  if (comma == std::string_view::npos && point == std::string_view::npos) {
    return std::nullopt;
  }
  const bool as_comma = parse_number(text, NumberStyle{',', std::nullopt}).has_value();
  const bool as_point = parse_number(text, NumberStyle{'.', std::nullopt}).has_value();
  if (as_comma == as_point) {
    return std::nullopt;
  }
  return as_comma ? ',' : '.';
}

std::optional<Censored> parse_censored(std::string_view text, const NumberStyle& style) {
  constexpr std::array<std::pair<std::string_view, char>, 6> kSigns = {{{"<=", '<'},
                                                                        {">=", '>'},
                                                                        {"\xE2\x89\xA4", '<'},
                                                                        {"\xE2\x89\xA5", '>'},
                                                                        {"<", '<'},
                                                                        {">", '>'}}};
  for (const auto& [sign, side] : kSigns) {
    if (text.starts_with(sign)) {
      const auto bound = parse_declared_number(trim(text.substr(sign.size())), style);
      return bound ? std::optional(Censored{side, *bound}) : std::nullopt;
    }
  }
  return std::nullopt;
}

bool is_infinity(std::string_view text) {
  constexpr std::array<std::string_view, 4> kWords = {"inf", "infinity", "1.#inf", "\xE2\x88\x9E"};
  if (text.starts_with('-') || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  return is_one_of(text, kWords);
}

bool has_leading_zero(std::string_view text) {
  return text.size() > 1 && text.front() == '0' && count_digits(text, 0) == text.size();
}

double power_of_ten(int places) {
  constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  GENESIS_CHECK(places >= 0 && places < 23, "exact powers of ten end at 22");
  return kPowers[static_cast<std::size_t>(places)];
}

double round_to(double value, int places) {
  const double power = power_of_ten(places);
  const double units = value * power;
  if (!(std::abs(units) < kExactBound)) {
    return value;
  }
  return std::nearbyint(units) / power + 0.0;
}

bool is_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    // RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      length = 3;
      low = lead == 0xE0 ? 0xA0 : low;
      high = lead == 0xED ? 0x9F : high;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      length = 4;
      low = lead == 0xF0 ? 0x90 : low;
      high = lead == 0xF4 ? 0x8F : high;
    } else {
      return false;
    }
    if (text.size() - at < length) {
      return false;
    }
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if (next < low || next > high) {
        return false;
      }
      low = 0x80;
      high = 0xBF;
    }
    at += length;
  }
  return true;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 48;
  std::string shown = "\"";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7F ? '?' : c == '"' ? '\'' : c;
  }
  shown += text.size() > kShown ? "…\"" : "\"";
  return is_utf8(shown) ? shown : "(text that is not UTF-8)";
}

}  // namespace genesis::tabular
