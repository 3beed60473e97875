// Every JSON message; the first byte says which. What is read is written back and read again.
#include "common/wire/messages.hpp"

#include "common/method/agreement.hpp"
#include "common/wire/contribution.hpp"
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
  switch (fuzz::take_byte(bytes) % 7) {
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
      if (const auto header = wire::decode_header(bytes)) {
        const auto again = wire::decode_header(wire::encode_header(*header));
        fuzz::holds(again == *header, "a contribution's header reads back");
      }
      break;
    case 4:
      reads_back(bytes, [](auto b) { return wire::decode_error_reply(b); });
      break;
    case 5:
      reads_back(bytes, [](auto b) { return wire::decode_status_report(b); });
      break;
    case 6:
      if (const auto encoder = method::parse_encoder(bytes)) {
        const auto written = method::encoder_text(*encoder);
        const auto again = method::parse_encoder(written);
        fuzz::holds(again && method::encoder_text(*again) == written, "an encoder reads back");
      }
      break;
    default:
      break;
  }
  return 0;
}
