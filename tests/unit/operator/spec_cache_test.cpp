// Which spec a training has after it was read once. A spec that was parsed anew shows the content
// of its object, one from the cache that of the object which was read first.
#include "operator/spec_cache.hpp"

#include <string>

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

namespace genesis::control {
namespace {

Json an_object(const std::string& uid, std::int64_t generation, int seed) {
  Json object{{"metadata", {{"name", "t"}, {"uid", uid}, {"generation", generation}}}};
  object["spec"] = {
      {"seed", seed},
      {"rounds", {{"minClients", 1}}},
      {"participants", Json::array({{{"name", "a"}, {"data", {{"path", "/data/a.csv"}}}}})}};
  return object;
}

auto seed_of(SpecCache& cache, const Json& object) {
  return cache.of(object).spec.seed;
}

}  // namespace

TEST_CASE("operator: a spec is parsed once a generation", "[operator]") {
  SpecCache cache;
  CHECK(seed_of(cache, an_object("u", 1, 7)) == 7);
  CHECK(seed_of(cache, an_object("u", 1, 8)) == 7);
  CHECK(seed_of(cache, an_object("u", 2, 9)) == 9);
  CHECK(seed_of(cache, an_object("u", 2, 7)) == 9);
  CHECK(seed_of(cache, an_object("v", 2, 3)) == 3);
  CHECK(cache.size() == 2);
}

TEST_CASE("operator: what is wrong with a spec is kept too", "[operator]") {
  SpecCache cache;
  Json object = an_object("u", 1, 7);
  object["spec"]["rounds"]["minClients"] = -1;
  CHECK_THAT(cache.of(object).invalid, ContainsSubstring("minClients"));
  CHECK_THAT(cache.of(an_object("u", 1, 7)).invalid, ContainsSubstring("minClients"));
  CHECK(cache.of(an_object("u", 2, 7)).invalid.empty());
}

TEST_CASE("operator: the spec that was not used for the longest time makes room", "[operator]") {
  SpecCache cache(2);
  (void)seed_of(cache, an_object("u", 1, 1));
  (void)seed_of(cache, an_object("v", 1, 2));
  (void)seed_of(cache, an_object("u", 1, 1));
  (void)seed_of(cache, an_object("w", 1, 3));
  CHECK(cache.size() == 2);
  CHECK(seed_of(cache, an_object("u", 1, 9)) == 1);
  CHECK(seed_of(cache, an_object("v", 1, 9)) == 9);
}

TEST_CASE("operator: a deleted training takes its spec along", "[operator]") {
  SpecCache cache;
  (void)seed_of(cache, an_object("u", 1, 1));
  cache.forget("another");
  CHECK(seed_of(cache, an_object("u", 1, 9)) == 1);
  cache.forget("u");
  CHECK(cache.size() == 0);
  CHECK(seed_of(cache, an_object("u", 1, 9)) == 9);
}

TEST_CASE("operator: an object without uid or generation is parsed each time", "[operator]") {
  SpecCache cache;
  for (const int seed : {1, 2}) {
    CHECK(seed_of(cache, an_object("", 1, seed)) == static_cast<std::uint64_t>(seed));
    CHECK(seed_of(cache, an_object("u", 0, seed)) == static_cast<std::uint64_t>(seed));
  }
}

}  // namespace genesis::control
