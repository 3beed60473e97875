#pragma once
// What the text of a category may be where it leaves a site: it is shown on other machines and
// becomes part of the model. Used by a site's method before it introduces its table. Pure.
#include <cstddef>

#include "common/base/error.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

inline constexpr std::size_t kMaxCategoryBytes = 1024;

/// Errors: kInvalidArgument names the column and the category with a control character (C0, DEL,
/// C1) or more than kMaxCategoryBytes, of columns whose texts leave the site.
[[nodiscard]] Status check_category_texts(const Table& table);

}  // namespace genesis::tabular
