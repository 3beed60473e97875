#include "common/quality/value_text.hpp"

#include <array>
#include <cstdio>

#include "common/tabular/datetime.hpp"

namespace genesis::quality {

std::string value_text(tabular::Kind kind, const std::string& format, double value) {
  if (kind == tabular::Kind::kDatetime) {
    if (const auto known = tabular::DatetimeFormat::parse(format)) {
      std::string text(known->max_size(), ' ');
      text.resize(static_cast<std::size_t>(known->write(value, text.data()) - text.data()));
      return text;
    }
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

std::string fixed(double value, int places) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), "%.*f", places, value);
  return text.data();
}

}  // namespace genesis::quality
