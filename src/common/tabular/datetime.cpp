#include "common/tabular/datetime.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace genesis::tabular {
namespace {

constexpr std::string_view kConversions = "YymbBdjHIpMSfz";
constexpr int kMostDigits = 6;  // of a fraction: doubles hold microseconds of our times
constexpr int kMostFractionRead = 9;

constexpr std::array<std::string_view, 12> kMonths = {"January",
                                                      "February",
                                                      "March",
                                                      "April",
                                                      "May",
                                                      "June",
                                                      "July",
                                                      "August",
                                                      "September",
                                                      "October",
                                                      "November",
                                                      "December"};
constexpr std::size_t kShortMonth = 3;

// Month names of German and French, which are read and not written; short ones are those that
// calendars print.
struct MonthName {
  std::string_view name;
  int month;
  bool is_short;
};
constexpr std::array<MonthName, 38> kOtherMonths = {{
    {"Januar", 1, false},    {"Jänner", 1, false},    {"Februar", 2, false},
    {"März", 3, false},      {"Mai", 5, false},       {"Juni", 6, false},
    {"Juli", 7, false},      {"Oktober", 10, false},  {"Dezember", 12, false},
    {"janvier", 1, false},   {"février", 2, false},   {"mars", 3, false},
    {"avril", 4, false},     {"juin", 6, false},      {"juillet", 7, false},
    {"août", 8, false},      {"septembre", 9, false}, {"octobre", 10, false},
    {"novembre", 11, false}, {"décembre", 12, false}, {"Jän", 1, true},
    {"Mär", 3, true},        {"Mrz", 3, true},        {"Mai", 5, true},
    {"Okt", 10, true},       {"Dez", 12, true},       {"janv", 1, true},
    {"févr", 2, true},       {"mars", 3, true},       {"avr", 4, true},
    {"juin", 6, true},       {"juil", 7, true},       {"août", 8, true},
    {"sept", 9, true},       {"déc", 12, true},       {"März", 3, true},
    {"Juni", 6, true},       {"Juli", 7, true},
}};

struct Fields {
  int year = 1970;
  int month = 1;
  int day = 1;
  int day_of_year = 0;  // 0: month and day hold
  int hour = 0;
  int minute = 0;
  int second = 0;
  double fraction = 0.0;
  int offset_minutes = 0;
  std::optional<bool> afternoon;
};

struct Width {
  std::size_t least = 0;
  std::size_t most = 0;
};

Width width_of(char conversion) {
  switch (conversion) {
    case 'Y':
      return {4, 4};
    case 'j':
      return {1, 3};
    case 'y':
    case 'M':
    case 'S':
      return {2, 2};
    default:
      return {1, 2};
  }
}

std::size_t size_of(char conversion, int digits) {
  switch (conversion) {
    case 'Y':
      return 4;
    case 'b':
    case 'j':
      return 3;
    case 'B':
      return 9;
    case 'f':
      return static_cast<std::size_t>(digits);
    case 'z':
      return 6;
    default:
      return 2;
  }
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool starts_with_ignoring_case(std::string_view text, std::string_view word) {
  // Of the letters beyond ASCII those of month names: the second bytes of Ä, É and Û.
  const auto lower = [](char c) {
    const bool is_accented = c == '\x84' || c == '\x89' || c == '\x9B';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a')
           : is_accented        ? static_cast<char>(c + 0x20)
                                : c;
  };
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [&](char a, char b) {
           return lower(a) == lower(b);
         });
}

// What is left of a cell's text while it is read.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool take(char c) {
    const bool is = peek() == c && !rest_.empty();
    rest_.remove_prefix(is ? 1 : 0);
    return is;
  }

  std::optional<int> number(Width width) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < width.most && digits < rest_.size() && is_digit(rest_[digits])) {
      value = value * 10 + (rest_[digits] - '0');
      ++digits;
    }
    if (digits < width.least) {
      return std::nullopt;
    }
    rest_.remove_prefix(digits);
    return value;
  }

  // Its value as a share of one.
  std::optional<double> fraction() {
    double value = 0.0;
    double place = 1.0;
    std::size_t digits = 0;
    while (digits < rest_.size() && is_digit(rest_[digits])) {
      value = value * 10.0 + (rest_[digits] - '0');
      place *= 10.0;
      ++digits;
    }
    if (digits == 0 || digits > kMostFractionRead) {
      return std::nullopt;
    }
    rest_.remove_prefix(digits);
    return value / place;
  }

  // The longest name that fits.
  std::optional<int> month(bool is_short) {
    std::size_t length = 0;
    int found = 0;
    const auto look = [&](std::string_view name, int month) {
      if (name.size() > length && starts_with_ignoring_case(rest_, name)) {
        length = name.size();
        found = month;
      }
    };
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      look(is_short ? kMonths[i].substr(0, kShortMonth) : kMonths[i], static_cast<int>(i) + 1);
    }
    for (const auto& other : kOtherMonths) {
      if (other.is_short == is_short) {
        look(other.name, other.month);
      }
    }
    if (length == 0) {
      return std::nullopt;
    }
    rest_.remove_prefix(length);
    return found;
  }

  std::optional<bool> afternoon() {
    for (const bool is_afternoon : {false, true}) {
      for (const std::string_view word :
           {is_afternoon ? "p.m." : "a.m.", is_afternoon ? "pm" : "am"}) {
        if (starts_with_ignoring_case(rest_, word)) {
          rest_.remove_prefix(word.size());
          return is_afternoon;
        }
      }
    }
    return std::nullopt;
  }

  std::optional<int> offset_minutes() {
    if (take('Z') || take('z')) {
      return 0;
    }
    for (const std::string_view word : {"UTC", "GMT"}) {
      if (starts_with_ignoring_case(rest_, word)) {
        rest_.remove_prefix(word.size());
        return 0;
      }
    }
    const bool west = peek() == '-';
    if (!take('+') && !take('-')) {
      return std::nullopt;
    }
    const auto hours = number({2, 2});
    if (!hours || *hours > 14) {
      return std::nullopt;
    }
    const bool colon = take(':');
    const auto minutes = number({2, 2});
    if ((colon && !minutes) || minutes.value_or(0) > 59) {
      return std::nullopt;
    }
    const int all = *hours * 60 + minutes.value_or(0);
    return west ? -all : all;
  }

 private:
  std::string_view rest_;
};

