#include "common/tabular/category_text.hpp"

#include <string>

#include "common/base/text.hpp"

namespace genesis::tabular {
namespace {

bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool is_ascii = c < 0x20U || c == 0x7FU;
    // U+0080 to U+009F are C2 80 to C2 9F.
    const bool is_c1 = c == 0xC2U && i + 1 < text.size() &&
                       static_cast<unsigned char>(text[i + 1]) >= 0x80U &&
                       static_cast<unsigned char>(text[i + 1]) <= 0x9FU;
    if (is_ascii || is_c1) {
      return true;
    }
  }
  return false;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 40;
  return "\"" + printable(text, kShown) + "\"";
}

}  // namespace

Status check_category_text(std::string_view column, std::string_view category) {
  constexpr const char* kRemedy = "; clean the file, or declare the column with kind: identifier";
  if (category.size() > kMaxCategoryBytes) {
    return fail(Errc::kInvalidArgument,
                "column " + shown(column) + ": the category " + shown(category) + " has " +
                    std::to_string(category.size()) + " bytes, more than " +
                    std::to_string(kMaxCategoryBytes) + kRemedy);
  }
  if (has_control(category)) {
    return fail(Errc::kInvalidArgument,
                "column " + shown(column) + ": the category " + shown(category) +
                    " has a control character" + kRemedy);
  }
  return {};
}

Status check_category_texts(const Table& table) {
  for (const auto& column : table.columns) {
    if (column.kind != Kind::kCategory) {
      continue;  // booleans are words of ours, and identifiers stay here
    }
    for (const auto& category : column.categories) {
      GENESIS_RETURN_IF_ERROR(check_category_text(column.name, category));
    }
  }
  return {};
}

}  // namespace genesis::tabular
