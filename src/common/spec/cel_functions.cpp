#include "common/spec/cel_functions.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "common/spec/text.hpp"

namespace genesis::spec::cel {
namespace {

tl::unexpected<Error> wrong(const std::string& what) {
  return fail(Errc::kInvalidArgument, what);
}

tl::unexpected<Error> no_overload(const std::string& name, const Json& a, const Json& b) {
  return wrong("no such overload: " + describe(a) + " " + name + " " + describe(b));
}

bool is_integer(const Json& value) {
  return value.is_number_integer();
}

bool same_kind(const Json& a, const Json& b) {
  return a.type() == b.type() || (is_integer(a) && is_integer(b));
}

Result<std::int64_t> integer_arithmetic(char op, std::int64_t a, std::int64_t b) {
  using Limits = std::numeric_limits<std::int64_t>;
  const auto overflow = [] { return wrong("integer overflow"); };
  switch (op) {
    case '+':
      if (b > 0 ? a > Limits::max() - b : a < Limits::min() - b) {
        return overflow();
      }
      return a + b;
    case '-':
      if (b > 0 ? a < Limits::min() + b : a > Limits::max() + b) {
        return overflow();
      }
      return a - b;
    case '*': {
      // The product in long double is exact in its 64 bits or beyond the limits anyway.
      const long double product = static_cast<long double>(a) * static_cast<long double>(b);
      if (product < static_cast<long double>(Limits::min()) ||
          product > static_cast<long double>(Limits::max())) {
        return overflow();
      }
      return a * b;
    }
    case '/':
    case '%':
      if (b == 0) {
        return wrong("division by zero");
      }
      if (a == Limits::min() && b == -1) {
        return overflow();
      }
      return op == '/' ? a / b : a % b;
    default:
      return wrong(std::string("unknown operator ") + op);
  }
}

Result<double> double_arithmetic(char op, double a, double b) {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return wrong(std::string("no such overload: double ") + op + " double");
  }
}

Result<Json> arithmetic(const std::string& op, const Json& a, const Json& b) {
  if (is_integer(a) && is_integer(b)) {
    GENESIS_ASSIGN(const auto value,
                   integer_arithmetic(op[0], a.get<std::int64_t>(), b.get<std::int64_t>()));
    return Json(value);
  }
  if (a.is_number_float() && b.is_number_float()) {
    GENESIS_ASSIGN(const auto value, double_arithmetic(op[0], a.get<double>(), b.get<double>()));
    return Json(value);
  }
  if (op == "+" && a.is_string() && b.is_string()) {
    return Json(a.get_ref<const std::string&>() + b.get_ref<const std::string&>());
  }
  if (op == "+" && a.is_array() && b.is_array()) {
    Json joined = a;
    joined.insert(joined.end(), b.begin(), b.end());
    return joined;
  }
  return no_overload(op, a, b);
}

Result<Json> compare(const std::string& op, const Json& a, const Json& b) {
  if (!same_kind(a, b)) {
    return no_overload(op, a, b);
  }
  if (op == "==" || op == "!=") {
    return Json((a == b) == (op == "=="));
  }
  if (a.is_array() || a.is_object() || a.is_null()) {
    return no_overload(op, a, b);
  }
  if (op == "<" || op == ">=") {
    return Json((a < b) == (op == "<"));
  }
  return Json((b < a) == (op == ">"));
}

Result<Json> is_in(const Json& element, const Json& container) {
  if (container.is_array()) {
    const auto equal = [&](const Json& other) {
      return same_kind(element, other) && element == other;
    };
    return Json(std::any_of(container.begin(), container.end(), equal));
  }
  if (container.is_object() && element.is_string()) {
    return Json(container.contains(element.get_ref<const std::string&>()));
  }
  return no_overload("in", element, container);
}

Result<Json> negate(const std::string& op, const Json& value) {
  if (op == "!" && value.is_boolean()) {
    return Json(!value.get<bool>());
  }
  if (op == "-" && is_integer(value)) {
    GENESIS_ASSIGN(const auto negative, integer_arithmetic('-', 0, value.get<std::int64_t>()));
    return Json(negative);
  }
  if (op == "-" && value.is_number_float()) {
    return Json(-value.get<double>());
  }
  return wrong("no such overload: " + op + describe(value));
}

Result<Json> size_of(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
    return Json(static_cast<std::int64_t>(std::count_if(text.begin(), text.end(), starts)));
  }
  if (value.is_array() || value.is_object()) {
    return Json(static_cast<std::int64_t>(value.size()));
  }
  return wrong("no such overload: size of " + describe(value));
}

Result<Json> to_string(const Json& value) {
  if (value.is_string()) {
    return value;
  }
  if (value.is_number_float()) {
    std::string text = number_text(value.get<double>());
    return Json(text.ends_with(".0") ? text.substr(0, text.size() - 2) : text);
  }
  if (is_integer(value) || value.is_boolean()) {
    return Json(value.dump());
  }
  return wrong("no such overload: string of " + describe(value));
}

Result<Json> to_number(const std::string& name, const Json& value) {
  if (!value.is_number()) {
    return wrong("no such overload: " + name + " of " + describe(value));
  }
  if (name == "double") {
    return Json(value.get<double>());
  }
  if (is_integer(value)) {
    return value;
  }
  constexpr double kLimit = 9223372036854775807.0;  // 2^63, the first that does not fit
  const double number = value.get<double>();
  if (!(number > -kLimit && number < kLimit)) {
    return wrong("integer overflow");
  }
  return Json(static_cast<std::int64_t>(number));
}

Result<Json> search(const std::string& name, const Json& value, const Json& part) {
  if (!value.is_string() || !part.is_string()) {
    return no_overload(name, value, part);
  }
  const auto& text = value.get_ref<const std::string&>();
  const auto& sought = part.get_ref<const std::string&>();
  if (name == "startsWith") {
    return Json(text.starts_with(sought));
  }
  if (name == "endsWith") {
    return Json(text.ends_with(sought));
  }
  return Json(text.find(sought) != std::string::npos);
}

}  // namespace

Result<Json> call(const std::string& name, const Json& value) {
  if (name == "size") {
    return size_of(value);
  }
  if (name == "string") {
    return to_string(value);
  }
  if (name == "int" || name == "double") {
    return to_number(name, value);
  }
  return negate(name, value);
}

Result<Json> call(const std::string& name, const Json& a, const Json& b) {
  if (name == "in") {
    return is_in(a, b);
  }
  if (name == "startsWith" || name == "endsWith" || name == "contains") {
    return search(name, a, b);
  }
  if (name.find_first_of("<>=") != std::string::npos) {
    return compare(name, a, b);
  }
  return arithmetic(name, a, b);
}

}  // namespace genesis::spec::cel
