// Columns of numbers that carry their unit in the cell, such as "72.5 kg" (typing.hpp).
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "common/tabular/encoder.hpp"
#include "common/tabular/typing.hpp"

namespace genesis::tabular {
namespace {

// Units that stand behind whole numbers, where most letters are those of a code.
constexpr std::string_view kUnits =
    " kg g mg µg μg mcg ng t lb lbs oz km m cm mm ft in l L dl dL ml mL cc mmHg "
    "mmol/l mmol/L mg/dl mg/dL g/dl g/dL g/l g/L U/l U/L IU/l IU/L IU bpm /min y yr yrs yo mo d h "
    "hrs min s ms °C °F kcal kJ km/h mph kW kWh MB GB ";

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return is_lower(c) || (c >= 'A' && c <= 'Z') || byte >= 0x80;
}

std::optional<Number> number_of(std::string_view text, const NumberStyle& style) {
  for (const auto& each : {style, NumberStyle{'.', std::nullopt}, NumberStyle{',', std::nullopt}}) {
    if (const auto number = parse_number(text, each)) {
      return number;
    }
  }
  return std::nullopt;
}

// What a number is measured in, as against the letters of a code ("12 B", "1001-A", "45th") and
// the words of a text ("12 Main Street", "3 rooms or more").
bool is_unit(std::string_view unit, const Number& number, bool apart) {
  constexpr std::array<std::string_view, 4> kOrdinals = {"st", "nd", "rd", "th"};
  constexpr std::size_t kLongest = 16;
  if (unit.find(' ') != std::string_view::npos) {
    return false;
  }
  if (kUnits.find(" " + std::string(unit) + " ") != std::string_view::npos) {
    return true;
  }
  if (!is_letter(unit.front()) || unit.size() > kLongest ||
      std::find(kOrdinals.begin(), kOrdinals.end(), unit) != kOrdinals.end()) {
    return false;
  }
  return unit.size() > 1 &&
         (number.decimals > 0 || (apart && std::all_of(unit.begin(), unit.end(), is_lower)));
}

// What follows the number in "72.5 kg"; nothing where that is none, or nothing follows it.
std::string_view unit_of(std::string_view text, const NumberStyle& style) {
  const auto digit = text.find_last_of("0123456789", text.find_first_not_of("+-.,' 0123456789"));
  if (digit == std::string_view::npos || digit + 1 == text.size()) {
    return {};
  }
  const auto number = number_of(text.substr(0, digit + 1), style);
  const auto rest = text.substr(digit + 1);
  const auto unit = trim(rest);
  return number && is_unit(unit, *number, unit.size() < rest.size()) ? unit : std::string_view();
}

}  // namespace

std::optional<NearMiss> find_units(const Typing& column, const std::optional<Numbers>& numbers) {
  NearMiss miss{"number with a unit", {}};
  auto& reading = miss.reading;
  reading.present = numbers ? numbers->read : 0;
  std::map<std::string_view, std::uint64_t> cells;  // of each unit
  for (std::uint32_t code = 0; code < column.size(); ++code) {
    const auto text = column.text(code);
    if (column.missing.in_values(text) || (numbers && !std::isnan(numbers->values[code]))) {
      continue;
    }
    reading.present += column.counts[code];
    if (const auto unit = unit_of(text, column.rules.style); !unit.empty()) {
      cells[unit] += column.counts[code];
      reading.read += column.counts[code];
      reading.odd.push_back(code);
    }
  }
  const auto most = std::max_element(
      cells.begin(), cells.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const bool has_one_unit = most != cells.end() && 2 * most->second > reading.present;
  if (!has_one_unit || reading.odd.size() <= kFewValues || reading.share() <= kNearMiss) {
    return std::nullopt;
  }
  miss.unit = std::string(most->first);
  return miss;
}

}  // namespace genesis::tabular
