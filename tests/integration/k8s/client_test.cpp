// Calls and their errors, judged by a real API server.
#include <array>
#include <cstdio>
#include <map>

#include "tests/integration/k8s/cluster.hpp"

using namespace genesis;
using namespace genesis::k8s;
using namespace genesis::k8s::test;

namespace {

PatchOptions apply_as(const std::string& manager, Force force) {
  PatchOptions options;
  options.field_manager = manager;
  options.force = force;
  return options;
}

std::string token_of(const std::string& ns, const std::string& account) {
  const std::string command = "kubectl create token " + account + " -n " + ns;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> text{};
  const std::size_t size = std::fread(text.data(), 1, text.size(), pipe);
  REQUIRE(::pclose(pipe) == 0);
  std::string token(text.data(), size);
  token.erase(token.find_last_not_of('\n') + 1);
  return token;
}

}  // namespace

TEST_CASE("k8s: objects are made, read, changed and deleted", "[integration]") {
  Cluster cluster;
  CHECK_THAT(*cluster.await(cluster.api->server_version()), ContainsSubstring("v1."));
  const std::string ns = cluster.a_namespace("calls");
  const ObjectKey key(ns, "a");

  const Json made = cluster.create(kConfigMaps, a_config_map(ns, "a", "one"));
  CHECK(made["kind"] == "ConfigMap");
  CHECK_FALSE(uid_of(made).empty());
  const auto again =
      cluster.await(cluster.api->create(kConfigMaps, a_config_map(ns, "a", "two"), WriteOptions()));
  CHECK(again.error().code == Errc::kAlreadyExists);
  CHECK(cluster.await(cluster.api->get(kConfigMaps, key)) == made);
  const ObjectKey missing(ns, "missing");
  const auto none = cluster.await(cluster.api->get(kConfigMaps, missing));
  CHECK(none.error().code == Errc::kNotFound);
  CHECK_THAT(none.error().message, ContainsSubstring("/configmaps/missing"));

  Json changed = made;
  changed["data"]["text"] = "three";
  CHECK(cluster.await(cluster.api->replace(kConfigMaps, changed, WriteOptions())));
  const auto stale = cluster.await(cluster.api->replace(kConfigMaps, changed, WriteOptions()));
  CHECK(stale.error().code == Errc::kConflict);

  DeleteOptions wrong;
  wrong.uid = "00000000-0000-0000-0000-000000000000";
  CHECK(cluster.await(cluster.api->remove(kConfigMaps, key, wrong)).error().code ==
        Errc::kConflict);
  DeleteOptions right;
  right.uid = uid_of(made);
  CHECK(cluster.await(cluster.api->remove(kConfigMaps, key, right)));
  CHECK(cluster.await(cluster.api->remove(kConfigMaps, key, right)));  // gone is what was wanted
  const auto gone = cluster.await(cluster.api->get(kConfigMaps, key));
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Errc::kNotFound);

  // In the foreground an object waits for its children, whose collector does not run here.
  cluster.create(kConfigMaps, a_config_map(ns, "a", "one"));
  DeleteOptions foreground;
  foreground.propagation = Propagation::kForeground;
  CHECK(cluster.await(cluster.api->remove(kConfigMaps, key, foreground)));
  const auto waiting = cluster.await(cluster.api->get(kConfigMaps, key));
  REQUIRE(waiting);
  CHECK_FALSE(metadata_text(*waiting, "deletionTimestamp").empty());
}

TEST_CASE("k8s: an apply makes, owns and gives up fields", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("applies");
  const ObjectKey key(ns, "a");
  auto ours = cluster.await(cluster.api->patch(
      kConfigMaps, key, a_config_map(ns, "a", "ours"), apply_as("one", Force::kNo)));
  REQUIRE(ours);
  const auto same = cluster.await(cluster.api->patch(
      kConfigMaps, key, a_config_map(ns, "a", "ours"), apply_as("one", Force::kNo)));
  CHECK(resource_version_of(*same) == resource_version_of(*ours));  // an idle apply writes nothing

  const auto theirs = cluster.await(cluster.api->patch(
      kConfigMaps, key, a_config_map(ns, "a", "theirs"), apply_as("two", Force::kNo)));
  REQUIRE_FALSE(theirs);
  CHECK(theirs.error().code == Errc::kConflict);
  CHECK_THAT(theirs.error().message, ContainsSubstring("one"));
  CHECK(cluster.await(cluster.api->patch(
      kConfigMaps, key, a_config_map(ns, "a", "theirs"), apply_as("two", Force::kYes))));
  CHECK((*cluster.await(cluster.api->get(kConfigMaps, key)))["data"]["text"] == "theirs");

  Json without = a_config_map(ns, "a", "");
  without.erase("data");
  CHECK(cluster.await(cluster.api->patch(kConfigMaps, key, without, apply_as("two", Force::kYes))));
  CHECK_FALSE(cluster.await(cluster.api->get(kConfigMaps, key))->contains("data"));

  PatchOptions dry = apply_as("one", Force::kYes);
  dry.dry_run = DryRun::kYes;
  const ObjectKey dry_key(ns, "dry");
  CHECK(cluster.await(cluster.api->patch(kConfigMaps, dry_key, a_config_map(ns, "dry", "x"), dry)));
  CHECK_FALSE(cluster.await(cluster.api->get(kConfigMaps, dry_key)));
}

