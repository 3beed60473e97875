#include "common/tabular/csv_reader.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {
namespace {

constexpr std::size_t kHead = std::size_t{1} << 16;  // what shows how a file is written

bool is_whole_number(std::string_view text) {
  const auto number = parse_number(text);
  return number && number->digits_only;
}

template <typename Holds>
bool all_texts(const RawColumn& column, Holds holds) {
  for (std::size_t code = 0; code < column.dictionary.size(); ++code) {
    if (!holds(column.dictionary.text(code))) {
      return false;
    }
  }
  return true;
}

bool is_whole(const RawColumn& column) {
  return (!column.holds_numbers() || column.plain.digits_only) &&
         all_texts(column, is_whole_number);
}

// Whether its cells are 0, 1, 2 and so on, or begin with 1.
bool numbers_rows(const RawColumn& column) {
  const std::size_t rows = column.rows();
  double first = 0.0;
  for (std::size_t row = 0; row < rows; ++row) {
    double cell = 0.0;
    if (column.holds_numbers()) {
      cell = column.numbers[row];
    } else if (const auto number = parse_number(column.dictionary.text(column.codes[row]))) {
      cell = number->value;
    } else {
      return false;
    }
    first = row == 0 ? cell : first;
    if (cell != first + static_cast<double>(row)) {
      return false;
    }
  }
  return rows >= 2 && (first == 0.0 || first == 1.0);
}

// Whole numbers that are all different, as an index is that came from a selection of rows.
bool is_index(const RawColumn& column) {
  if (!is_whole(column)) {
    return false;
  }
  if (!column.holds_numbers()) {
    return column.dictionary.size() == column.rows();
  }
  auto numbers = column.numbers;
  std::ranges::sort(numbers);
  return column.dictionary.size() == 0 && std::ranges::adjacent_find(numbers) == numbers.end();
}

// Whether nine of ten texts hold one sign that sets fields apart, equally often.
bool holds_a_delimiter(const RawColumn& column) {
  const auto& texts = column.dictionary;
  for (const char sign : {';', '\t', '|', ','}) {
    std::map<std::ptrdiff_t, std::size_t> by_count;
    for (std::size_t code = 0; code < texts.size(); ++code) {
      ++by_count[std::ranges::count(texts.text(code), sign)];
    }
    const bool is_even = std::ranges::any_of(by_count, [&](const auto& entry) {
      return entry.first > 0 && 10 * entry.second >= 9 * texts.size();
    });
    if (is_even) {
      return true;
    }
  }
  return false;
}

bool is_empty(const RawColumn& column) {
  return !column.holds_numbers() &&
         all_texts(column, [](std::string_view text) { return trim(text).empty(); });
}

// What a file is that is no table of text, by its first bytes; "" where these do not tell.
std::string_view kind_of_file(std::string_view head) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kSigns = {
      {{"PK\x03\x04", "an Excel workbook or a zip archive"},
       {"\xD0\xCF\x11\xE0", "an Excel workbook"},
       {"PAR1", "a Parquet file"},
       {"ARROW1", "an Arrow file"},
       {"SQLite format 3", "an SQLite database"},
       {"%PDF-", "a PDF document"},
       {"{\"", "JSON"},
       {"[{", "JSON"},
       {"<!", "a web page"},
       {"<html", "a web page"},
       {"<?xml", "XML"}}};
  const auto found =
      std::ranges::find_if(kSigns, [&](const auto& sign) { return head.starts_with(sign.first); });
  return found == kSigns.end() ? std::string_view() : found->second;
}

// Text that no two encodings write alike.
enum class Bytes { kAscii, kUtf8, kNeither };

Bytes bytes_of(std::string_view text) {
  const bool ascii = std::none_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  return ascii ? Bytes::kAscii : is_utf8(text) ? Bytes::kUtf8 : Bytes::kNeither;
}

}  // namespace

struct CsvReader::Impl {
  std::string source;
  Dialect declared;
  Status failure;
  std::string head;  // the first bytes, until it is known how the file is written
  bool started = false;
  std::uint64_t bytes = 0;

  bool is_utf8_file = true;  // its bytes are parsed as they are
  Transcoder transcoder{Encoding::kUtf8};
  std::string transcoded;
  CsvSyntax syntax;
  std::optional<CsvTokenizer> tokenizer;
  std::uint64_t title = 0;  // lines before the header that look like a title

  std::size_t field = 0;  // fields of the current record so far
  bool header_done = false;
  bool header_is_one_field = false;
  RawTable table;
  RawColumn surplus{""};  // a field more than the header has, in each row
  bool has_surplus = false;
  bool header_has_surplus = false;  // its last name is empty, and rows have no field for it

