#include "common/http/range.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace genesis::http {
namespace {

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

// "bytes=5-9", "bytes=5-", "bytes=-5" of `size` bytes; begin == end: nothing of it is there.
std::optional<Range> parse_range(std::string_view text, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const auto dash = text.find('-');
  if (!text.starts_with(kUnit) || dash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto first_text = text.substr(kUnit.size(), dash - kUnit.size());
  const auto last_text = text.substr(dash + 1);
  const auto first = number(first_text);
  const auto last = number(last_text);
  if (first_text.empty() && last) {
    return Range{size - std::min(*last, size), size};
  }
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) {
    return std::nullopt;
  }
  const std::uint64_t end = last && *last < size ? *last + 1 : size;
  return Range{std::min(*first, end), end};
}

std::string quoted(std::string_view etag) {
  return "\"" + std::string(etag) + "\"";
}

}  // namespace

Response part_of(const Request& request, Response whole, std::string_view etag) {
  const std::uint64_t size = whole.bytes().size();
  whole.headers.push_back({"ETag", quoted(etag)});
  whole.headers.push_back({"Accept-Ranges", "bytes"});
  const auto wanted = request.header("range");
  const auto condition = request.header("if-range");
  const bool is_same = condition.empty() || condition == quoted(etag);
  const auto range = wanted.empty() || !is_same ? std::nullopt : parse_range(wanted, size);
  if (!range) {
    return whole;
  }
  if (range->begin == range->end) {
    auto refusal =
        error_response(416,
                       Error{Errc::kInvalidArgument,
                             "Range: begins after the " + std::to_string(size) + " bytes"});
    refusal.headers.push_back({"Content-Range", "bytes */" + std::to_string(size)});
    return refusal;
  }
  whole.status = 206;
  whole.body_begin = range->begin;
  whole.body_end = range->end;
  whole.headers.push_back({"Content-Range",
                           "bytes " + std::to_string(range->begin) + "-" +
                               std::to_string(range->end - 1) + "/" + std::to_string(size)});
  return whole;
}

}  // namespace genesis::http
