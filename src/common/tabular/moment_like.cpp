#include "common/tabular/moment_like.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "common/tabular/datetime.hpp"

namespace genesis::tabular {
namespace {

constexpr std::string_view kWeekdays =
    " mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday mo di "
    "mi "
    "do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag lun mar mer "
    "jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche ";
constexpr std::string_view kClockWords = " h uhr ";
constexpr std::string_view kOtherWords =
    " st nd rd th er of de den der the at um le am pm a m p t z min utc gmt cet cest mez mesz est "
    "edt "
    "cst cdt mst mdt pst pdt bst ";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

bool is_one_of(std::string_view words, const std::string& word) {
  return words.find(" " + word + " ") != std::string_view::npos;
}

// What was seen of a text.
struct Parts {
  std::vector<std::string_view> numbers;
  std::string signs;  // all that are neither digit nor letter
  bool has_month = false;
  bool has_weekday = false;
  bool has_clock = false;  // a word of it
  bool has_word = false;
  bool has_colon = false;  // between digits
};

bool take_word(std::string_view text, Parts& parts) {
  std::string word(text);
  std::ranges::transform(word, word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  parts.has_word = true;
  if (is_one_of(kWeekdays, word)) {  // before months: "mar" is both
    parts.has_month = parts.has_month || is_month_name(text);
    parts.has_weekday = true;
  } else if (is_month_name(text)) {
    parts.has_month = true;
  } else if (is_one_of(kClockWords, word)) {
    parts.has_clock = true;
  } else {
    return is_one_of(kOtherWords, word);
  }
  return true;
}

bool take_number(std::string_view text, bool is_fraction, Parts& parts) {
  constexpr std::size_t kYear = 4;
  constexpr std::size_t kNanoseconds = 9;
  if (is_fraction) {
    return text.size() <= kNanoseconds;
  }
  parts.numbers.push_back(text);
  return text.size() <= kYear && text.size() != 3;
}

bool is_year_and_month(const Parts& parts) {
  if (parts.numbers.size() != 2 || parts.has_word || parts.signs.size() != 1 ||
      std::string_view("-/.").find(parts.signs[0]) == std::string_view::npos) {
    return false;
  }
  const bool is_year_first = parts.numbers[0].size() == 4;
  const auto year = parts.numbers[is_year_first ? 0 : 1];
  const auto month = parts.numbers[is_year_first ? 1 : 0];
  return year.size() == 4 && (year.starts_with("19") || year.starts_with("20")) &&
         month.size() == 2 && month >= "01" && month <= "12";
}

}  // namespace

bool is_moment_like(std::string_view text) {
  Parts parts;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto kind = is_digit(text[at]) ? is_digit : is_letter(text[at]) ? is_letter : nullptr;
    std::size_t end = at + 1;
    while (kind != nullptr && end < text.size() && kind(text[end])) {
      ++end;
    }
    const auto part = text.substr(at, end - at);
    if (kind == nullptr) {
      if (std::string_view(" .,:/-+()").find(part[0]) == std::string_view::npos) {
        return false;
      }
      const bool between =
          at > 0 && end < text.size() && is_digit(text[at - 1]) && is_digit(text[end]);
      parts.has_colon = parts.has_colon || (part[0] == ':' && between);
      parts.signs += part[0];
    } else if (kind == is_digit) {
      const bool is_fraction =
          parts.has_colon && at > 0 && (text[at - 1] == '.' || text[at - 1] == ',');
      if (!take_number(part, is_fraction, parts)) {
        return false;
      }
    } else if (!take_word(part, parts)) {
      return false;
    }
    at = end;
  }
  constexpr std::size_t kMostNumbers = 8;
  const auto numbers = parts.numbers.size();
  return numbers <= kMostNumbers &&
         ((parts.has_month && numbers >= 1) || (parts.has_weekday && numbers >= 3) ||
          ((parts.has_colon || parts.has_clock) && numbers >= 2) || is_year_and_month(parts));
}

}  // namespace genesis::tabular
