// Every JSON message; the first byte says which. What is read is written back and read again.
#include "common/wire/messages.hpp"

#include "common/base/overloaded.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

namespace {

template <typename Decode>
void reads_back(std::string_view bytes, Decode decode) {
  if (const auto message = decode(bytes)) {
    const auto written = wire::encode(*message);
    const auto again = decode(std::string_view(written));
    fuzz::holds(again.has_value(), "what was written reads back");
    fuzz::holds(wire::encode(*again) == written, "to the same message");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::text(data, size);
  switch (fuzz::take_byte(bytes) % 8) {
    case 0:
      reads_back(bytes, [](auto b) { return wire::decode_join_request(b); });
      break;
    case 1:
      reads_back(bytes, [](auto b) { return wire::decode_join_reply(b); });
      break;
    case 2:
      reads_back(bytes, [](auto b) { return wire::decode_task(b); });
      break;
    case 3:
      reads_back(bytes, [](auto b) { return wire::decode_summary_upload(b); });
      break;
    case 4:
      reads_back(bytes, [](auto b) { return wire::decode_update_metadata(b); });
      break;
    case 5:
      reads_back(bytes, [](auto b) { return wire::decode_error_reply(b); });
      break;
    case 6:
      reads_back(bytes, [](auto b) { return wire::decode_status_report(b); });
      break;
    case 7:
      if (const auto encoder = wire::decode_encoder(bytes)) {
        const auto written = wire::encode_encoder(*encoder);
        const auto again = wire::decode_encoder(written);
        fuzz::holds(again && wire::encode_encoder(*again) == written, "an encoder reads back");
      }
      break;
    default:
      break;
  }
  return 0;
}
