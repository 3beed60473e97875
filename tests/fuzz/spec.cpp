// Specs as YAML or JSON, and CEL expressions on their own. A spec that is accepted prints to one
// that is accepted as the same.
#include "common/spec/cel.hpp"
#include "common/spec/parse.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::text(data, size);
  if (fuzz::take_byte(bytes) % 2 == 0) {
    if (const auto expression = spec::cel::parse(bytes)) {
      const spec::Json self = {{"count", 10}, {"name", "a"}, {"list", {1, 2, 3}}, {"rate", 0.5}};
      static_cast<void>(spec::cel::evaluate(*expression, self));
    }
    return 0;
  }
  if (const auto training = spec::parse(bytes, "fuzz")) {
    const auto json = spec::print_json(*training);
    const auto again = spec::parse(json, "fuzz");
    fuzz::holds(again && spec::print_json(*again) == json, "a spec reads back");
  }
  return 0;
}
