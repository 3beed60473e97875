// A column's texts as words (typing.hpp).
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "common/tabular/typing.hpp"
#include "common/tabular/unicode.hpp"

namespace genesis::tabular {
namespace {

// One spelling each of false and true, where there are more.
void settle_truth(Words& texts) {
  std::vector<std::string> words;
  for (const auto& text : texts) {
    if (text && std::find(words.begin(), words.end(), *text) == words.end()) {
      words.push_back(*text);
    }
  }
  if (words.size() <= 2) {
    return;
  }
  for (auto& text : texts) {
    if (text) {
      text = *truth(*text) ? "true" : "false";
    }
  }
}

}  // namespace

Words read_words(const Typing& column) {
  const auto& declaration = column.rules.declaration;
  std::map<std::string, std::string, std::less<>> aliases;
  for (const auto& alias : declaration.aliases) {
    for (const auto& from : alias.from) {
      aliases[composed(trim(from))] = alias.value;
    }
  }
  // "41.0" where the others write "41", as floats do to whole numbers that lack some.
  const auto whole_part = [](std::string_view text) -> std::optional<std::string_view> {
    const auto number = parse_number(text);
    const auto point = text.find('.');
    const bool is_whole = number && number->value == std::trunc(number->value) &&
                          text.find_first_of("eE") == std::string_view::npos;
    return is_whole ? std::optional(text.substr(0, point)) : std::nullopt;
  };
  const auto& allowed = declaration.categories;
  const auto is_allowed = [&](std::string_view text) {
    return std::find(allowed.begin(), allowed.end(), text) != allowed.end();
  };
  Words result;
  bool all_whole = true;
  for (std::size_t code = 0; code < column.size(); ++code) {
    std::string text = composed(column.text(code));
    if (column.missing.in_words(text)) {
      result.emplace_back(std::nullopt);
      continue;
    }
    if (const auto alias = aliases.find(text); alias != aliases.end()) {
      text = alias->second;
    }
    const auto whole = whole_part(text);
    if (whole && !allowed.empty() && !is_allowed(text) && is_allowed(*whole)) {
      text = std::string(*whole);
    }
    all_whole = all_whole && whole.has_value();
    result.emplace_back(std::move(text));
  }
  if (all_whole && allowed.empty()) {
    for (auto& text : result) {
      if (text) {
        text = std::string(*whole_part(*text));
      }
    }
  }
  return result;
}

std::optional<Words> as_booleans(const Typing& typing, Words texts) {
  std::vector<std::string> words;
  bool any_token = false;  // that stands for "no value"
  for (auto& text : texts) {
    if (text && typing.missing.in_values(*text) && *text != "none") {
      text.reset();
      any_token = true;
    }
    if (text) {
      words.push_back(*text);
    }
  }
  // "no" beside "NA" is what is left at a site that has no "yes".
  const bool is_half = words.size() == 1 && any_token && truth(words.front());
  if (words.size() > 20 || !(is_boolean(words) || is_half)) {
    return std::nullopt;
  }
  settle_truth(texts);
  return texts;
}

void categorize(const RawColumn& raw, const Words& words, Column& column) {
  column.categories.clear();
  for (const auto& word : words) {
    if (word) {
      column.categories.push_back(*word);
    }
  }
  std::sort(column.categories.begin(), column.categories.end());
  column.categories.erase(std::unique(column.categories.begin(), column.categories.end()),
                          column.categories.end());
  std::vector<std::uint32_t> code_of(words.size(), kMissingCode);
  for (std::size_t code = 0; code < words.size(); ++code) {
    if (words[code]) {
      const auto at =
          std::lower_bound(column.categories.begin(), column.categories.end(), *words[code]);
      code_of[code] = static_cast<std::uint32_t>(at - column.categories.begin());
    }
  }
  column.codes.resize(raw.codes.size());
  std::transform(raw.codes.begin(), raw.codes.end(), column.codes.begin(), [&](auto code) {
    return code_of[code];
  });
  column.distinct = column.categories.size();
}

}  // namespace genesis::tabular