  [[nodiscard]] std::string where() const {
    return source + ":" + std::to_string(tokenizer ? tokenizer->record_line() : 1);
  }

  bool stop(Errc code, const std::string& what) {
    if (failure) {
      failure = fail(code, where() + ": " + what);
    }
    return false;
  }

  bool on_field(std::string_view text) {
    if (text.size() > kMaxCellBytes) {
      return stop(Errc::kResourceExhausted,
                  "field " + std::to_string(field + 1) + " has more than " +
                      human_bytes(static_cast<double>(kMaxCellBytes)));
    }
    if (!header_done) {
      return add_name(text);
    }
    if (field < table.columns.size()) {
      table.columns[field].add(text, tokenizer->record_line());
    } else if (field == table.columns.size() && (table.rows == 0 || has_surplus)) {
      surplus.add(text, tokenizer->record_line());
    }
    ++field;
    return true;
  }

  bool add_name(std::string_view text) {
    if (field >= kMaxColumns) {
      return stop(Errc::kResourceExhausted,
                  "more than " + std::to_string(kMaxColumns) + " columns");
    }
    if (text.size() > kMaxNameBytes) {
      return stop(Errc::kResourceExhausted,
                  "the name of column " + std::to_string(field + 1) + " has more than " +
                      std::to_string(kMaxNameBytes) + " bytes");
    }
    if (text.find('\0') != std::string_view::npos) {
      return stop(Errc::kInvalidArgument,
                  "the name of column " + std::to_string(field + 1) +
                      " holds a zero byte; is the file UTF-16? Declare table.csv.encoding");
    }
    table.columns.emplace_back(std::string(trim(text)));
    ++field;
    return true;
  }

  bool on_record() {
    const std::size_t fields = std::exchange(field, 0);
    if (!header_done) {
      header_done = true;
      header_is_one_field = fields == 1;
      return check_names();
    }
    const std::size_t wanted = table.columns.size();
    if (table.rows == 0) {
      has_surplus = fields == wanted + 1;
      header_has_surplus = fields + 1 == wanted && fields > 0 && table.columns.back().name.empty();
    }
    if (fields != wanted + (has_surplus ? 1 : 0) - (header_has_surplus ? 1 : 0)) {
      return stop(Errc::kInvalidArgument,
                  std::to_string(fields) + (fields == 1 ? " field" : " fields") +
                      ", the header has " + std::to_string(wanted) + remedy_for_shape());
    }
    if (++table.rows > kMaxRows) {
      return stop(Errc::kResourceExhausted, "more than " + std::to_string(kMaxRows) + " rows");
    }
    return true;
  }

  [[nodiscard]] std::string remedy_for_shape() const {
    const bool is_first = table.rows == 0;
    if (title > 0 && (is_first || header_is_one_field)) {
      return "; the first lines look like a title: declare table.csv.skipRows: " +
             std::to_string(title);
    }
    if (!declared.delimiter && table.columns.size() == 1) {
      return "; if the fields are not set apart by commas, declare table.csv.delimiter";
    }
    if (!is_first) {
      return "; correct the line, or remove it if it is no row, such as a total below the table";
    }
    return "";
  }

