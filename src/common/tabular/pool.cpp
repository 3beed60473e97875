#include "common/tabular/pool.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "common/tabular/align.hpp"

namespace genesis::tabular {
namespace {

// A text column that grows by texts; sorted at the end.
class TextColumn {
 public:
  void add_missing() { codes_.push_back(kMissingCode); }
  void add(const std::string& text) {
    const auto next = static_cast<std::uint32_t>(code_of_.size());
    codes_.push_back(code_of_.try_emplace(text, next).first->second);
  }

  void finish(Column& column) && {
    std::vector<std::uint32_t> sorted(code_of_.size());
    for (const auto& [text, code] : code_of_) {
      sorted[code] = static_cast<std::uint32_t>(column.categories.size());
      column.categories.push_back(text);
    }
    for (auto& code : codes_) {
      code = code == kMissingCode ? code : sorted[code];
    }
    column.codes = std::move(codes_);
    column.distinct = column.categories.size();
  }

 private:
  std::map<std::string, std::uint32_t> code_of_;
  std::vector<std::uint32_t> codes_;
};

// An identifier's own texts; whole numbers that are one elsewhere are written out.
void add_identifiers(const Column& from, TextColumn& to) {
  for (const double value : from.numbers) {
    if (std::isnan(value)) {
      to.add_missing();
    } else {
      to.add(std::to_string(static_cast<std::int64_t>(value)));
    }
  }
  for (const auto code : from.codes) {
    if (code == kMissingCode) {
      to.add_missing();
    } else {
      to.add(from.categories[code]);
    }
  }
}

Status add_text(const Column& from, const ColumnPlan& plan, TextColumn& to) {
  if (plan.kind == Kind::kIdentifier) {
    add_identifiers(from, to);
    return {};
  }
  GENESIS_ASSIGN(const auto aligned, align(from, {plan.kind, plan.format, plan.categories, true}));
  for (std::size_t row = 0; row < aligned.codes.size(); ++row) {
    const auto code = aligned.codes[row];
    if (code == kMissingCode) {
      to.add_missing();
    } else {
      to.add(code < plan.categories.size() ? plan.categories[code]
                                           : from.categories[from.codes[row]]);
    }
  }
  return {};
}

}  // namespace

Result<Table> pool(std::span<const NamedTable> tables, const Plan& plan) {
  Table pooled;
  for (const auto& site : tables) {
    pooled.rows += site.table.rows;
  }
  for (const auto& about : plan.columns) {
    Column column;
    column.name = about.name;
    column.kind = about.kind;
    column.precision = about.precision;
    column.significant = about.rounding.significant;
    column.format = about.format;
    TextColumn text;
    for (const auto& site : tables) {
      GENESIS_ASSIGN(const Column* from, find_column(site.table, about.name));
      if (is_continuous(about.kind)) {
        GENESIS_ASSIGN(const auto aligned, align(*from, {about.kind, about.format, {}, false}));
        column.numbers.insert(column.numbers.end(), aligned.numbers.begin(), aligned.numbers.end());
      } else {
        GENESIS_RETURN_IF_ERROR(add_text(*from, about, text));
      }
    }
    if (!is_continuous(about.kind)) {
      std::move(text).finish(column);
    }
    pooled.columns.push_back(std::move(column));
  }
  return pooled;
}

}  // namespace genesis::tabular
