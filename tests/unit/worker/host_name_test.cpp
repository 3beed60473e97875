#include "worker/host_name.hpp"

#include "common/base/ids.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;

TEST_CASE("worker: a host's name becomes a client id with room for a number", "[worker]") {
  CHECK(worker::client_id_of("ward-north.hospital.example") == "ward-north");
  CHECK(worker::client_id_of("--ward north_2") == "ward-north_2");
  CHECK(worker::client_id_of(std::string(80, 'h')) == std::string(58, 'h'));
  CHECK(ClientId::parse(worker::client_id_of(std::string(80, 'h')) + "-100"));
  CHECK(worker::client_id_of("").empty());
  CHECK(worker::client_id_of("...").empty());
}
