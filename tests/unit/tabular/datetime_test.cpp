#include "common/tabular/datetime.hpp"

#include <rapidcheck.h>

#include "tests/unit/tabular/builders.hpp"

using namespace genesis::tabular;

namespace {

std::optional<double> read(std::string_view format, std::string_view text) {
  return ok(DatetimeFormat::parse(format)).read(text);
}

std::string write(const DatetimeFormat& format, double seconds) {
  std::string text(format.max_size(), '\0');
  text.resize(static_cast<std::size_t>(format.write(seconds, text.data()) - text.data()));
  return text;
}

}  // namespace

TEST_CASE("tabular: dates are seconds since 1970", "[tabular]") {
  CHECK(read("%Y-%m-%d", "1970-01-01") == 0.0);
  CHECK(read("%Y-%m-%d", "1969-12-31") == -86400.0);
  CHECK(read("%F %T", "2000-02-29 12:34:56") == 951827696.0);  // date -u -d '…' +%s
  CHECK(read("%Y-%m-%dT%H:%M:%SZ", "2001-09-09T01:46:40Z") == 1e9);
  CHECK(read("%d/%m/%Y", "3/2/1970") == 33.0 * 86400.0);
  CHECK(read("%m/%d/%Y", "3/2/1970") == 60.0 * 86400.0);
  CHECK(read("%H:%M", "01:30") == 5400.0);
  CHECK(read("100%% %Y%m%d", "100% 19700102") == 86400.0);
}

TEST_CASE("tabular: what is no moment of the format is refused", "[tabular]") {
  for (const auto* text : {"2023-02-29",
                           "2023-13-01",
                           "2023-00-10",
                           "2023-1-",
                           "23-01-01",
                           "2023-01-01 ",
                           "2023-01-011",
                           "",
                           "2023/01/01",
                           "20230-1-1"}) {
    INFO(text);
    CHECK_FALSE(read("%Y-%m-%d", text).has_value());
  }
  CHECK_FALSE(read("%H:%M:%S", "24:00:00").has_value());
  CHECK_FALSE(read("%H:%M:%S", "23:60:00").has_value());
  CHECK_FALSE(read("%H:%M:%S", "23:59:60").has_value());
  CHECK_FALSE(read("%H:%M:%S", "23:5:00").has_value());
}

TEST_CASE("tabular: a format that can't be kept is refused with the reason", "[tabular]") {
  const auto why = [](std::string_view format) { return error_of(DatetimeFormat::parse(format)); };
  CHECK_THAT(why("%Y-%m"), ContainsSubstring("needs a year, a month and a day"));
  CHECK_THAT(why("%H:%S"), ContainsSubstring("larger parts"));
  CHECK_THAT(why("%Y-%m-%d %Y"), ContainsSubstring("%Y occurs twice"));
  CHECK_THAT(why("%Y-%m-%d %p"), ContainsSubstring("larger parts"));
  CHECK_THAT(why("%Y-%m-%d %Q"), ContainsSubstring("are known"));
  CHECK_THAT(why("%Y-%m-%d%"), ContainsSubstring("are known"));
  CHECK_THAT(why("plain"), ContainsSubstring("needs"));
  CHECK_THAT(why(""), ContainsSubstring("1 to 64"));
  CHECK_THAT(why("%Y-%m-%d\n"), ContainsSubstring("ASCII"));
}

TEST_CASE("tabular: the step of a format is its smallest part", "[tabular]") {
  CHECK(ok(DatetimeFormat::parse("%Y-%m-%d")).step() == 86400.0);
  CHECK(ok(DatetimeFormat::parse("%Y-%m-%d %H")).step() == 3600.0);
  CHECK(ok(DatetimeFormat::parse("%H:%M")).step() == 60.0);
  CHECK(ok(DatetimeFormat::parse("%F %T")).step() == 1.0);
}

TEST_CASE("tabular: every known format writes what it reads", "[tabular][property]") {
  REQUIRE(rc::check("read(write(t)) == t", [] {
    const auto formats = known_datetime_formats();
    const auto& [name, format] = formats[*rc::gen::inRange<std::size_t>(0, formats.size())];
    const bool has_year = name.find("%Y") != std::string_view::npos;
    const bool has_date = has_year || name.find("%y") != std::string_view::npos;
    const auto days = has_year   ? *rc::gen::inRange<std::int64_t>(-700000, 2900000)
                      : has_date ? *rc::gen::inRange<std::int64_t>(0, 36000)
                                 : 0;
    const auto steps = static_cast<std::int64_t>(86400.0 / format.step() + 0.5);
    const auto in_day = *rc::gen::inRange<std::int64_t>(0, steps);
    const double moment =
        static_cast<double>(days) * 86400.0 + static_cast<double>(in_day) * format.step();
    const auto again = format.read(write(format, moment));
    RC_ASSERT(again.has_value());
    RC_ASSERT(std::abs(*again - moment) < 0.5 * format.step() + 1e-9 * std::abs(moment));
  }));
}

TEST_CASE("tabular: a duration that is rounded up carries into its first part", "[tabular]") {
  const auto format = ok(DatetimeFormat::parse("[%H]:%M:%S"));
  CHECK(write(format, 3599.9999996) == "1:00:00");
  CHECK(write(format, 3599.0) == "0:59:59");
  CHECK(write(format, -0.2) == "0:00:00");
  CHECK(write(format, -61.0) == "-0:01:01");
}

TEST_CASE("tabular: a moment beyond four-digit years is written as the last one", "[tabular]") {
  const auto format = ok(DatetimeFormat::parse("%Y-%m-%d"));
  CHECK(write(format, 1e300) == "9999-12-31");
  CHECK(write(format, -1e300) == "0000-01-01");
  CHECK(write(format, std::nan("")) == "1970-01-01");
}
