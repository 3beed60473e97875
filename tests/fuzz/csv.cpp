// A site's table: how the bytes are cut into pieces changes nothing. Cells and dates beside it.
#include <algorithm>

#include "common/tabular/cell.hpp"
#include "common/tabular/csv_reader.hpp"
#include "common/tabular/datetime.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

namespace {

Result<tabular::RawTable> read(std::string_view bytes, std::size_t piece) {
  tabular::CsvReader reader("rows.csv");
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (const auto fed = reader.feed(bytes.substr(0, piece)); !fed) {
      return tl::unexpected(fed.error());
    }
  }
  return reader.finish();
}

void cells(std::string_view text) {
  const auto cell = tabular::trim(text);
  if (const auto number = tabular::parse_number(cell)) {
    fuzz::holds(number->value >= -1e300 && number->value <= 1e300, "numbers are finite");
  }
  static_cast<void>(tabular::parse_declared_number(cell));
  static_cast<void>(tabular::is_utf8(text));
  static_cast<void>(tabular::in_quotes(text));
  for (const auto& [name, format] : tabular::known_datetime_formats()) {
    if (const auto moment = format.read(cell)) {
      std::string written(format.max_size(), '\0');
      const auto* end = format.write(*moment, written.data());
      written.resize(static_cast<std::size_t>(end - written.data()));
      fuzz::holds(format.read(written) == moment, "a date reads back");
    }
  }
  if (const auto format = tabular::DatetimeFormat::parse(text)) {
    std::string written(format->max_size(), '\0');
    const auto* end = format->write(1e9, written.data());
    fuzz::holds(end <= written.data() + written.size(), "a date fits");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::text(data, size);
  const std::size_t piece = std::size_t{1} + fuzz::take_byte(bytes);
  const auto whole = read(bytes, std::max<std::size_t>(bytes.size(), 1));
  const auto cut = read(bytes, piece);
  fuzz::holds(whole.has_value() == cut.has_value(), "pieces are refused where the whole is");
  if (whole) {
    fuzz::holds(whole->rows == cut->rows && whole->columns.size() == cut->columns.size(),
                "pieces give the same table");
    for (std::size_t i = 0; i < whole->columns.size(); ++i) {
      fuzz::holds(whole->columns[i].codes == cut->columns[i].codes, "with the same cells");
    }
  }
  cells(bytes.substr(0, 200));
  return 0;
}
