// The agreement on one encoding, with a hostile site: two sketches and a summary, apart by NUL
// bytes, go through plan, merge and fit; the encoder that comes out decodes any values.
#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/summary_counts.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

namespace {

std::string_view take_part(std::string_view& bytes) {
  const auto end = std::min(bytes.find('\0'), bytes.size());
  const auto part = bytes.substr(0, end);
  bytes.remove_prefix(std::min(bytes.size(), end + 1));
  return part;
}

template <typename FromJson>
auto read(std::string_view text, FromJson from) -> decltype(from(std::declval<JsonValue>())) {
  const auto json = parse_json(text);
  if (!json) {
    return tl::unexpected(json.error());
  }
  return from(*json);
}

void decodes_anything(const tabular::Encoder& encoder) {
  const auto written =
      tabular::to_json(encoder).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto again = read(written, [](JsonValue json) { return tabular::encoder_from_json(json); });
  fuzz::holds(again.has_value(), "a fitted encoder reads back");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::text(data, size);
  const auto sketch_of = [](JsonValue json) { return tabular::sketch_from_json(json); };
  const auto a = read(take_part(bytes), sketch_of);
  const auto b = read(take_part(bytes), sketch_of);
  const auto counts = read(take_part(bytes), [](JsonValue json) {
    std::vector<std::uint64_t> list;
    for (const JsonValue count : json.elements()) {
      list.push_back(count.whole().value_or(0));
    }
    return Result<std::vector<std::uint64_t>>(std::move(list));
  });
  if (!a) {
    return 0;
  }
  std::vector<tabular::NamedSketch> sketches{{"a", *a}};
  if (b) {
    sketches.push_back({"b", *b});
  }
  const auto plan = tabular::plan(sketches, {});
  if (!plan || !counts) {
    return 0;
  }
  const auto summary = tabular::summary_of(*counts, *plan);
  if (!summary) {
    return 0;
  }
  tabular::Summary total;
  if (tabular::merge(total, *summary, *plan) && tabular::merge(total, *summary, *plan)) {
    if (const auto encoder = tabular::fit(*plan, total)) {
      decodes_anything(*encoder);
    }
  }
  return 0;
}
