#include "common/tabular/text_table.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/csv_file.hpp"

namespace genesis::tabular {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kDelimiters = ",;\t|";

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

// Cells of one column as they come: each text has the number of its first occurrence.
class Texts {
 public:
  void add(std::string_view text) {
    if (text.empty() || text.size() > kMaxCellBytes) {
      codes_.push_back(kMissingCode);
      return;
    }
    auto found = numbers_.find(text);
    if (found == numbers_.end()) {
      found = numbers_.emplace(text, static_cast<std::uint32_t>(numbers_.size())).first;
    }
    codes_.push_back(found->second);
  }

  // Categories are sorted.
  [[nodiscard]] Column finish(std::string name) && {
    Column column;
    column.name = std::move(name);
    column.kind = Kind::kCategory;
    for (const auto& [text, number] : numbers_) {
      column.categories.push_back(text);
    }
    std::ranges::sort(column.categories);
    std::vector<std::uint32_t> sorted(numbers_.size());
    for (std::uint32_t code = 0; code < column.categories.size(); ++code) {
      sorted[numbers_.at(column.categories[code])] = code;
    }
    for (auto& code : codes_) {
      code = code == kMissingCode ? code : sorted[code];
    }
    column.codes = std::move(codes_);
    return column;
  }

 private:
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> numbers_;
  std::vector<std::uint32_t> codes_;
};

// Takes a file's text apart, record by record.
class Records {
 public:
  explicit Records(std::string_view text) : rest_(text) {
    if (rest_.starts_with(kByteOrderMark)) {
      rest_.remove_prefix(kByteOrderMark.size());
    }
    const auto header = rest_.substr(0, rest_.find_first_of("\r\n"));
    const auto uses = [&](char c) { return std::ranges::count(header, c); };
    delimiter_ = *std::ranges::max_element(kDelimiters, {}, uses);
  }

  // False at the end. A blank line is a record of one empty field.
  [[nodiscard]] bool next(std::vector<std::string>& fields) {
    fields.clear();
    if (rest_.empty()) {
      return false;
    }
    while (true) {
      fields.push_back(field());
      if (rest_.empty()) {
        return true;
      }
      const char end = rest_.front();
      rest_.remove_prefix(1);
      if (end != delimiter_) {
        if (end == '\r' && rest_.starts_with('\n')) {
          rest_.remove_prefix(1);
        }
        return true;
      }
      if (rest_.empty()) {
        fields.emplace_back();
        return true;
      }
    }
  }

 private:
  [[nodiscard]] bool is_end(std::size_t at) const {
    return at >= rest_.size() || rest_[at] == delimiter_ || rest_[at] == '\n' || rest_[at] == '\r';
  }

  // Leaves what ends the field.
  [[nodiscard]] std::string field() {
    if (rest_.starts_with('"')) {
      std::string quoted;
      for (std::size_t i = 1; i < rest_.size() && quoted.size() <= kMaxCellBytes; ++i) {
        if (rest_[i] == '"' && is_end(i + 1)) {
          rest_.remove_prefix(i + 1);
          return quoted;
        }
        i += rest_[i] == '"' && rest_.substr(i + 1).starts_with('"') ? 1 : 0;
        quoted.push_back(rest_[i]);
      }
    }
    const auto end = std::min(rest_.find_first_of(ends()), rest_.size());
    std::string plain(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return plain;
  }

  [[nodiscard]] std::string ends() const { return std::string("\r\n") + delimiter_; }

  std::string_view rest_;
  char delimiter_ = ',';
};

Status check_names(const std::vector<std::string>& names, const std::string& source) {
  const auto wrong = [&](const std::string& what) {
    return fail(Errc::kInvalidArgument, source + ": " + what);
  };
  if (names.size() > kMaxColumns) {
    return fail(Errc::kResourceExhausted,
                source + ": more than " + std::to_string(kMaxColumns) + " columns");
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& name = names[i];
    const std::string which = "column " + std::to_string(i + 1);
    if (name.empty() || name.size() > kMaxNameBytes) {
      return wrong(which +
                   " has no name, or one above 1 KiB; the first line must name the columns");
    }
    if (!is_utf8(name) || name.find('\0') != std::string::npos) {
      return wrong("the name of " + which + " is not UTF-8 text; convert the file");
    }
    if (!seen.insert(name).second) {
      return wrong("two columns are called " + in_quotes(name));
    }
  }
  return {};
}

}  // namespace

Result<Table> parse_text_table(std::string_view text, std::string_view source) {
  Records records(text);
  std::vector<std::string> names;
  if (!records.next(names)) {
    return fail(Errc::kInvalidArgument,
                std::string(source) + ": the file is empty; the first line must name the columns");
  }
  GENESIS_RETURN_IF_ERROR(check_names(names, std::string(source)));
  std::vector<Texts> columns(names.size());
  Table table;
  std::vector<std::string> fields;
  while (records.next(fields)) {
    if (fields.size() == 1 && fields[0].empty()) {
      continue;
    }
    if (++table.rows > kMaxRows) {
      return fail(Errc::kResourceExhausted, std::string(source) + ": too many rows; split it");
    }
    fields.resize(names.size());
    for (std::size_t c = 0; c < columns.size(); ++c) {
      columns[c].add(fields[c]);
    }
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    table.columns.push_back(std::move(columns[c]).finish(std::move(names[c])));
  }
  return table;
}

Result<Table> read_text_table(const std::filesystem::path& path) {
  std::string text;
  GENESIS_RETURN_IF_ERROR(read_in_pieces(path, [&](std::string_view bytes) -> Status {
    text += bytes;
    return text.size() <= kMaxTableBytes
               ? Status()
               : Status(fail(Errc::kResourceExhausted, path.string() + ": is too large; split it"));
  }));
  return parse_text_table(text, path.string());
}

}  // namespace genesis::tabular
