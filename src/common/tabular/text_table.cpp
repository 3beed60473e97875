#include "common/tabular/text_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/column_csv.hpp"
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

// What the cells of one column mean, each by itself.
class Reading {
 public:
  Reading(const std::string& name, const ReadOptions& options) {
    const auto found = std::ranges::find(options.declarations, name, &Declaration::name);
    const auto* declared = found == options.declarations.end() ? nullptr : &*found;
    const bool is_discrete =
        std::ranges::find(options.discrete_columns, name) != options.discrete_columns.end();
    const bool is_text =
        declared != nullptr && declared->kind ? !is_continuous(*declared->kind) : is_discrete;
    const bool is_date =
        declared != nullptr && declared->kind && *declared->kind == Kind::kDatetime;
    if (!is_text && !is_date && (options.dialect.decimal || options.dialect.thousands)) {
      style_ = NumberStyle{options.dialect.decimal.value_or('.'), options.dialect.thousands};
    }
    const auto& missing = declared != nullptr && declared->missing_values ? declared->missing_values
                                                                          : options.missing_values;
    for (const auto& text : missing.value_or(std::vector<std::string>())) {
      values_[read(text)] = "";
    }
    if (declared != nullptr) {
      for (const auto& alias : declared->aliases) {
        for (const auto& text : alias.from) {
          values_[read(text)] = alias.value;
        }
      }
    }
  }

  [[nodiscard]] std::string operator()(std::string_view cell) const {
    auto text = read(cell);
    if (const auto found = values_.find(text); found != values_.end()) {
      return found->second;
    }
    if (style_) {
      if (const auto number = parse_declared_number(text, *style_)) {
        std::array<char, 32> digits{};
        const auto end =
            std::to_chars(digits.data(), digits.data() + digits.size(), number->value).ptr;
        return {digits.data(), end};
      }
    }
    return text;
  }

 private:
  static std::string read(std::string_view cell) {
    const auto trimmed = trim(cell);
    return is_utf8(trimmed) ? composed(trimmed) : std::string(trimmed);
  }

  std::optional<NumberStyle> style_;                     // where it is declared
  std::unordered_map<std::string, std::string> values_;  // what stands for another text
};

// Cells of one column as they come: each text has the number of its first occurrence.
class Texts {
 public:
  explicit Texts(Reading reading) : reading_(std::move(reading)) {}

  void add(std::string_view cell) {
    if (cell.empty() || cell.size() > kMaxCellBytes) {
      codes_.push_back(kMissingCode);
      return;
    }
    auto known = of_cells_.find(cell);
    if (known == of_cells_.end()) {
      known = of_cells_.emplace(cell, number_of(reading_(cell))).first;
    }
    codes_.push_back(known->second);
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
  [[nodiscard]] std::uint32_t number_of(std::string text) {
    return text.empty()
               ? kMissingCode
               : numbers_.emplace(std::move(text), static_cast<std::uint32_t>(numbers_.size()))
                     .first->second;
  }

  Reading reading_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> of_cells_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // of what they mean
  std::vector<std::uint32_t> codes_;
};

// Takes a file's text apart, record by record.
class Records {
 public:
  Records(std::string_view text, const Dialect& dialect)
      : rest_(text), quote_(dialect.quote.value_or('"')), comment_(dialect.comment) {
    if (rest_.starts_with(kByteOrderMark)) {
      rest_.remove_prefix(kByteOrderMark.size());
    }
    for (std::uint64_t line = 0; line < dialect.skip_rows && !rest_.empty(); ++line) {
      skip_line();
    }
    skip_comments();
    const auto header = rest_.substr(0, rest_.find_first_of("\r\n"));
    const auto uses = [&](char c) { return std::ranges::count(header, c); };
    delimiter_ = dialect.delimiter.value_or(*std::ranges::max_element(kDelimiters, {}, uses));
  }

  // False at the end. Blank lines are none. The fields are valid until the next call.
  [[nodiscard]] bool next(std::vector<std::string_view>& fields) {
    fields.clear();
    unquoted_.clear();
    skip_comments();
    while (rest_.starts_with('\r') || rest_.starts_with('\n')) {
      skip_line();
      skip_comments();
    }
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

  void skip_line() {
    const auto end = rest_.find_first_of("\r\n");
    rest_.remove_prefix(std::min(end, rest_.size()));
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : rest_.empty() ? 0 : 1);
  }

  void skip_comments() {
    while (comment_ && rest_.starts_with(*comment_)) {
      skip_line();
    }
  }

  // Leaves what ends the field.
  [[nodiscard]] std::string_view field() {
    if (quote_ != '\0' && rest_.starts_with(quote_)) {
      std::string quoted;
      for (std::size_t i = 1; i < rest_.size() && quoted.size() <= kMaxCellBytes; ++i) {
        if (rest_[i] == quote_ && is_end(i + 1)) {
          rest_.remove_prefix(i + 1);
          return unquoted_.emplace_back(std::move(quoted));
        }
        i += rest_[i] == quote_ && rest_.substr(i + 1).starts_with(quote_) ? 1 : 0;
        quoted.push_back(rest_[i]);
      }
    }
    std::size_t end = 0;
    while (!is_end(end)) {
      ++end;
    }
    const auto plain = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return plain;
  }

