// Texts that stand for "no value" (typing.hpp).
#include <algorithm>

#include "common/tabular/typing.hpp"
#include "common/tabular/unicode.hpp"

namespace genesis::tabular {

MissingValues::MissingValues(const TypingRules& rules) {
  const auto& declared =
      rules.declaration.missing_values ? rules.declaration.missing_values : rules.missing_values;
  if (!declared) {
    return;
  }
  are_declared_ = true;
  for (const auto& text : *declared) {
    texts_.push_back(composed(trim(text)));
    if (const auto number = parse_declared_number(trim(text))) {
      numbers_.push_back(number->value);
    }
  }
}

bool MissingValues::in_values(std::string_view text) const {
  return are_declared_ ? is_declared(text) : is_missing_token(text);
}

bool MissingValues::in_words(std::string_view text) const {
  return text.empty() || (are_declared_ && is_declared(text));
}

bool MissingValues::is_declared(std::string_view text) const {
  if (text.empty() || std::ranges::find(texts_, composed(text)) != texts_.end()) {
    return true;
  }
  if (numbers_.empty()) {
    return false;
  }
  const auto number = parse_declared_number(text);
  return number && std::find(numbers_.begin(), numbers_.end(), number->value) != numbers_.end();
}

}  // namespace genesis::tabular
