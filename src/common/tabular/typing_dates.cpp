// A column's texts as moments (typing.hpp).
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "common/tabular/encoder.hpp"
#include "common/tabular/moment_like.hpp"
#include "common/tabular/typing.hpp"

namespace genesis::tabular {
namespace {

constexpr std::size_t kMostFractionDigits = 6;  // of a second

// Up to so many texts decide which formats are tried on all.
std::vector<std::uint32_t> some_texts(const Typing& column) {
  constexpr std::size_t kMost = 24;
  std::vector<std::uint32_t> texts;
  const std::size_t stride = std::max<std::size_t>(1, column.size() / kMost);
  for (std::size_t code = 0; code < column.size(); code += stride) {
    const auto text = column.text(code);
    if (!column.missing.in_values(text) && !is_zero_date(text)) {
      texts.push_back(static_cast<std::uint32_t>(code));
    }
  }
  return texts;
}

// Times of day that all cells share are no part of what is learnt: "00:00:00" behind each date
// stays as it is. From the smallest unit up.
std::string with_constant_parts(std::string format, const Reading& reading) {
  struct Unit {
    std::string conversion;
    std::size_t digits = 2;
    double whole = 1.0;  // seconds that a value without this unit is a multiple of
  };
  std::vector<Unit> units;
  for (std::size_t digits = 1; digits <= kMostFractionDigits; ++digits) {
    units.push_back({"%" + std::to_string(digits) + "f", digits, 1.0});
  }
  units.insert(units.end(), {{"%S", 2, 60.0}, {"%M", 2, 3600.0}, {"%H", 2, 86400.0}});
  for (const auto& unit : units) {
    const auto at = format.find(unit.conversion);
    if (at == std::string::npos) {
      continue;
    }
    const bool constant =
        std::all_of(reading.values.begin(), reading.values.end(), [&](double value) {
          return std::isnan(value) || std::fmod(value, unit.whole) == 0.0;
        });
    std::string shorter = format;
    shorter.replace(at, unit.conversion.size(), unit.digits, '0');
    if (!constant || format.front() == '[' || !DatetimeFormat::parse(shorter)) {
      break;
    }
    format = shorter;
  }
  return format;
}

// As many digits of a fraction as the cells have.
std::string with_digits(const Typing& column, std::string text) {
  const auto at = text.find("%f");
  if (at == std::string::npos) {
    return text;
  }
  std::size_t most = 1;
  for (std::size_t code = 0; code < column.size(); ++code) {
    const auto cell = column.text(code);
    const auto point = cell.find_last_of(".,");
    if (point != std::string_view::npos) {
      const auto end = std::find_if(cell.begin() + static_cast<std::ptrdiff_t>(point) + 1,
                                    cell.end(),
                                    [](char c) { return c < '0' || c > '9'; });
      most = std::max(most, static_cast<std::size_t>(end - cell.begin()) - point - 1);
    }
  }
  return text.replace(at, 2, "%" + std::to_string(std::min(most, kMostFractionDigits)) + "f");
}

}  // namespace

Reading read_moments(const Typing& column, const DatetimeFormat& format) {
  Reading reading;
  for (std::size_t code = 0; code < column.size(); ++code) {
    const std::string_view text = column.text(code);
    reading.values.push_back(kNoNumber);
    if (column.missing.in_values(text)) {
      continue;
    }
    const auto moment = format.read(text);
    if (!moment && is_zero_date(text)) {
      continue;
    }
    reading.present += column.counts[code];
    if (moment) {
      reading.read += column.counts[code];
      reading.values.back() = *moment;
    } else {
      reading.odd.push_back(static_cast<std::uint32_t>(code));
    }
  }
  return reading;
}

bool mixes_date_formats(const Typing& column) {
  constexpr std::size_t kFewest = 10;  // texts, of which one can say so
  constexpr double kNearlyAll = 0.8;
  const auto sample = some_texts(column);
  if (sample.size() < kFewest) {
    return false;
  }
  const auto is_date = [&](std::uint32_t code) {
    return std::ranges::any_of(known_datetime_formats(), [&](const KnownFormat& known) {
      return known.format.read(column.text(code)).has_value();
    });
  };
  const auto dates = std::ranges::count_if(sample, is_date);
  return static_cast<double>(dates) > kNearlyAll * static_cast<double>(sample.size());
}

std::optional<Moments> find_moments(const Typing& column) {
  const auto sample = some_texts(column);
  if (sample.empty()) {
    return std::nullopt;
  }
  std::optional<Moments> best;
  for (const auto& [text, format] : known_datetime_formats()) {
    std::uint64_t fitting = 0;  // cells, as one date may be most of them
    std::uint64_t all = 0;
    for (const auto code : sample) {
      all += column.counts[code];
      fitting += format.read(column.text(code)) ? column.counts[code] : 0;
    }
    if (2 * fitting <= all) {
      continue;
    }
    auto reading = read_moments(column, format);
    if (!best || reading.share() > best->reading.share()) {
      best = Moments{text, std::move(reading)};
    }
    if (best->reading.is_whole()) {
      break;
    }
  }
  return best;
}

std::string settled_format(const Typing& column, const Moments& moments) {
  return with_constant_parts(with_digits(column, moments.format), moments.reading);
}

bool are_moment_like(const Typing& column) {
  constexpr std::size_t kFewest = 10;  // texts, of which one can say so
  constexpr double kNearlyAll = 0.8;
  const auto sample = some_texts(column);
  const auto like = std::ranges::count_if(
      sample, [&](std::uint32_t code) { return is_moment_like(column.text(code)); });
  return column.size() > kFewValues && sample.size() >= kFewest &&
         static_cast<double>(like) > kNearlyAll * static_cast<double>(sample.size());
}

std::optional<Moments> find_digit_dates(const Typing& column) {
  constexpr std::size_t kFewest = 10;  // texts that tell what the others are meant to be
  constexpr std::array<std::pair<std::size_t, std::string_view>, 3> kFormats = {
      {{8, "%Y%m%d"}, {12, "%Y%m%d%H%M"}, {14, "%Y%m%d%H%M%S"}}};
  for (const auto& [digits, text] : kFormats) {
    const auto format = DatetimeFormat::parse(text);
    Reading reading;
    for (std::uint32_t code = 0; code < column.size(); ++code) {
      const auto cell = column.text(code);
      reading.values.push_back(kNoNumber);
      if (column.missing.in_values(cell) || is_zero_date(cell)) {
        continue;
      }
      reading.present += column.counts[code];
      // Also 99991231, which stands for no end.
      const bool of_our_times =
          cell.starts_with("19") || cell.starts_with("20") || cell.starts_with("9999");
      const auto moment = cell.size() == digits && of_our_times ? format->read(cell) : std::nullopt;
      if (moment) {
        reading.read += column.counts[code];
        reading.values.back() = *moment;
      } else {
        reading.odd.push_back(code);
      }
    }
    const std::size_t dates = column.size() - reading.odd.size();
    if (reading.is_whole() || (dates >= kFewest && reading.share() > kNearMiss)) {
      return Moments{std::string(text), std::move(reading)};
    }
  }
  return std::nullopt;
}

}  // namespace genesis::tabular
