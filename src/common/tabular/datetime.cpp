#include "common/tabular/datetime.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace genesis::tabular {
namespace {

constexpr std::string_view kConversions = "YmdHMS";

struct Fields {
  std::array<int, kConversions.size()> values = {1970, 1, 1, 0, 0, 0};
  int& operator[](char conversion) { return values[kConversions.find(conversion)]; }
};

struct Width {
  std::size_t least = 0;
  std::size_t most = 0;
};

Width width_of(char conversion) {
  switch (conversion) {
    case 'Y':
      return {4, 4};
    case 'M':
    case 'S':
      return {2, 2};
    default:
      return {1, 2};
  }
}

std::optional<double> to_seconds(Fields fields) {
  using namespace std::chrono;
  const year_month_day date{year{fields['Y']},
                            month{static_cast<unsigned>(fields['m'])},
                            day{static_cast<unsigned>(fields['d'])}};
  if (!date.ok() || fields['H'] > 23 || fields['M'] > 59 || fields['S'] > 59) {
    return std::nullopt;
  }
  const auto moment =
      sys_days{date} + hours{fields['H']} + minutes{fields['M']} + seconds{fields['S']};
  return static_cast<double>(moment.time_since_epoch().count());
}

Fields to_fields(double value) {
  using namespace std::chrono;
  constexpr double kFirst = -62167219200.0;  // 0000-01-01
  constexpr double kLast = 253402300799.0;   // 9999-12-31 23:59:59
  const double bounded = std::isnan(value) ? 0.0 : std::clamp(std::floor(value), kFirst, kLast);
  const sys_seconds moment{seconds{static_cast<std::int64_t>(bounded)}};
  const auto midnight = floor<days>(moment);
  const year_month_day date{midnight};
  const hh_mm_ss time{moment - midnight};
  Fields fields;
  fields['Y'] = static_cast<int>(date.year());
  fields['m'] = static_cast<int>(static_cast<unsigned>(date.month()));
  fields['d'] = static_cast<int>(static_cast<unsigned>(date.day()));
  fields['H'] = static_cast<int>(time.hours().count());
  fields['M'] = static_cast<int>(time.minutes().count());
  fields['S'] = static_cast<int>(time.seconds().count());
  return fields;
}

// What a set of conversions can't express: a day without its month, seconds without minutes.
bool is_complete(std::string_view present) {
  const auto has = [&](char c) { return present.find(c) != std::string_view::npos; };
  const bool any_date = has('Y') || has('m') || has('d');
  const bool whole_date = has('Y') && has('m') && has('d');
  const bool time_in_order = (!has('S') || has('M')) && (!has('M') || has('H'));
  return (any_date || has('H')) && (!any_date || whole_date) && time_in_order;
}

}  // namespace

Result<DatetimeFormat> DatetimeFormat::parse(std::string_view format) {
  const auto invalid = [&](std::string_view why) {
    return fail(Errc::kInvalidArgument,
                "date format \"" + std::string(format.substr(0, 64)) + "\": " + std::string(why));
  };
  constexpr std::size_t kLongest = 64;
  if (format.empty() || format.size() > kLongest) {
    return invalid("must have 1 to 64 characters");
  }
  std::string expanded;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::string_view rest = format.substr(i, 2);
    if (rest == "%F" || rest == "%T") {
      expanded += rest == "%F" ? "%Y-%m-%d" : "%H:%M:%S";
      ++i;
    } else if (rest == "%%") {
      expanded += rest;
      ++i;
    } else {
      expanded += format[i];
    }
  }
  DatetimeFormat result;
  std::string present;
  for (std::size_t i = 0; i < expanded.size(); ++i) {
    const char c = expanded[i];
    if (c != '%') {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7E) {
        return invalid("only printable ASCII may stand between the conversions");
      }
      result.parts_.push_back({0, c});
      result.max_size_ += 1;
      continue;
    }
    const char conversion = i + 1 < expanded.size() ? expanded[++i] : '\0';
    if (conversion == '%') {
      result.parts_.push_back({0, '%'});
      result.max_size_ += 1;
      continue;
    }
    if (conversion == '\0' || kConversions.find(conversion) == std::string_view::npos) {
      return invalid("only %Y %m %d %H %M %S %F %T and %% are known");
    }
    if (present.find(conversion) != std::string::npos) {
      return invalid(std::string("%") + conversion + " occurs twice");
    }
    present += conversion;
    result.parts_.push_back({conversion, 0});
    result.max_size_ += conversion == 'Y' ? 4 : 2;
  }
  if (!is_complete(present)) {
    return invalid("a date needs %Y, %m and %d, and a time its larger parts");
  }
  const auto has = [&](char c) { return present.find(c) != std::string::npos; };
  result.step_ = has('S') ? 1.0 : has('M') ? 60.0 : has('H') ? 3600.0 : 86400.0;
  return result;
}

std::optional<double> DatetimeFormat::read(std::string_view text) const {
  Fields fields;
  std::size_t at = 0;
  for (const auto& part : parts_) {
    if (part.conversion == 0) {
      if (at >= text.size() || text[at] != part.literal) {
        return std::nullopt;
      }
      ++at;
      continue;
    }
    const Width width = width_of(part.conversion);
    int value = 0;
    std::size_t digits = 0;
    while (digits < width.most && at < text.size() && text[at] >= '0' && text[at] <= '9') {
      value = value * 10 + (text[at] - '0');
      ++at;
      ++digits;
    }
    if (digits < width.least) {
      return std::nullopt;
    }
    fields[part.conversion] = value;
  }
  return at == text.size() ? to_seconds(fields) : std::nullopt;
}

char* DatetimeFormat::write(double seconds, char* out) const {
  Fields fields = to_fields(seconds);
  for (const auto& part : parts_) {
    if (part.conversion == 0) {
      *out++ = part.literal;
      continue;
    }
    const int value = fields[part.conversion];
    if (part.conversion == 'Y') {
      *out++ = static_cast<char>('0' + value / 1000);
      *out++ = static_cast<char>('0' + value / 100 % 10);
    }
    *out++ = static_cast<char>('0' + value / 10 % 10);
    *out++ = static_cast<char>('0' + value % 10);
  }
  return out;
}

std::span<const std::string_view> known_datetime_formats() {
  // Day first comes before month first, so that a column that fits both is read as the former.
  static constexpr std::array<std::string_view, 20> kFormats = {
      "%Y-%m-%d",           "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
      "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%d %H:%M",    "%Y-%m-%dT%H:%M",    "%Y/%m/%d",
      "%Y/%m/%d %H:%M:%S",  "%d/%m/%Y",          "%m/%d/%Y",          "%d/%m/%Y %H:%M:%S",
      "%m/%d/%Y %H:%M:%S",  "%d/%m/%Y %H:%M",    "%m/%d/%Y %H:%M",    "%d.%m.%Y",
      "%d.%m.%Y %H:%M:%S",  "%d-%m-%Y",          "%H:%M:%S",          "%H:%M"};
  return kFormats;
}

}  // namespace genesis::tabular
