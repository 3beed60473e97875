#include "common/tabular/csv_reader.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <csv.h>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// RFC 4180, section 2.4: spaces are part of a field.
int no_space(unsigned char) {
  return 0;
}

// Line breaks inside a field: LF, CRLF and CR count once each.
std::uint64_t count_breaks(std::string_view text) {
  std::uint64_t breaks = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool lone_return = text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n');
    breaks += text[i] == '\n' || lone_return ? 1 : 0;
  }
  return breaks;
}

}  // namespace

// libcsv calls back through C frames, so nothing below may throw but bad_alloc, which ends the
// process; errors are kept in `failure` and stop the reader at the next feed.
struct CsvReader::Impl {
  std::string source;
  csv_parser parser{};
  Status failure;
  std::string held;  // the first bytes, until it is known whether they are a byte order mark
  bool started = false;
  std::uint64_t bytes = 0;

  std::uint64_t line = 1;         // where the parser is
  std::uint64_t record_line = 1;  // where the current record starts
  std::size_t field = 0;          // fields of the current record so far
  bool after_return = false;      // the last terminator was CR: an LF now is its second half
  bool header_done = false;
  RawTable table;

  [[nodiscard]] std::string where() const { return source + ":" + std::to_string(record_line); }

  void stop(Errc code, const std::string& what) {
    if (failure) {
      failure = fail(code, where() + ": " + what);
    }
  }

  void on_field(std::string_view text) {
    if (!failure) {
      return;
    }
    if (text.size() > kMaxCellBytes) {
      return stop(Errc::kResourceExhausted,
                  "field " + std::to_string(field + 1) + " has more than " +
                      human_bytes(static_cast<double>(kMaxCellBytes)));
    }
    after_return = false;
    line += count_breaks(text);
    if (!header_done) {
      add_name(text);
    } else if (field < table.columns.size()) {
      auto& column = table.columns[field];
      column.codes.push_back(column.dictionary.add(text, record_line));
    }
    ++field;
  }

  void add_name(std::string_view text) {
    if (field >= kMaxColumns) {
      return stop(Errc::kResourceExhausted,
                  "more than " + std::to_string(kMaxColumns) + " columns");
    }
    if (text.empty()) {
      return stop(Errc::kInvalidArgument,
                  "column " + std::to_string(field + 1) + " has no name; give each column one");
    }
    if (text.size() > kMaxNameBytes) {
      return stop(Errc::kResourceExhausted,
                  "the name of column " + std::to_string(field + 1) + " has more than " +
                      std::to_string(kMaxNameBytes) + " bytes");
    }
    if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
      return stop(Errc::kInvalidArgument,
                  "the name of column " + std::to_string(field + 1) +
                      " is not UTF-8 text; convert the file");
    }
    table.columns.push_back({std::string(text), {}, {}});
  }

  void check_names() {
    std::map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const auto [first, is_new] = seen.emplace(table.columns[i].name, i + 1);
      if (!is_new) {
        return stop(Errc::kInvalidArgument,
                    "columns " + std::to_string(first->second) + " and " + std::to_string(i + 1) +
                        " are both called " + in_quotes(table.columns[i].name));
      }
    }
  }

  void on_record_end(int terminator) {
    if (!failure) {
      return;
    }
    const bool has_record = field > 0;
    if (has_record) {
      end_record();
    }
    const bool second_half = terminator == '\n' && after_return && !has_record;
    line += second_half ? 0 : 1;
    after_return = terminator == '\r';
    record_line = line;
    field = 0;
  }

  void end_record() {
    if (!header_done) {
      header_done = true;
      return check_names();
    }
    if (field != table.columns.size()) {
      return stop(Errc::kInvalidArgument,
                  std::to_string(field) + (field == 1 ? " field" : " fields") +
                      ", the header has " + std::to_string(table.columns.size()));
    }
    if (++table.rows > kMaxRows) {
      stop(Errc::kResourceExhausted, "more than " + std::to_string(kMaxRows) + " rows");
    }
  }

  static void field_callback(void* text, std::size_t size, void* self) {
    static_cast<Impl*>(self)->on_field({static_cast<const char*>(text), size});
  }
  static void record_callback(int terminator, void* self) {
    static_cast<Impl*>(self)->on_record_end(terminator);
  }

  void parse(std::string_view text) {
    constexpr std::size_t kSlice = std::size_t{1} << 16;  // bounds what libcsv buffers of one cell
    while (!text.empty() && failure) {
      const std::string_view slice = text.substr(0, kSlice);
      const std::size_t parsed =
          csv_parse(&parser, slice.data(), slice.size(), field_callback, record_callback, this);
      if (failure && parsed != slice.size()) {
        return stop_at_parse_error();
      }
      if (csv_get_buffer_size(&parser) > kMaxCellBytes + kSlice) {
        return stop(Errc::kResourceExhausted,
                    "field " + std::to_string(field + 1) + " has more than " +
                        human_bytes(static_cast<double>(kMaxCellBytes)) +
                        "; is a closing quote missing?");
      }
      text.remove_prefix(slice.size());
    }
  }

  void stop_at_parse_error() {
    if (csv_error(&parser) == CSV_EPARSE) {
      stop(Errc::kInvalidArgument,
           "field " + std::to_string(field + 1) +
               " has a quote where none may be; put the field in quotes and double those inside");
    } else {
      stop(Errc::kResourceExhausted, "no memory for field " + std::to_string(field + 1));
    }
  }

  // Passes on what was held back for the byte order mark, less the mark.
  void start() {
    started = true;
    const std::string first = std::exchange(held, {});
    const std::string_view view = first;
    parse(view.substr(view.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0));
  }
};

CsvReader::CsvReader(std::string source) : impl_(std::make_unique<Impl>()) {
  impl_->source = std::move(source);
  // Strict: stray and cut quotes are errors. All line ends are reported, to be counted.
  csv_init(&impl_->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL);
  csv_set_space_func(&impl_->parser, no_space);
  constexpr std::size_t kBufferStep = 4096;
  csv_set_blk_size(&impl_->parser, kBufferStep);
}

CsvReader::~CsvReader() {
  csv_free(&impl_->parser);
}

Status CsvReader::feed(std::string_view bytes) {
  if (!impl_->failure) {
    return impl_->failure;
  }
  impl_->bytes += bytes.size();
  if (impl_->bytes > kMaxTableBytes) {
    impl_->stop(Errc::kResourceExhausted,
                "the table has more than " + human_bytes(static_cast<double>(kMaxTableBytes)) +
                    "; split it");
    return impl_->failure;
  }
  if (!impl_->started) {
    const std::size_t wanted = kByteOrderMark.size() - impl_->held.size();
    const std::string_view taken = bytes.substr(0, wanted);
    impl_->held += taken;
    bytes.remove_prefix(taken.size());
    if (impl_->held.size() < kByteOrderMark.size()) {
      return {};
    }
    impl_->start();
  }
  impl_->parse(bytes);
  return impl_->failure;
}

Result<RawTable> CsvReader::finish() {
  auto& state = *impl_;
  if (!state.started) {
    state.start();
  }
  if (state.failure &&
      csv_fini(&state.parser, Impl::field_callback, Impl::record_callback, &state) != 0) {
    state.stop(Errc::kInvalidArgument,
               "field " + std::to_string(state.field + 1) +
                   " starts with a quote that nothing closes; was the file cut?");
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
  return std::move(state.table);
}

}  // namespace genesis::tabular
