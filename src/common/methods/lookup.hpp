#pragma once
// A method by its name in one of the tables.
#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis::methods {

/// Errors: kInvalidArgument lists the methods that there are; `where` is what named it.
template <typename Entry>
[[nodiscard]] Result<const Entry*> find(std::span<const Entry> methods,
                                        std::string_view name,
                                        std::string_view where) {
  const auto found = std::ranges::find(methods, name, &Entry::name);
  if (found != methods.end()) {
    return &*found;
  }
  std::string known;
  for (const auto& entry : methods) {
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  return fail(Errc::kInvalidArgument,
              std::string(where) + ": \"" + std::string(name) +
                  "\" is no method of this version; it has " + known);
}

}  // namespace genesis::methods