  bool check_names() {
    std::map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const auto& name = table.columns[i].name;
      const auto [first, is_new] = seen.emplace(name, i + 1);
      if (!is_new && !name.empty()) {
        return stop(Errc::kInvalidArgument,
                    "columns " + std::to_string(first->second) + " and " + std::to_string(i + 1) +
                        " are both called " + in_quotes(name));
      }
    }
    return true;
  }

  void parse(std::string_view text) {
    constexpr std::size_t kSlice = std::size_t{1} << 16;  // bounds what is buffered of one cell
    while (!text.empty() && failure) {
      const std::string_view slice = text.substr(0, kSlice);
      if (!tokenizer->feed(slice, *this)) {
        return stop_at_problem();
      }
      if (tokenizer->buffered() > kMaxCellBytes + kSlice) {
        stop(Errc::kResourceExhausted,
             "field " + std::to_string(field + 1) + " has more than " +
                 human_bytes(static_cast<double>(kMaxCellBytes)) + "; is a closing quote missing?");
        return;
      }
      text.remove_prefix(slice.size());
    }
  }

  void stop_at_problem() {
    switch (tokenizer->problem()) {
      case CsvTokenizer::Problem::kNone:
        return;  // the sink stopped
      case CsvTokenizer::Problem::kStrayQuote:
        stop(Errc::kInvalidArgument,
             "field " + std::to_string(field + 1) +
                 " has a quote where none may be; put the field in quotes and double those inside" +
                 (declared.quote ? "" : ", or declare table.csv.quote: none"));
        return;
      case CsvTokenizer::Problem::kOpenQuote:
        stop(Errc::kInvalidArgument,
             "field " + std::to_string(field + 1) +
                 " starts with a quote that nothing closes; was the file cut?");
        return;
    }
  }

  void take(std::string_view piece) {
    if (is_utf8_file) {
      return parse(piece);
    }
    transcoded.clear();
    if (auto done = transcoder.append(piece, transcoded); !done) {
      stop(done.error().code, done.error().message);
      return;
    }
    parse(transcoded);
  }

  // Settles how the file is written, from its first bytes.
  void start(bool is_whole) {
    started = true;
    std::string_view rest = head;
    if (const auto kind = kind_of_file(head); !kind.empty()) {
      stop(Errc::kInvalidArgument,
           "this is " + std::string(kind) + "; export the table as delimited text (CSV)");
      return;
    }
    const auto sign = encoding_sign(rest);
    Encoding encoding = declared.encoding.value_or(Encoding::kUtf8);
    if (sign) {
      const bool is_utf16 = sign->encoding != Encoding::kUtf8;
      const bool says_utf16 = encoding == Encoding::kUtf16LittleEndian;
      if (is_utf16 && declared.encoding && !says_utf16) {
        stop(Errc::kInvalidArgument,
             "the file is UTF-16, but table.csv.encoding declares " +
                 std::string(to_string(encoding)) + "; remove that or declare utf-16");
        return;
      }
      if (is_utf16 || sign->mark_size > 0) {
        encoding = sign->encoding;
      }
      rest.remove_prefix(sign->mark_size);
      if (is_utf16 && !declared.encoding) {
        table.notes.push_back("read as UTF-16");
      }
    }
    is_utf8_file = encoding == Encoding::kUtf8;
    std::string text(rest);
    if (!is_utf8_file) {
      transcoder = Transcoder(encoding);
      text.clear();
      if (auto done = transcoder.append(rest, text); !done) {
        stop(done.error().code, done.error().message);
        return;
      }
    }
    syntax = find_syntax(text, declared, is_whole);
    title = title_lines(text, syntax);
    tokenizer.emplace(syntax);
    table.delimiter = syntax.delimiter;
    if (!declared.delimiter && syntax.delimiter != ',') {
      table.notes.push_back("fields are set apart by " + name_of_sign(syntax.delimiter));
    }
    head = {};
    parse(text);
  }

  // Names of columns that are no data: an index, or nothing behind a delimiter at the line's end.
  void drop_unnamed() {
    auto& columns = table.columns;
    if (header_has_surplus) {
      columns.pop_back();
    }
    if (has_surplus && is_empty(surplus)) {
      table.notes.emplace_back("each row ends in a delimiter: no column is read behind it");
    } else if (has_surplus) {
      move_names_over_index();
    }
    if (failure && columns.size() > 1 && columns.front().name.empty() &&
        is_index(columns.front())) {
      columns.erase(columns.begin());
      table.notes.emplace_back(
          "column 1 has no name and numbers the rows, as pandas and R write their index: left out");
    } else if (failure && columns.size() > 1 && columns.front().name == "Unnamed: 0" &&
               is_index(columns.front())) {
      columns.erase(columns.begin());
      table.notes.emplace_back("column 'Unnamed: 0' is an index that pandas has read: left out");
    }
    if (failure && columns.size() > 1 && columns.back().name.empty() && is_empty(columns.back())) {
      columns.pop_back();
      table.notes.emplace_back("the header ends in a delimiter: no column is read behind it");
    }
    for (std::size_t i = 0; i < columns.size() && failure; ++i) {
      if (columns[i].name.empty()) {
        failure = fail(Errc::kInvalidArgument,
                       source + ": column " + std::to_string(i + 1) +
                           " has no name; give each column one in the header");
      }
    }
  }

  // R's write.table names all columns but the row names, which come first.
  void move_names_over_index() {
    auto& columns = table.columns;
    if (!numbers_rows(columns.front())) {
      failure = fail(Errc::kInvalidArgument,
                     source + ":2: " + std::to_string(columns.size() + 1) +
                         " fields, the header has " + std::to_string(columns.size()));
      return;
    }
    std::vector<std::string> names;
    for (const auto& column : columns) {
      names.push_back(column.name);
    }
    columns.erase(columns.begin());
    columns.push_back(std::move(surplus));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      columns[i].name = names[i];
    }
    table.notes.emplace_back(
        "each row begins with its number, for which the header has no name: left out");
  }

  // Text that is not UTF-8 is Windows-1252, unless other text of the file is UTF-8.
  void settle_encoding() {
    if (!is_utf8_file) {
      return;
    }
    bool any_utf8 = false;
    std::string problem;
    std::string bad_name;
    for (const auto& column : table.columns) {
      const Bytes name = bytes_of(column.name);
      any_utf8 = any_utf8 || name == Bytes::kUtf8;
      if (name == Bytes::kNeither) {
        bad_name = "the name of column " + std::to_string(&column - table.columns.data() + 1);
        problem = source + ":" + std::to_string(syntax.skipped_lines + 1) + ": " + bad_name;
      }
      for (std::size_t code = 0; code < column.dictionary.size(); ++code) {
        const Bytes bytes_here = bytes_of(column.dictionary.text(code));
        any_utf8 = any_utf8 || bytes_here == Bytes::kUtf8;
        if (bytes_here == Bytes::kNeither && problem.empty()) {
          problem = source + ":" + std::to_string(column.dictionary.line(code)) + ": column '" +
                    column.name + "': text";
        }
      }
    }
    if (problem.empty()) {
      return;
    }
    if (any_utf8 || declared.encoding || !read_as_windows_1252()) {
      failure = fail(Errc::kInvalidArgument,
                     problem +
                         " is not UTF-8; declare table.csv.encoding, such as windows-1252, "
                         "or convert the file");
      return;
    }
    table.notes.emplace_back(
        "text that is not UTF-8 is read as Windows-1252; declare table.csv.encoding if it is "
        "another");
  }

  bool read_as_windows_1252() {
    for (auto& column : table.columns) {
      const auto name = from_windows_1252(column.name);
      if (!name) {
        return false;
      }
      column.name = *name;
      Dictionary again;
      for (std::size_t code = 0; code < column.dictionary.size(); ++code) {
        const auto text = from_windows_1252(column.dictionary.text(code));
        if (!text) {
          return false;
        }
        again.add(*text, column.dictionary.line(code));
      }
      column.dictionary = std::move(again);
    }
    return true;
  }

  void refuse_hidden_delimiter() {
    if (table.columns.size() != 1 || declared.delimiter || table.columns[0].holds_numbers()) {
      return;
    }
    // The fields behind a title are set apart by a sign that it does not hold.
    const bool is_title = title > 0 && header_is_one_field;
    if (is_title && holds_a_delimiter(table.columns.front())) {
      failure = fail(Errc::kInvalidArgument, source + ": one column" + remedy_for_shape());
      return;
    }
    const auto& column = table.columns.front();
    if (const auto sign = hidden_delimiter(column.name, column.dictionary)) {
      failure = fail(Errc::kInvalidArgument,
                     source + ": one column, " + in_quotes(column.name) +
                         ", whose cells all hold as many of the sign " + name_of_sign(*sign) +
                         " as its name; if it sets fields apart, declare table.csv.delimiter: \"" +
                         (*sign == '\t' ? std::string("tab") : std::string(1, *sign)) +
                         "\", and \",\" if it does not");
    }
  }
};

