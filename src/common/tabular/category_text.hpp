#pragma once
// What the text of a category may be where it leaves a site: it is shown on other machines and
// becomes part of the model. Used by a site's method before it introduces its table, and by the
// server's for sites that do not. Pure.
#include <cstddef>
#include <string_view>

#include "common/base/error.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

inline constexpr std::size_t kMaxCategoryBytes = 1024;

/// Errors: kInvalidArgument names the column and the category with a control character (C0, DEL,
/// C1) or more than kMaxCategoryBytes.
[[nodiscard]] Status check_category_text(std::string_view column, std::string_view category);

/// The same of all columns whose texts leave the site.
[[nodiscard]] Status check_category_texts(const Table& table);

}  // namespace genesis::tabular
