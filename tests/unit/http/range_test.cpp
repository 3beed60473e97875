#include "common/http/range.hpp"

#include <string>

#include "tests/support/catch.hpp"

namespace genesis::http {
namespace {

struct Asked {
  const char* range;
  int status;
  const char* bytes;
  const char* content_range;
};

Response answer(const char* range, const char* condition = "") {
  Request request;
  request.method = "GET";
  if (*range != '\0') {
    request.headers.push_back({"Range", range});
  }
  if (*condition != '\0') {
    request.headers.push_back({"If-Range", condition});
  }
  return part_of(request, make_response(200, "text/plain", "0123456789"), "abc");
}

}  // namespace

TEST_CASE("http: a Range gets its part, anything else the whole", "[http]") {
  const auto asked = GENERATE(Catch::Generators::values<Asked>({
      {"", 200, "0123456789", ""},
      {"bytes=0-", 206, "0123456789", "bytes 0-9/10"},
      {"bytes=4-", 206, "456789", "bytes 4-9/10"},
      {"bytes=4-6", 206, "456", "bytes 4-6/10"},
      {"bytes=9-9", 206, "9", "bytes 9-9/10"},
      {"bytes=4-99", 206, "456789", "bytes 4-9/10"},
      {"bytes=-3", 206, "789", "bytes 7-9/10"},
      {"bytes=-99", 206, "0123456789", "bytes 0-9/10"},
      {"bytes=0-18446744073709551615", 206, "0123456789", "bytes 0-9/10"},
      {"bytes=6-4", 200, "0123456789", ""},
      {"bytes=0-1,4-5", 200, "0123456789", ""},
      {"bytes=a-", 200, "0123456789", ""},
      {"bytes=-", 200, "0123456789", ""},
      {"bytes=99999999999999999999-", 200, "0123456789", ""},
      {"items=0-", 200, "0123456789", ""},
  }));
  INFO(asked.range);
  const auto got = answer(asked.range);
  CHECK(got.status == asked.status);
  CHECK(got.bytes() == asked.bytes);
  CHECK(find_header(got.headers, "Content-Range") == asked.content_range);
  CHECK(find_header(got.headers, "ETag") == "\"abc\"");
}

TEST_CASE("http: a Range that begins after the end gets 416 and the size", "[http]") {
  for (const char* range : {"bytes=10-", "bytes=99-100", "bytes=-0"}) {
    const auto got = answer(range);
    CHECK(got.status == 416);
    CHECK(find_header(got.headers, "Content-Range") == "bytes */10");
  }
}

TEST_CASE("http: If-Range of other bytes gets the whole", "[http]") {
  CHECK(answer("bytes=4-", "\"abc\"").status == 206);
  CHECK(answer("bytes=4-", "\"abd\"").bytes() == "0123456789");
  CHECK(answer("bytes=4-", "abc").status == 200);
  CHECK(answer("bytes=4-", "W/\"abc\"").status == 200);
  CHECK(answer("bytes=10-", "\"abd\"").status == 200);
}

}  // namespace genesis::http
