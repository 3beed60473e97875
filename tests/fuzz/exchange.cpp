// The agreement on one encoding, with a hostile site: two sketches and a summary, apart by NUL
// bytes, go through plan, merge and fit; the encoder that comes out decodes any values.
#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/tabular/encoder.hpp"
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
auto read(std::string_view text, FromJson from) -> decltype(from(nlohmann::json())) {
  const auto json = parse_json(text, JsonLimits{});
  if (!json) {
    return tl::unexpected(json.error());
  }
  return from(*json);
}

void decodes_anything(const tabular::Encoder& encoder) {
  const auto written =
      tabular::to_json(encoder).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto again =
      read(written, [](const auto& json) { return tabular::encoder_from_json(json); });
  fuzz::holds(again.has_value(), "a fitted encoder reads back");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::text(data, size);
  const auto sketch_of = [](const auto& json) { return tabular::sketch_from_json(json); };
  const auto a = read(take_part(bytes), sketch_of);
  const auto b = read(take_part(bytes), sketch_of);
  const auto summary =
      read(take_part(bytes), [](const auto& json) { return tabular::summary_from_json(json); });
  if (!a) {
    return 0;
  }
  std::vector<tabular::NamedSketch> sketches{{"a", *a}};
  if (b) {
    sketches.push_back({"b", *b});
  }
  const auto plan = tabular::plan(sketches, {});
  if (!plan || !summary) {
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
