#include "common/tabular/look_alikes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "common/tabular/cell.hpp"
#include "common/tabular/unicode.hpp"

namespace genesis::tabular {
namespace {

// Categories of one column, and the sites that have them.
using Sites = std::set<std::string>;
using Categories = std::map<std::string, Sites>;

std::string listed(const Sites& sites) {
  std::string text;
  for (const auto& site : sites) {
    text += (text.empty() ? "" : ", ") + site;
  }
  return text;
}

// "01" and "1.0" are one number; other text is compared without case, accents and punctuation.
std::string likeness(const std::string& category) {
  if (const auto number = parse_declared_number(category)) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number->value).ptr;
    return "number " + std::string(text.data(), end);
  }
  return folded(category);
}

void tell_alike(const std::string& column,
                const Categories& categories,
                std::vector<std::string>& told) {
  constexpr std::size_t kMostLines = 20;  // a column of codes may be full of them
  std::map<std::string, std::vector<std::string>> alike;
  for (const auto& [category, sites] : categories) {
    alike[likeness(category)].push_back(category);
  }
  std::size_t lines = 0;
  for (const auto& [likeness_, same] : alike) {
    if (same.size() < 2 || ++lines > kMostLines) {
      continue;
    }
    std::string text = "column " + in_quotes(column) + ": ";
    for (std::size_t i = 0; i < same.size(); ++i) {
      text += (i == 0 ? "" : " and ") + in_quotes(same[i]) + " (" + listed(categories.at(same[i])) +
              ")";
    }
    told.push_back(text + " look alike; if they are one value, declare aliases in table.columns");
  }
  if (lines > kMostLines) {
    told.push_back("column " + in_quotes(column) + ": " + std::to_string(lines - kMostLines) +
                   " more values look alike");
  }
}

void tell_missing(const std::string& column,
                  const Categories& categories,
                  std::vector<std::string>& told) {
  for (const auto& [category, sites] : categories) {
    if (categories.size() > 1 && looks_missing(category)) {
      told.push_back("column " + in_quotes(column) + ": " + in_quotes(category) + " (" +
                     listed(sites) +
                     ") is a category; if it stands for no value, list it in table.missingValues");
    }
  }
}

}  // namespace

std::vector<std::string> look_alikes(std::span<const NamedSketch> sketches) {
  std::map<std::string, Categories> columns;
  for (const auto& site : sketches) {
    for (const auto& column : site.sketch.columns) {
      for (const auto& category : column.categories) {
        columns[column.name][category].insert(site.client);
      }
    }
  }
  std::vector<std::string> told;
  for (const auto& [name, categories] : columns) {
    std::vector<std::string> words;
    for (const auto& [category, sites] : categories) {
      words.push_back(category);
    }
    if (!is_boolean(words)) {
      tell_alike(name, categories, told);
      tell_missing(name, categories, told);
    }
  }
  return told;
}

}  // namespace genesis::tabular
