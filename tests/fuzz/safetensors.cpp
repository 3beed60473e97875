// Tensor files and contributions: what is read is written back and read again, to the same.
#include "common/wire/safetensors.hpp"

#include "common/wire/contribution.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text(data, size);
  if (const auto file = wire::decode_safetensors(bytes)) {
    fuzz::holds(4 * file->tensors.values.size() < size, "values come from the bytes");
    const auto again =
        wire::decode_safetensors(wire::encode_safetensors(file->tensors, file->metadata));
    fuzz::holds(again && again->tensors.specs == file->tensors.specs &&
                    again->metadata == file->metadata &&
                    again->tensors.values.size() == file->tensors.values.size(),
                "a tensor file reads back");
    fuzz::holds(wire::check_matches(again->tensors, file->tensors.specs).has_value(),
                "it matches itself");
    static_cast<void>(wire::check_finite(file->tensors));
  }
  if (const auto contribution = wire::decode_contribution(bytes)) {
    const auto again = wire::decode_contribution(wire::encode(*contribution));
    fuzz::holds(again && wire::encode_header(*again) == wire::encode_header(*contribution),
                "a contribution reads back");
  }
  return 0;
}
