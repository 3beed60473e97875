#pragma once
// Text of delimited fields (RFC 4180 with other signs), piece by piece. Pure; knows nothing of
// columns. A field that lies whole within a piece is handed on as a view of it, without a copy.
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace genesis::tabular {

struct CsvSyntax {
  char delimiter = ',';
  char quote = '"';                 // '\0': none
  std::optional<char> comment;      // lines that begin with it are passed over
  std::uint64_t skipped_lines = 0;  // before the header
};

class CsvTokenizer {
 public:
  enum class Problem { kNone, kStrayQuote, kOpenQuote };

  explicit CsvTokenizer(const CsvSyntax& syntax);

  /// Calls `sink.on_field(text)` and `sink.on_record()`; blank lines are no records. False once the
  /// sink returned false or a problem was met.
  template <typename Sink>
  bool feed(std::string_view bytes, Sink& sink);
  /// After the last piece: a last record without a line end.
  template <typename Sink>
  bool finish(Sink& sink);

  [[nodiscard]] Problem problem() const { return problem_; }
  /// Where the current record starts, from 1.
  [[nodiscard]] std::uint64_t record_line() const { return record_line_; }
  /// Bytes of a field that began in an earlier piece.
  [[nodiscard]] std::size_t buffered() const { return buffer_.size(); }

 private:
  enum class State {
    kSkippedLine,
    kRecordStart,
    kComment,
    kFieldStart,
    kPlain,
    kQuoted,
    kQuoteSeen
  };

  // Ends the line that `terminator` ends.
  void end_line(char terminator) {
    ++line_;
    after_return_ = terminator == '\r';
  }
  [[nodiscard]] bool is_plain(char c) const { return !special_[static_cast<unsigned char>(c)]; }
  void count_breaks(std::string_view text);
  bool fail(Problem problem) {
    problem_ = problem;
    return false;
  }
  template <typename Sink>
  bool end_field(std::string_view rest, char terminator, Sink& sink);

  CsvSyntax syntax_;
  std::array<bool, 256> special_{};  // what ends a plain field
  State state_ = State::kRecordStart;
  Problem problem_ = Problem::kNone;
  std::string buffer_;   // the head of a field, from earlier pieces or with its quotes undoubled
  bool quoted_ = false;  // the current field
  bool after_return_ = false;  // the last line ended in CR: an LF now is its second half
  std::uint64_t to_skip_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t record_line_ = 1;
};

inline CsvTokenizer::CsvTokenizer(const CsvSyntax& syntax)
    : syntax_(syntax),
      state_(syntax.skipped_lines > 0 ? State::kSkippedLine : State::kRecordStart),
      to_skip_(syntax.skipped_lines) {
  for (const char c : {syntax.delimiter, '\n', '\r'}) {
    special_[static_cast<unsigned char>(c)] = true;
  }
  if (syntax.quote != '\0') {
    special_[static_cast<unsigned char>(syntax.quote)] = true;
  }
}

// Line breaks inside a field: LF, CRLF and CR count once each.
inline void CsvTokenizer::count_breaks(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool lone_return = text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n');
    line_ += text[i] == '\n' || lone_return ? 1 : 0;
  }
}

// The field is the buffer and `rest`; `terminator` is the delimiter or a line end.
template <typename Sink>
bool CsvTokenizer::end_field(std::string_view rest, char terminator, Sink& sink) {
  std::string_view text = rest;
  if (!buffer_.empty()) {
    buffer_ += rest;
    text = buffer_;
  }
  const bool taken = sink.on_field(text);
  if (quoted_) {
    count_breaks(text);
    quoted_ = false;
  }
  buffer_.clear();
  if (terminator == syntax_.delimiter) {
    state_ = State::kFieldStart;
    return taken;
  }
  const bool recorded = taken && sink.on_record();
  end_line(terminator);
  state_ = State::kRecordStart;
  return recorded;
}

template <typename Sink>
bool CsvTokenizer::feed(std::string_view bytes, Sink& sink) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    switch (state_) {
      case State::kSkippedLine:
      case State::kComment:
        if (after_return_ && *at == '\n') {
          after_return_ = false;
          ++at;
          break;
        }
        after_return_ = false;
        while (at != end && *at != '\n' && *at != '\r') {
          ++at;
        }
        if (at != end) {
          end_line(*at++);
          const bool more = state_ == State::kSkippedLine && --to_skip_ > 0;
          state_ = more ? State::kSkippedLine : State::kRecordStart;
        }
        break;
      case State::kRecordStart:
        if (*at == '\n' || *at == '\r') {
          if (after_return_ && *at == '\n') {
            after_return_ = false;
          } else {
            end_line(*at);
          }
          ++at;
          break;
        }
        after_return_ = false;
        if (syntax_.comment && *at == *syntax_.comment) {
          state_ = State::kComment;
          break;
        }
        record_line_ = line_;
        state_ = State::kFieldStart;
        break;
      case State::kFieldStart:
        quoted_ = syntax_.quote != '\0' && *at == syntax_.quote;
        state_ = quoted_ ? State::kQuoted : State::kPlain;
        at += quoted_ ? 1 : 0;
        break;
      case State::kPlain: {
        const char* const begin = at;
        while (at != end && is_plain(*at)) {
          ++at;
        }
        const std::string_view text(begin, static_cast<std::size_t>(at - begin));
        if (at == end) {
          buffer_ += text;
          break;
        }
        if (*at == syntax_.quote && syntax_.quote != '\0') {
          return fail(Problem::kStrayQuote);
        }
        if (!end_field(text, *at, sink)) {
          return false;
        }
        ++at;
        break;
      }
      case State::kQuoted: {
        const auto* const quote = static_cast<const char*>(
            std::memchr(at, syntax_.quote, static_cast<std::size_t>(end - at)));
        const char* const stop = quote == nullptr ? end : quote;
        const std::string_view text(at, static_cast<std::size_t>(stop - at));
        const char* const next = quote == nullptr ? end : quote + 1;
        const bool ends_here = next != end &&
                               (*next == syntax_.delimiter || *next == '\n' || *next == '\r') &&
                               quote != nullptr;
        if (ends_here) {
          if (!end_field(text, *next, sink)) {
            return false;
          }
          at = next + 1;
          break;
        }
        buffer_ += text;
        if (quote != nullptr) {
          state_ = State::kQuoteSeen;
        }
        at = next;
        break;
      }
      case State::kQuoteSeen:
        if (*at == syntax_.quote) {
          buffer_ += *at++;
          state_ = State::kQuoted;
          break;
        }
        if (*at != syntax_.delimiter && *at != '\n' && *at != '\r') {
          return fail(Problem::kStrayQuote);
        }
        if (!end_field({}, *at, sink)) {
          return false;
        }
        ++at;
        break;
    }
  }
  return true;
}

template <typename Sink>
bool CsvTokenizer::finish(Sink& sink) {
  switch (state_) {
    case State::kSkippedLine:
    case State::kComment:
    case State::kRecordStart:
      return true;
    case State::kQuoted:
      return fail(Problem::kOpenQuote);
    case State::kFieldStart:
    case State::kPlain:
    case State::kQuoteSeen:
      return end_field({}, '\n', sink);
  }
  return true;
}

}  // namespace genesis::tabular