CsvReader::CsvReader(std::string source, Dialect declared) : impl_(std::make_unique<Impl>()) {
  impl_->source = std::move(source);
  impl_->declared = declared;
}

CsvReader::~CsvReader() = default;

Status CsvReader::feed(std::string_view bytes) {
  auto& state = *impl_;
  state.bytes += bytes.size();
  if (state.failure && state.bytes > kMaxTableBytes) {
    state.failure =
        fail(Errc::kResourceExhausted,
             state.source + ": more than " + human_bytes(static_cast<double>(kMaxTableBytes)));
  }
  if (!state.failure) {
    return state.failure;
  }
  if (state.started) {
    state.take(bytes);
    return state.failure;
  }
  const auto taken = bytes.substr(0, kHead - state.head.size());
  state.head += taken;
  if (state.head.size() == kHead) {
    state.start(false);
    if (state.failure) {
      state.take(bytes.substr(taken.size()));
    }
  }
  return state.failure;
}

Result<RawTable> CsvReader::finish() {
  auto& state = *impl_;
  if (state.failure && !state.started) {
    state.start(true);
  }
  if (state.failure) {
    if (auto done = state.transcoder.finish(); !done) {
      state.stop(done.error().code, done.error().message);
    }
  }
  if (state.failure && !state.tokenizer->finish(state)) {
    state.stop_at_problem();
  }
  if (!state.failure) {
    return tl::unexpected(state.failure.error());
  }
  if (!state.header_done) {
    return fail(Errc::kInvalidArgument,
                state.source + ": the file is empty; the first line must name the columns");
  }
  if (state.table.rows == 0) {
    return fail(Errc::kInvalidArgument, state.source + ": no rows after the header");
  }
  state.drop_unnamed();
  if (state.failure) {
    state.settle_encoding();
  }
  if (state.failure) {
    state.refuse_hidden_delimiter();
  }
  if (!state.failure) {
    return tl::unexpected(state.failure.error());
  }
  return std::move(state.table);
}

}  // namespace genesis::tabular
