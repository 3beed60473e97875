#include "common/k8s/store.hpp"

#include <map>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::k8s;

namespace {

Json a_job(const std::string& name, const std::string& version, const std::string& owner = "") {
  Json job = {{"kind", "Job"},
              {"metadata", {{"namespace", "ns"}, {"name", name}, {"resourceVersion", version}}},
              {"spec", {{"backoffLimit", 3}}}};
  if (!owner.empty()) {
    const Json foreign = {{"kind", "X"}, {"name", "x"}, {"uid", "no-controller"}};
    const Json controller = {
        {"kind", "FederatedTraining"}, {"name", "t"}, {"uid", owner}, {"controller", true}};
    job["metadata"]["ownerReferences"] = Json::array({foreign, controller});
  }
  return job;
}

std::vector<std::string> names(const std::vector<ObjectKey>& keys) {
  std::vector<std::string> out;
  for (const ObjectKey& key : keys) {
    out.push_back(key.name);
  }
  return out;
}

}  // namespace

TEST_CASE("k8s: the store gives back what was put", "[k8s]") {
  Store store;
  CHECK(store.put(a_job("a", "1")) == Store::Put::kAdded);
  CHECK(store.get(ObjectKey("ns", "a")) == a_job("a", "1"));
  CHECK_FALSE(store.get(ObjectKey("ns", "b")));
  CHECK_FALSE(store.get(ObjectKey("other", "a")));
  CHECK(store.erase(ObjectKey("ns", "a")) == a_job("a", "1"));
  CHECK_FALSE(store.erase(ObjectKey("ns", "a")));
  CHECK(store.size() == 0);
  CHECK(store.bytes() == 0);
}

TEST_CASE("k8s: a new version with the same content is no change, but is kept", "[k8s]") {
  Store store;
  store.put(a_job("a", "1"));
  CHECK(store.put(a_job("a", "2")) == Store::Put::kSame);
  CHECK(resource_version_of(*store.get(ObjectKey("ns", "a"))) == "2");
  Json changed = a_job("a", "3");
  changed["spec"]["backoffLimit"] = 4;
  CHECK(store.put(changed) == Store::Put::kChanged);
  CHECK(store.get(ObjectKey("ns", "a")) == changed);
}

TEST_CASE("k8s: children are found by the uid of their controller", "[k8s]") {
  Store store;
  store.put(a_job("b", "1", "u1"));
  store.put(a_job("a", "2", "u1"));
  store.put(a_job("c", "3", "u2"));
  store.put(a_job("d", "4"));
  CHECK(names(store.keys_owned_by("u1")) == std::vector<std::string>{"a", "b"});
  CHECK(store.owned_by("u2").at(0) == a_job("c", "3", "u2"));
  CHECK(store.owned_by("no-controller").empty());
  CHECK(store.owned_by("").empty());
  store.put(a_job("a", "5", "u2"));  // changed hands
  CHECK(names(store.keys_owned_by("u1")) == std::vector<std::string>{"b"});
  CHECK(names(store.keys_owned_by("u2")) == std::vector<std::string>{"a", "c"});
  store.erase(ObjectKey("ns", "c"));
  store.put(a_job("a", "6"));
  CHECK(store.keys_owned_by("u2").empty());
}

TEST_CASE("k8s: the store holds what a plain map would", "[k8s][property]") {
  REQUIRE(rc::check(
      "same as a map", [](const std::vector<std::tuple<std::uint8_t, std::uint8_t, bool>>& script) {
        Store store;
        std::map<ObjectKey, Json> model;
        std::size_t version = 0;
        for (const auto& [name, owner, is_put] : script) {
          const std::string owner_uid = owner % 3 == 0 ? "" : "u" + std::to_string(owner % 3);
          Json job = a_job(std::to_string(name % 8), std::to_string(++version), owner_uid);
          const ObjectKey key = key_of(job);
          if (is_put) {
            store.put(job);
            model[key] = job;
          } else {
            RC_ASSERT(store.erase(key).has_value() == (model.erase(key) == 1));
          }
        }
        RC_ASSERT(store.size() == model.size());
        std::size_t owned = 0;
        for (const auto& [key, job] : model) {
          RC_ASSERT(store.get(key) == job);
          owned += controller_of(job) ? 1 : 0;
        }
        RC_ASSERT(store.owned_by("u1").size() + store.owned_by("u2").size() == owned);
      }));
}

TEST_CASE("k8s: metadata of any shape is read without harm", "[k8s]") {
  for (const char* text : {"null",
                           "[]",
                           "3",
                           "{}",
                           R"({"metadata":null})",
                           R"({"metadata":[]})",
                           R"({"metadata":{"name":3,"ownerReferences":{}}})",
                           R"({"metadata":{"ownerReferences":[null,{"controller":"yes"},[]]}})"}) {
    const Json json = Json::parse(text);
    CHECK(key_of(json) == ObjectKey());
    CHECK(uid_of(json).empty());
    CHECK_FALSE(controller_of(json));
  }
}
