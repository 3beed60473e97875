#include "common/quality/copied_text.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace genesis::quality {
namespace {

using tabular::Column;
using tabular::kMissingCode;

std::vector<std::uint64_t> rows_of_each(const Column& column) {
  std::vector<std::uint64_t> rows(column.categories.size());
  for (const auto code : column.codes) {
    if (code != kMissingCode) {
      ++rows[code];
    }
  }
  return rows;
}

double copied_share(const Column& real, const Column& synthetic) {
  const auto real_rows = rows_of_each(real);
  const auto synthetic_rows = rows_of_each(synthetic);
  std::uint64_t cells = 0;
  std::uint64_t copied = 0;
  for (std::size_t i = 0; i < synthetic.categories.size(); ++i) {
    const auto at =
        std::lower_bound(real.categories.begin(), real.categories.end(), synthetic.categories[i]);
    const bool is_single = at != real.categories.end() && *at == synthetic.categories[i] &&
                           real_rows[static_cast<std::size_t>(at - real.categories.begin())] == 1;
    cells += synthetic_rows[i];
    copied += is_single ? synthetic_rows[i] : 0;
  }
  return cells == 0 ? 0.0 : static_cast<double>(copied) / static_cast<double>(cells);
}

}  // namespace

std::vector<CopiedText> find_copied_text(const tabular::Table& real,
                                         const tabular::Table& synthetic) {
  std::vector<CopiedText> found;
  for (const auto& column : real.columns) {
    const auto beside =
        std::find_if(synthetic.columns.begin(), synthetic.columns.end(), [&](const Column& other) {
          return other.name == column.name;
        });
    if (tabular::is_continuous(column.kind) || beside == synthetic.columns.end() ||
        tabular::is_continuous(beside->kind)) {
      continue;
    }
    const double share = copied_share(column, *beside);
    if (share > 0.5) {
      found.push_back({column.name, share});
    }
  }
  return found;
}

}  // namespace genesis::quality