TEST_CASE("k8s: status is written beside the spec", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("statuses");
  const ObjectKey key(ns, "j");
  Json job = Json::parse(R"({"spec":{"suspend":true,"template":{"spec":{"restartPolicy":"Never",
      "containers":[{"name":"c","image":"localhost/x:1"}]}}}})");
  job["metadata"] = {{"namespace", ns}, {"name", "j"}};
  cluster.create(kJobs, job);
  PatchOptions options;
  options.kind = PatchKind::kMerge;
  options.subresource = Subresource::kStatus;
  const Json status = {{"status", {{"active", 1}}}, {"spec", {{"suspend", false}}}};
  const auto patched = cluster.await(cluster.api->patch(kJobs, key, status, options));
  INFO((patched ? "" : patched.error().message));
  REQUIRE(patched);
  CHECK((*patched)["status"]["active"] == 1);
  CHECK((*patched)["spec"]["suspend"] == true);
}

TEST_CASE("k8s: a refused object's error names its fields", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("refusals");
  Json job = Json::parse(R"({"spec":{"completions":-1,"template":{"spec":{"restartPolicy":"Never",
      "containers":[{"name":"c","image":"localhost/x:1"}]}}}})");
  job["metadata"] = {{"namespace", ns}, {"name", "j"}};
  const auto invalid = cluster.await(cluster.api->create(kJobs, job, WriteOptions()));
  REQUIRE_FALSE(invalid);
  CHECK(invalid.error().code == Errc::kInvalidArgument);
  CHECK_THAT(invalid.error().message, ContainsSubstring("spec.completions: "));

  job["spec"]["completions"] = 1;
  job["spec"]["complecions"] = 1;
  const ObjectKey key(ns, "j");
  const auto misspelt =
      cluster.await(cluster.api->patch(kJobs, key, job, apply_as("one", Force::kYes)));
  REQUIRE_FALSE(misspelt);
  CHECK_THAT(misspelt.error().message, ContainsSubstring("complecions"));

  const auto nowhere = cluster.await(
      cluster.api->create(kConfigMaps, a_config_map("no-such", "a", "x"), WriteOptions()));
  CHECK(nowhere.error().code == Errc::kNotFound);
  const auto nameless =
      cluster.await(cluster.api->remove(kConfigMaps, ObjectKey(ns, ""), DeleteOptions()));
  CHECK(nameless.error().code == Errc::kInvalidArgument);
}

TEST_CASE("k8s: a secret's bytes stay away where only its metadata is asked for", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("secrets");
  cluster.create(
      kSecrets,
      {{"metadata", {{"namespace", ns}, {"name", "s"}}}, {"stringData", {{"key", "very secret"}}}});
  ListOptions options;
  options.ns = ns;
  options.detail = Detail::kMetadataOnly;
  const auto page = cluster.await(cluster.api->list(kSecrets, options));
  REQUIRE(page);
  REQUIRE(page->items.size() == 1);
  CHECK(page->items[0]["kind"] == "Secret");
  CHECK_FALSE(page->items[0].contains("data"));
}

TEST_CASE("k8s: conflicting writers lose no write", "[integration]") {
  Cluster cluster;
  Cluster other;
  const std::string ns = cluster.a_namespace("writers");
  const ObjectKey key(ns, "counter");
  cluster.create(kConfigMaps, a_config_map(ns, "counter", "0"));
  int conflicts = 0;
  constexpr int kWrites = 20;
  const auto count_up = [&](Cluster& writer) -> asio::awaitable<bool> {
    for (int done = 0; done < kWrites;) {
      Result<Json> held = co_await writer.api->get(kConfigMaps, key);
      if (!held) {
        co_return false;
      }
      const std::string text = (*held)["data"]["text"];
      (*held)["data"]["text"] = std::to_string(std::stoi(text) + 1);
      WriteOptions options;
      Result<Json> written = co_await writer.api->replace(kConfigMaps, *held, options);
      conflicts += !written && written.error().code == Errc::kConflict ? 1 : 0;
      done += written ? 1 : 0;
    }
    co_return true;
  };
  std::optional<bool> first;
  std::optional<bool> second;
  cluster.start(count_up(cluster), [&](bool is_whole) { first = is_whole; });
  cluster.start(count_up(cluster), [&](bool is_whole) { second = is_whole; });
  REQUIRE(cluster.until([&] { return first && second; }));
  CHECK(*first);
  CHECK(*second);
  CHECK(conflicts > 0);
  CHECK((*cluster.await(cluster.api->get(kConfigMaps, key)))["data"]["text"] ==
        std::to_string(2 * kWrites));
}

