// The headers of a chunk and of a range, and where a chunk goes: what is read is written back the
// same, and no chunk leaves a gap.
#include "common/wire/transfer.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "common/http/range.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

namespace {

void chunk(const std::array<std::string, 3>& lines, std::uint64_t offset) {
  const auto read = wire::parse_chunk({lines[0], lines[1], lines[2]});
  if (!read) {
    return;
  }
  fuzz::holds(read->begin < read->end && read->end <= read->size, "a chunk lies in its upload");
  const auto again = wire::parse_chunk(wire::headers_of(*read));
  fuzz::holds(again && *again == *read, "a chunk reads back");
  const wire::UploadProgress progress{
      read->upload_sha256, read->size, std::min(offset, read->size)};
  const auto placement = wire::place(progress, *read);
  fuzz::holds(placement.has_value() == (read->begin <= progress.offset), "there is no gap");
  fuzz::holds(!placement || placement->known <= read->end - read->begin,
              "no more of a chunk is known than it has");
}

void range(const std::array<std::string, 3>& lines, std::size_t size) {
  http::Request request;
  request.headers.push_back({"Range", lines[0]});
  request.headers.push_back({"If-Range", lines[1]});
  const auto part =
      http::part_of(request, http::make_response(200, "x", std::string(size, 'x')), lines[2]);
  fuzz::holds(part.status == 200 || part.status == 206 || part.status == 416, "a known status");
  fuzz::holds(part.status != 206 || (!part.bytes().empty() && part.bytes().size() <= size),
              "a part is some of the whole");
  fuzz::holds(part.status != 200 || part.bytes().size() == size, "the whole is all of it");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::text(data, size);
  const std::uint64_t number = fuzz::take_byte(bytes);
  std::array<std::string, 3> lines;
  for (auto& line : lines) {
    const auto end = std::min(bytes.find('\n'), bytes.size());
    line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(bytes.size(), end + 1));
  }
  chunk(lines, number);
  range(lines, number);
  static_cast<void>(wire::decode_upload_progress(fuzz::text(data, size)));
  return 0;
}