std::optional<double> to_seconds(const Fields& fields) {
  using namespace std::chrono;
  int hour = fields.hour;
  if (fields.afternoon) {
    if (hour < 1 || hour > 12) {
      return std::nullopt;
    }
    hour = hour % 12 + (*fields.afternoon ? 12 : 0);
  }
  if (hour > 23 || fields.minute > 59 || fields.second > 59) {
    return std::nullopt;
  }
  sys_days midnight;
  if (fields.day_of_year > 0) {
    const year in{fields.year};
    if (fields.day_of_year > (in.is_leap() ? 366 : 365)) {
      return std::nullopt;
    }
    midnight = sys_days{in / January / 1} + days{fields.day_of_year - 1};
  } else {
    const year_month_day date{year{fields.year},
                              std::chrono::month{static_cast<unsigned>(fields.month)},
                              std::chrono::day{static_cast<unsigned>(fields.day)}};
    if (!date.ok()) {
      return std::nullopt;
    }
    midnight = date;
  }
  const auto moment = midnight + hours{hour} + minutes{fields.minute - fields.offset_minutes} +
                      seconds{fields.second};
  return static_cast<double>(moment.time_since_epoch().count()) + fields.fraction;
}

Fields to_fields(double whole_seconds) {
  using namespace std::chrono;
  constexpr double kFirst = -62167219200.0;  // 0000-01-01
  constexpr double kLast = 253402300799.0;   // 9999-12-31 23:59:59
  const sys_seconds moment{
      seconds{static_cast<std::int64_t>(std::clamp(whole_seconds, kFirst, kLast))}};
  const auto midnight = floor<days>(moment);
  const year_month_day date{midnight};
  const hh_mm_ss time{moment - midnight};
  Fields fields;
  fields.year = static_cast<int>(date.year());
  fields.month = static_cast<int>(static_cast<unsigned>(date.month()));
  fields.day = static_cast<int>(static_cast<unsigned>(date.day()));
  fields.day_of_year =
      static_cast<int>((midnight - sys_days{date.year() / January / 1}).count()) + 1;
  fields.hour = static_cast<int>(time.hours().count());
  fields.minute = static_cast<int>(time.minutes().count());
  fields.second = static_cast<int>(time.seconds().count());
  return fields;
}