TEST_CASE("k8s: a page's continuation expires as 410", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("compaction");
  for (const char* name : {"a", "b", "c"}) {
    cluster.create(kConfigMaps, a_config_map(ns, name, "x"));
  }
  ListOptions options;
  options.ns = ns;
  options.limit = 1;
  auto page = cluster.await(cluster.api->list(kConfigMaps, options));
  REQUIRE(page);
  CHECK(page->items.size() == 1);
  options.continue_token = page->continue_token;
  REQUIRE_FALSE(options.continue_token.empty());
  int turn = 0;
  const ObjectKey key(ns, "a");
  // The server compacts its history every few seconds (GENESIS_CLUSTER_API_FLAGS).
  REQUIRE(cluster.until([&] {
    const auto next = cluster.await(cluster.api->list(kConfigMaps, options));
    const Json text = {{"data", {{"text", std::to_string(++turn)}}}};
    PatchOptions merge;
    merge.kind = PatchKind::kMerge;
    REQUIRE(cluster.await(cluster.api->patch(kConfigMaps, key, text, merge)));
    return !next && next.error().code == Errc::kDataLoss;
  }));
}

TEST_CASE("k8s: a service account's token is known by its roles, and throttled calls succeed",
          "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("accounts");
  cluster.create(kServiceAccounts, {{"metadata", {{"namespace", ns}, {"name", "robot"}}}});
  Config config = admin();
  config.tls->certificate.reset();
  config.tls->key.reset();
  config.token = TokenSource(crypto::Secret(token_of(ns, "robot")));
  Cluster robot(std::move(config));

  const ObjectKey key(ns, "a");
  const auto forbidden = robot.await(robot.api->get(kConfigMaps, key));
  REQUIRE_FALSE(forbidden);
  CHECK(forbidden.error().code == Errc::kPermissionDenied);
  CHECK_THAT(forbidden.error().message, ContainsSubstring("robot"));

  const Resource roles{"rbac.authorization.k8s.io", "v1", "roles", "Role"};
  const Resource bindings{"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"};
  const Json rule = {
      {"apiGroups", {""}}, {"resources", {"configmaps"}}, {"verbs", {"create", "get"}}};
  cluster.create(
      roles, {{"metadata", {{"namespace", ns}, {"name", "maps"}}}, {"rules", Json::array({rule})}});
  const Json subject = {{"kind", "ServiceAccount"}, {"namespace", ns}, {"name", "robot"}};
  cluster.create(
      bindings,
      {{"metadata", {{"namespace", ns}, {"name", "maps"}}},
       {"subjects", Json::array({subject})},
       {"roleRef",
        {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", "maps"}}}});
  REQUIRE(robot.until([&] {
    const auto found = robot.await(robot.api->get(kConfigMaps, key));
    return !found && found.error().code == Errc::kNotFound;
  }));

  // The server lets one write of others than admins in at a time and answers 429 to the rest.
  std::map<std::string, int> codes;
  robot.api->on_request([&](const RequestReport& report) { ++codes[std::string(report.code)]; });
  int done = 0;
  int failed = 0;
  for (int i = 0; i < 24; ++i) {
    Json map = a_config_map(ns, "m" + std::to_string(i), std::string(100'000, 'x'));
    WriteOptions options;
    robot.start(robot.api->create(kConfigMaps, std::move(map), options),
                [&](const Result<Json>& made) {
                  ++done;
                  failed += made ? 0 : 1;
                });
  }
  REQUIRE(robot.until([&] { return done == 24; }));
  CHECK(failed == 0);
  CHECK(codes["201"] == 24);
  CHECK(codes["429"] > 0);

  Config stranger = admin();
  stranger.tls->certificate.reset();
  stranger.tls->key.reset();
  stranger.token = TokenSource(crypto::Secret(std::string_view("no-such-token")));
  Cluster unknown(std::move(stranger));
  const auto refused = unknown.await(unknown.api->get(kConfigMaps, key));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kUnauthenticated);
}
