#include "common/tabular/dialect.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace genesis::tabular {
namespace {

constexpr std::array<char, 4> kDelimiters = {',', ';', '\t', '|'};
constexpr std::size_t kRecordsLookedAt = 200;
// Share of the records, in tenths, that have as many fields as the header.
constexpr std::size_t kEven = 9;

// How many fields each record has.
struct FieldCounter {
  std::vector<std::size_t> counts;
  std::size_t fields = 0;
  bool on_field(std::string_view /*text*/) {
    ++fields;
    return true;
  }
  bool on_record() {
    counts.push_back(fields);
    fields = 0;
    return counts.size() < kRecordsLookedAt;
  }
};

std::vector<std::size_t> field_counts(std::string_view head,
                                      const CsvSyntax& syntax,
                                      bool is_whole) {
  CsvTokenizer tokenizer(syntax);
  FieldCounter counter;
  if (tokenizer.feed(head, counter) && is_whole) {
    tokenizer.finish(counter);
  }
  return counter.counts;
}

// Fields of the header where the records are even: they have as many, or all one more (an index
// or a delimiter at the line's end), or one fewer. 1 where they are not.
std::size_t columns_of(const std::vector<std::size_t>& counts) {
  if (counts.size() < 2 || counts[0] < 2) {
    return 1;
  }
  const std::size_t first = counts[1];
  const auto same = static_cast<std::size_t>(std::count(counts.begin() + 1, counts.end(), first));
  const bool near = first + 1 >= counts[0] && first <= counts[0] + 1;
  return near && same * 10 >= (counts.size() - 1) * kEven ? counts[0] : 1;
}

// The delimiter that a first line "sep=;" names.
std::optional<char> named_delimiter(std::string_view head) {
  constexpr std::string_view kKey = "sep=";
  const bool has_key = head.size() > kKey.size() + 1 && (head[0] == 's' || head[0] == 'S') &&
                       head.substr(1, kKey.size() - 1) == kKey.substr(1);
  const std::size_t end = kKey.size() + 1;
  return has_key && (head[end] == '\n' || head[end] == '\r') ? std::optional(head[kKey.size()])
                                                             : std::nullopt;
}

std::string_view without_lines(std::string_view text, std::uint64_t lines) {
  for (; lines > 0; --lines) {
    const auto at = text.find('\n');
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  }
  return text;
}

}  // namespace

std::string name_of_sign(char sign) {
  switch (sign) {
    case ',':
      return "comma";
    case ';':
      return "semicolon";
    case '\t':
      return "tab";
    case '|':
      return "pipe";
    default:
      return std::string("'") + sign + "'";
  }
}

CsvSyntax find_syntax(std::string_view head, const Dialect& declared, bool is_whole) {
  CsvSyntax syntax;
  syntax.quote = declared.quote.value_or('"');
  syntax.comment = declared.comment;
  syntax.skipped_lines = declared.skip_rows;
  if (const auto named = named_delimiter(without_lines(head, declared.skip_rows))) {
    syntax.delimiter = declared.delimiter.value_or(*named);
    ++syntax.skipped_lines;
    return syntax;
  }
  if (declared.delimiter) {
    syntax.delimiter = *declared.delimiter;
    return syntax;
  }
  std::size_t most = 1;
  char best = ',';
  for (const char delimiter : kDelimiters) {
    syntax.delimiter = delimiter;
    const std::size_t columns = columns_of(field_counts(head, syntax, is_whole));
    if (columns > most) {
      most = columns;
      best = delimiter;
    }
  }
  syntax.delimiter = best;
  return syntax;
}

std::uint64_t title_lines(std::string_view head, const CsvSyntax& syntax) {
  constexpr std::uint64_t kMostLines = 20;
  for (const char delimiter : kDelimiters) {
    for (std::uint64_t lines = 1; lines <= kMostLines; ++lines) {
      CsvSyntax later = syntax;
      later.delimiter = delimiter;
      later.skipped_lines += lines;
      const auto counts = field_counts(head, later, false);
      const bool even = counts.size() >= 3 && counts[0] >= 2 && columns_of(counts) == counts[0];
      if (even) {
        return syntax.skipped_lines + lines;
      }
    }
  }
  return 0;
}

std::optional<char> hidden_delimiter(std::string_view header, const Dictionary& texts) {
  constexpr std::string_view kSigns = ",;\t|:^~!/\\&#@*+=_ ";
  for (const char sign : kSigns) {
    const auto wanted = std::count(header.begin(), header.end(), sign);
    if (wanted == 0) {
      continue;
    }
    std::size_t equal = 0;
    for (std::size_t code = 0; code < texts.size(); ++code) {
      const auto text = texts.text(code);
      equal += std::count(text.begin(), text.end(), sign) == wanted ? 1 : 0;
    }
    if (equal * 10 >= texts.size() * kEven) {
      return sign;
    }
  }
  return std::nullopt;
}

}  // namespace genesis::tabular