constexpr int kSecondsOf(char conversion) {
  return conversion == 'd' ? 86400 : conversion == 'H' ? 3600 : conversion == 'M' ? 60 : 1;
}

char* write_padded(int value, std::size_t width, char* out) {
  for (std::size_t i = width; i-- > 0;) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + width;
}

std::string expanded(std::string_view format) {
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::string_view two = format.substr(i, 2);
    if (two == "%F" || two == "%T") {
      text += two == "%F" ? "%Y-%m-%d" : "%H:%M:%S";
      ++i;
    } else if (two == "%%") {
      text += two;
      ++i;
    } else {
      text += format[i];
    }
  }
  return text;
}

}  // namespace

bool DatetimeFormat::has(char conversion) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    return part.conversion == conversion;
  });
}

// What a set of conversions can't express: a day without its month, seconds without minutes.
Status DatetimeFormat::check() const {
  const auto invalid = [](const char* why) { return fail(Errc::kInvalidArgument, why); };
  if (duration_) {
    const bool in_order = (!has('d') || has('H') || !(has('M') || has('S'))) &&
                          (!has('S') || has('M') || !has('H')) && (!has('f') || has('S'));
    const bool no_date = !has('Y') && !has('y') && !has('m') && !has('b') && !has('B') &&
                         !has('j') && !has('I') && !has('p') && !has('z');
    return in_order && no_date ? Status() : invalid("a duration has days, hours, minutes, seconds");
  }
  const int years = has('Y') + has('y');
  const int months = has('m') + has('b') + has('B');
  const bool any_date = years + months > 0 || has('d') || has('j');
  const bool whole_date =
      years == 1 && (has('j') ? months == 0 && !has('d') : months == 1 && has('d'));
  const bool hour = has('H') != (has('I') && has('p'));
  const bool any_time = has('H') || has('I') || has('p') || has('M') || has('S') || has('f');
  const bool time_in_order = !any_time || (hour && has('I') == has('p') &&
                                           (!has('S') || has('M')) && (!has('f') || has('S')));
  if ((any_date && !whole_date) || !time_in_order || (!any_date && !any_time)) {
    return invalid("a date needs a year, a month and a day, and a time its larger parts");
  }
  return any_date || !has('z') ? Status() : invalid("%z needs a date");
}

