#pragma once
// Numbers beyond the agreed domain count as its nearest bound: where one site's extremes lie far
// beyond those of the others, the domain leaves them out. Pure.
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/tabular/digits.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

struct Domain {
  std::string column;
  double minimum = 0.0;
  double maximum = 0.0;
  Step step = {1.0, 1.0, kAllDigits};  // to which values are rounded before they are looked at
};

struct Clamped {
  Domain domain;
  std::uint64_t cells = 0;  // that lay beyond it
};

/// The columns of `table` with numbers beyond their domain.
[[nodiscard]] std::vector<Clamped> beyond(const Table& table, std::span<const Domain> domains);

void clamp(Table& table, std::span<const Clamped> columns);

/// "column 'age': 3 values are beyond …", for people.
[[nodiscard]] std::string note_of(const Clamped& clamped);

/// Of the continuous columns of a plan or an encoder.
template <typename Columns>
[[nodiscard]] std::vector<Domain> domains_of(const Columns& columns) {
  std::vector<Domain> domains;
  for (const auto& column : columns) {
    if (is_continuous(column.kind)) {
      Domain domain{column.name, column.minimum, column.maximum};
      if (const auto step = step_of(column.kind, column.rounding, column.format)) {
        domain.step = *step;
      }
      domains.push_back(std::move(domain));
    }
  }
  return domains;
}

}  // namespace genesis::tabular