  std::string_view rest_;
  std::deque<std::string> unquoted_;  // of this record
  char quote_;                        // '\0': none
  std::optional<char> comment_;       // begins lines that are passed over
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

// What would make an error, or a cell's meaning, a matter of other rows.
Status check_options(const ReadOptions& options, const std::string& source) {
  const auto encoding = options.dialect.encoding;
  if (encoding == Encoding::kUtf16LittleEndian || encoding == Encoding::kUtf16BigEndian) {
    return fail(Errc::kInvalidArgument,
                source +
                    ": table.csv.encoding: UTF-16 is not read under differential privacy; convert "
                    "the file to UTF-8");
  }
  for (const auto& declared : options.declarations) {
    if (declared.censored) {
      return fail(Errc::kInvalidArgument,
                  "table.columns[" + declared.name +
                      "].censored: is not implemented under differential privacy; remove it");
    }
  }
  return {};
}

// The text of a table, piece by piece.
class Pieces {
 public:
  explicit Pieces(std::string source) : source_(std::move(source)) {}

  [[nodiscard]] Status add(std::string_view bytes) {
    text_ += bytes;
    return text_.size() <= kMaxTableBytes
               ? Status()
               : Status(fail(Errc::kResourceExhausted, source_ + ": is too large; split it"));
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string source_;
  std::string text_;
};

// Where every field has to come back as it is.
Status check_whole(const std::vector<std::string_view>& fields,
                   const std::vector<std::string>& names,
                   std::size_t record,
                   std::string_view source) {
  const auto where = std::string(source) + ": row " + std::to_string(record);
  if (fields.size() > names.size()) {
    return fail(Errc::kInvalidArgument,
                where + " has " + std::to_string(fields.size()) + " fields, and the header " +
                    std::to_string(names.size()) + "; put fields with a delimiter in quotes");
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].size() > kMaxCellBytes) {
      return fail(Errc::kResourceExhausted,
                  where + ", column '" + names[i] + "': more than " +
                      std::to_string(kMaxCellBytes) + " bytes; leave the column out");
    }
  }
  return {};
}

}  // namespace

Result<Table> parse_text_table(std::string_view text,
                               std::string_view source,
                               const ReadOptions& options) {
  GENESIS_RETURN_IF_ERROR(check_options(options, std::string(source)));
  std::string converted;
  if (options.dialect.encoding && *options.dialect.encoding != Encoding::kUtf8) {
    GENESIS_RETURN_IF_ERROR(Transcoder(*options.dialect.encoding).append(text, converted));
    text = converted;
  }
  Records records(text, options.dialect);
  std::vector<std::string_view> fields;
  if (!records.next(fields)) {
    return fail(Errc::kInvalidArgument,
                std::string(source) + ": the file is empty; the first line must name the columns");
  }
  std::vector<std::string> names;
  for (const auto field : fields) {
    names.push_back(is_utf8(field) ? composed(trim(field)) : std::string(field));
  }
  GENESIS_RETURN_IF_ERROR(check_names(names, std::string(source)));
  Table table;
  std::vector<Texts> columns;
  std::vector<std::size_t> places;  // of columns that are read, among the fields
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (options.stays && options.stays(names[i])) {
      table.kept.push_back(names[i]);
    } else if (std::ranges::find(options.ignored_columns, names[i]) ==
               options.ignored_columns.end()) {
      columns.emplace_back(Reading(names[i], options));
      places.push_back(i);
    }
  }
  while (records.next(fields)) {
    if (++table.rows > kMaxRows) {
      return fail(Errc::kResourceExhausted, std::string(source) + ": too many rows; split it");
    }
    if (options.is_whole) {
      GENESIS_RETURN_IF_ERROR(check_whole(fields, names, table.rows, source));
    }
    fields.resize(names.size());
    for (std::size_t c = 0; c < columns.size(); ++c) {
      columns[c].add(fields[places[c]]);
    }
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    table.columns.push_back(std::move(columns[c]).finish(std::move(names[places[c]])));
  }
  return table;
}

Result<Table> read_text_table(const std::filesystem::path& path, const ReadOptions& options) {
  Pieces pieces(path.string());
  GENESIS_RETURN_IF_ERROR(
      read_in_pieces(path, [&](std::string_view bytes) { return pieces.add(bytes); }));
  return parse_text_table(pieces.text(), path.string(), options);
}

Result<Table> read_text_columns(const ColumnTable& columns,
                                std::string_view source,
                                const ReadOptions& options) {
  auto settled = options;
  settled.dialect = {.delimiter = ',', .quote = '"', .encoding = Encoding::kUtf8};
  Pieces pieces{std::string(source)};
  GENESIS_RETURN_IF_ERROR(
      write_columns(columns, source, [&](std::string_view bytes) { return pieces.add(bytes); }));
  return parse_text_table(pieces.text(), source, settled);
}

Result<Table> read_text_table(const TableSource& source,
                              std::string_view name,
                              const ReadOptions& options) {
  if (!source.data.empty()) {
    return read_text_table(source.data, options);
  }
  return source.csv.empty() && !source.columns.columns.empty()
             ? read_text_columns(source.columns, name, options)
             : parse_text_table(source.csv, name, options);
}

}  // namespace genesis::tabular