Result<DatetimeFormat> DatetimeFormat::parse(std::string_view format) {
  const auto invalid = [&](std::string_view why) {
    return fail(Errc::kInvalidArgument,
                "date format \"" + std::string(format.substr(0, 64)) + "\": " + std::string(why));
  };
  constexpr std::size_t kLongest = 64;
  if (format.empty() || format.size() > kLongest) {
    return invalid("must have 1 to 64 characters");
  }
  const std::string text = expanded(format);
  DatetimeFormat result;
  const auto add_literal = [&](char c) {
    result.parts_.push_back({0, c, 0});
    result.max_size_ += 1;
  };
  std::size_t i = 0;
  if (text.size() >= 4 && text[0] == '[' && text[1] == '%' && text[3] == ']') {
    if (std::string_view("dHM").find(text[2]) == std::string_view::npos) {
      return invalid("a duration begins with [%d], [%H] or [%M]");
    }
    constexpr std::size_t kLongestUnit = 12;  // digits, and a sign
    result.duration_ = true;
    result.parts_.push_back({text[2], 0, 0});
    result.max_size_ += kLongestUnit;
    i = 4;
  }
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '%') {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7E) {
        return invalid("only printable ASCII may stand between the conversions");
      }
      add_literal(c);
      continue;
    }
    char conversion = i + 1 < text.size() ? text[++i] : '\0';
    if (conversion == '%') {
      add_literal('%');
      continue;
    }
    int digits = conversion == 'f' ? kMostDigits : 0;
    if (conversion >= '1' && conversion <= '0' + kMostDigits && i + 1 < text.size() &&
        text[i + 1] == 'f') {
      digits = conversion - '0';
      conversion = text[++i];
    }
    if (conversion == '\0' || kConversions.find(conversion) == std::string_view::npos) {
      return invalid(
          "only %Y %y %m %b %B %d %j %H %I %p %M %S %f %z %F %T and %% are known, and [%H] at the "
          "head of a duration");
    }
    if (result.has(conversion)) {
      return invalid(std::string("%") + conversion + " occurs twice");
    }
    result.parts_.push_back({conversion, 0, digits});
    result.max_size_ += size_of(conversion, digits);
    if (conversion == 'f') {
      result.step_ = std::pow(10.0, -digits);
    }
  }
  if (const auto complete = result.check(); !complete) {
    return invalid(complete.error().message);
  }
  const bool hours = result.has('H') || result.has('I');
  if (!result.has('f')) {
    result.step_ = result.has('S') ? 1.0 : result.has('M') ? 60.0 : hours ? 3600.0 : 86400.0;
  }
  return result;
}

std::optional<double> DatetimeFormat::read(std::string_view text) const {
  Fields fields;
  Cursor cursor(text);
  double duration = 0.0;
  std::size_t first = 0;
  bool negative = false;
  if (duration_) {
    negative = cursor.take('-');
    constexpr Width kUnit{1, 9};
    const auto units = cursor.number(kUnit);
    if (!units) {
      return std::nullopt;
    }
    duration = static_cast<double>(*units) * kSecondsOf(parts_[0].conversion);
    first = 1;
  }
  for (std::size_t i = first; i < parts_.size(); ++i) {
    const auto& part = parts_[i];
    if (part.conversion == 0) {
      const bool before_fraction = i + 1 < parts_.size() && parts_[i + 1].conversion == 'f';
      if (cursor.take(part.literal)) {
        continue;
      }
      if (!before_fraction) {
        return std::nullopt;
      }
      ++i;  // no fraction
      continue;
    }
    switch (part.conversion) {
      case 'b':
      case 'B': {
        const auto month = cursor.month(part.conversion == 'b');
        if (!month) {
          return std::nullopt;
        }
        fields.month = *month;
        const bool is_point_next = i + 1 < parts_.size() && parts_[i + 1].literal == '.';
        if (part.conversion == 'b' && !is_point_next) {
          cursor.take('.');
        }
        continue;
      }
      case 'p':
        fields.afternoon = cursor.afternoon();
        if (!fields.afternoon) {
          return std::nullopt;
        }
        continue;
      case 'z': {
        const auto offset = cursor.offset_minutes();
        if (!offset) {
          return std::nullopt;
        }
        fields.offset_minutes = *offset;
        continue;
      }
      case 'f': {
        const auto fraction = cursor.fraction();
        if (!fraction) {
          return std::nullopt;
        }
        fields.fraction = std::floor(*fraction / step_ + 1e-6) * step_;
        continue;
      }
      default:
        break;
    }
    const auto value = cursor.number(width_of(part.conversion));
    if (!value) {
      return std::nullopt;
    }
    constexpr int kPivot = 69;  // POSIX: 69 to 99 are of the 20th century
    switch (part.conversion) {
      case 'Y':
        fields.year = *value;
        break;
      case 'y':
        fields.year = *value + (*value < kPivot ? 2000 : 1900);
        break;
      case 'm':
        fields.month = *value;
        break;
      case 'd':
        fields.day = *value;
        break;
      case 'j':
        if (*value == 0) {
          return std::nullopt;
        }
        fields.day_of_year = *value;
        break;
      case 'H':
      case 'I':
        fields.hour = *value;
        break;
      case 'M':
        fields.minute = *value;
        break;
      default:
        fields.second = *value;
        break;
    }
  }
  if (!cursor.at_end()) {
    return std::nullopt;
  }
  const auto rest = to_seconds(fields);
  if (!duration_ || !rest) {
    return rest;
  }
  return negative ? -(duration + *rest) : duration + *rest;
}

char* DatetimeFormat::write(double seconds, char* out) const {
  double value = std::isnan(seconds) ? 0.0 : seconds;
  std::size_t first = 0;
  if (duration_) {
    constexpr double kMostSeconds = 1e11;  // within the room of its leading unit
    value = std::clamp(value, -kMostSeconds, kMostSeconds);
    // In whole steps: a fraction that is rounded up must reach the leading unit too.
    auto steps = static_cast<std::int64_t>(std::llround(value / step_));
    if (steps < 0) {
      *out++ = '-';
      steps = -steps;
    }
    const double unit = kSecondsOf(parts_[0].conversion);
    const auto steps_a_unit = static_cast<std::int64_t>(std::llround(unit / step_));
    const std::string digits = std::to_string(steps / steps_a_unit);
    out = std::copy(digits.begin(), digits.end(), out);
    value = static_cast<double>(steps % steps_a_unit) * step_;
    first = 1;
  }
  double whole = std::floor(value);
  std::int64_t fraction = 0;
  if (step_ < 1.0) {
    const double places = std::round(1.0 / step_);
    fraction = static_cast<std::int64_t>(std::floor((value - whole) * places + 0.5));
    if (fraction >= static_cast<std::int64_t>(places)) {
      fraction = 0;
      whole += 1.0;
    }
  }
  const Fields fields = to_fields(whole);
  for (std::size_t i = first; i < parts_.size(); ++i) {
    const auto& part = parts_[i];
    const auto month = kMonths[static_cast<std::size_t>(fields.month - 1)];
    switch (part.conversion) {
      case 0:
        *out++ = part.literal;
        break;
      case 'Y':
        out = write_padded(fields.year, 4, out);
        break;
      case 'y':
        out = write_padded(fields.year % 100, 2, out);
        break;
      case 'm':
        out = write_padded(fields.month, 2, out);
        break;
      case 'b':
        out = std::copy_n(month.begin(), kShortMonth, out);
        break;
      case 'B':
        out = std::copy(month.begin(), month.end(), out);
        break;
      case 'd':
        out = write_padded(fields.day, 2, out);
        break;
      case 'j':
        out = write_padded(fields.day_of_year, 3, out);
        break;
      case 'H':
        out = write_padded(fields.hour, 2, out);
        break;
      case 'I':
        out = write_padded((fields.hour + 11) % 12 + 1, 2, out);
        break;
      case 'p':
        *out++ = fields.hour < 12 ? 'A' : 'P';
        *out++ = 'M';
        break;
      case 'M':
        out = write_padded(fields.minute, 2, out);
        break;
      case 'S':
        out = write_padded(fields.second, 2, out);
        break;
      case 'f':
        out = write_padded(static_cast<int>(fraction), static_cast<std::size_t>(part.digits), out);
        break;
      default: {
        constexpr std::string_view kUtc = "+00:00";
        out = std::copy(kUtc.begin(), kUtc.end(), out);
        break;
      }
    }
  }
  return out;
}

bool DatetimeFormat::is_year_first() const {
  const auto first = std::find_if(
      parts_.begin(), parts_.end(), [](const Part& part) { return part.conversion != 0; });
  return first != parts_.end() && first->conversion == 'Y';
}

DatetimeFormat::DayMonth DatetimeFormat::day_month() const {
  for (const auto& part : parts_) {
    if (part.conversion == 'Y' || part.conversion == 'y') {
      return DayMonth::kElse;
    }
    if (part.conversion == 'd' || part.conversion == 'm') {
      return !has('m')                ? DayMonth::kElse
             : part.conversion == 'd' ? DayMonth::kDayFirst
                                      : DayMonth::kMonthFirst;
    }
  }
  return DayMonth::kElse;
}

bool DatetimeFormat::agrees_with(const DatetimeFormat& other) const {
  const auto has_date = [](const DatetimeFormat& format) {
    return format.has('Y') || format.has('y');
  };
  const auto order = day_month();
  const auto others = other.day_month();
  const bool swapped = order != DayMonth::kElse && others != DayMonth::kElse && order != others;
  return duration_ == other.duration_ && has_date(*this) == has_date(other) && !swapped;
}

std::span<const KnownFormat> known_datetime_formats() {
  static const std::vector<KnownFormat> kFormats = [] {
    std::vector<KnownFormat> formats;
    const auto add = [&](const std::string& text) {
      if (auto format = DatetimeFormat::parse(text)) {
        formats.push_back({text, *std::move(format)});
      }
    };
    constexpr std::array<std::string_view, 24> kDates = {
        "%Y-%m-%d",  "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y",  "%d.%m.%Y",  "%d-%m-%Y",
        "%m-%d-%Y",  "%Y.%m.%d", "%d-%b-%Y", "%d %b %Y",  "%d %B %Y",  "%b %d, %Y",
        "%B %d, %Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y",  "%d-%m-%y",  "%d-%b-%y",
        "%d%b%Y",    "%d%b%y",   "%d %b %y", "%d. %B %Y", "%d. %b %Y", "%d. %b %y"};
    constexpr std::array<std::string_view, 8> kTimes = {"%H:%M:%S",
                                                        "%H:%M",
                                                        "%I:%M:%S %p",
                                                        "%I:%M %p",
                                                        "%I:%M%p",
                                                        "%H:%M:%S.%f",
                                                        "%H:%M:%S,%f",
                                                        "%I:%M:%S.%f %p"};
    constexpr std::array<std::string_view, 4> kZones = {"", "Z", "%z", " %z"};
    for (const auto date : kDates) {
      add(std::string(date));
      for (const auto time : kTimes) {
        for (const std::string_view between : {" ", "T", ":"}) {
          for (const auto zone : kZones) {
            add(std::string(date) + std::string(between) + std::string(time) + std::string(zone));
          }
        }
      }
    }
    for (const auto time : kTimes) {
      add(std::string(time));
    }
    for (const auto* const duration : {"[%H]:%M:%S",
                                       "[%H]:%M:%S.%f",
                                       "[%H]:%M",
                                       "[%d] days %H:%M:%S",
                                       "[%d] days %H:%M:%S.%f",
                                       "[%d] days"}) {
      add(duration);
    }
    return formats;
  }();
  return kFormats;
}

bool is_month_name(std::string_view text) {
  for (const bool is_short : {false, true}) {
    Cursor cursor(text);
    if (cursor.month(is_short) && cursor.at_end()) {
      return true;
    }
  }
  return false;
}

bool is_zero_date(std::string_view text) {
  constexpr std::size_t kShortest = 8;  // 00000000
  bool any_digit = false;
  for (const char c : text) {
    if (c == '0') {
      any_digit = true;
    } else if (std::string_view("-/.: T").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return any_digit && text.size() >= kShortest;
}

}  // namespace genesis::tabular
