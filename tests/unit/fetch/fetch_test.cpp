// The whole command against a cluster of a script: the folder of the claim is real, and so is what
// the pod runs (volume.hpp); links are cut where a test says so.
#include "common/fetch/fetch.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "common/crypto/digest.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/k8s/fake_api.hpp"

using namespace genesis;
using namespace genesis::fetch;
using k8s::test::FakeApi;
namespace asio = boost::asio;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Scene {
 public:
  Scene() : api(io) {
    write("model.safetensors", model);
    write("synthetic.csv", rows);
    write("model-card.json", Json{{"modelSha256", crypto::sha256_hex(model)}}.dump());
    Json training = Json::parse(R"({
      "metadata": {"namespace": "lab", "name": "hospitals", "uid": "u-1"},
      "spec": {"output": {"rows": 2}},
      "status": {"phase": "Succeeded", "conditions": [{"type": "Complete", "status": "True"}],
                 "images": {"worker": "w:1"},
                 "model": {"path": "hospitals-model:/model.safetensors"}}})");
    training["status"]["model"]["sha256"] = crypto::sha256_hex(model);
    api.put(k8s::kFederatedTrainings, training);
    api.put(k8s::kPersistentVolumeClaims,
            Json{{"metadata", {{"namespace", "lab"}, {"name", "hospitals-model"}}}});
    // The kubelet's part.
    api.fault = [this](const std::string& call) -> std::optional<Error> {
      if (call == "GET " + pod_path && api.objects.contains(pod_path)) {
        api.objects[pod_path]["status"] = Json::parse(pod_status);
      }
      return std::nullopt;
    };
    request.ns = "lab";
    request.training = "hospitals";
    request.pod = "hospitals-fetch-0";
    request.folder = out.path() / "new";
    request.poll = request.pause = Milliseconds(1);
  }

  Result<std::vector<File>> run() {
    Exec exec = [this](k8s::ExecRequest what, k8s::ExecSink sink) {
      return execute(std::move(what), std::move(sink));
    };
    Report report = [this](const std::string& line) { said += line + "\n"; };
    std::optional<Result<std::vector<File>>> files;
    io.restart();
    asio::co_spawn(io,
                   fetch::fetch(io.get_executor(), api, std::move(exec), request, report),
                   [&](std::exception_ptr failure, Result<std::vector<File>> result) {
                     CHECK(failure == nullptr);
                     files = std::move(result);
                   });
    REQUIRE(k8s::test::run_until(io, [&] { return files.has_value(); }));
    return std::move(*files);
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(claim.path() / name, std::ios::binary) << text;
  }
  [[nodiscard]] bool has_pod() const { return api.objects.contains(pod_path); }
  [[nodiscard]] std::string got(const std::string& name) const {
    return read(out.path() / "new" / name);
  }

  const std::string model = std::string(1'000'000, 'm') + "end";
  const std::string rows = "a,b\n1,2\n3,4\n";
  const std::string pod_path = "/api/v1/namespaces/lab/pods/hospitals-fetch-0";
  std::string pod_status = R"({"containerStatuses": [{"state": {"running": {}}}]})";
  asio::io_context io;
  FakeApi api;
  Request request;
  TemporaryFolder claim;
  TemporaryFolder out;
  std::string said;
  int execs = 0;
  // How many bytes the next links carry before they are cut; then they carry all.
  std::deque<std::size_t> cuts;
  bool is_cut_silent = false;  // the server takes it for the end of the command
  std::function<void()> on_exec;

 private:
  asio::awaitable<Result<k8s::ExecResult>> execute(k8s::ExecRequest what, k8s::ExecSink sink) {
    ++execs;
    if (on_exec) {
      on_exec();
    }
    std::size_t room = std::string::npos;
    if (!cuts.empty() && what.command.at(2) == "send") {
      room = cuts.front();
      cuts.pop_front();
    }
    bool is_cut = false;
    const Sink link = [&](std::string_view part) -> Status {
      is_cut = part.size() > room;
      part = part.substr(0, room);
      room -= room == std::string::npos ? 0 : part.size();
      GENESIS_RETURN_IF_ERROR(sink(part));
      return is_cut ? Status(fail(Errc::kUnavailable, "cut")) : Status{};
    };
    Status done;
    if (what.command.at(2) == "list") {
      const auto files = list_files(claim.path());
      done = files ? link(encode(*files)) : tl::unexpected(files.error());
    } else {
      done = send_file(claim.path(), what.command.at(3), std::stoull(what.command.at(4)), link);
    }
    if (is_cut && !is_cut_silent) {
      co_return tl::unexpected(done.error());
    }
    k8s::ExecResult result;
    if (!done && !is_cut) {
      result.exit_code = 1;
      result.error_text = done.error().message;
    }
    co_return result;
  }
};

}  // namespace

TEST_CASE("fetch: all files of a finished training arrive, and the pod goes", "[fetch]") {
  Scene scene;
  const auto files = scene.run();
  REQUIRE(files);
  CHECK(files->size() == 3);
  CHECK(scene.got("model.safetensors") == scene.model);
  CHECK(scene.got("synthetic.csv") == scene.rows);
  CHECK_FALSE(scene.has_pod());

  scene.execs = 0;
  REQUIRE(scene.run());
  CHECK(scene.execs == 1);  // the list alone: what is there already is not sent again
}

TEST_CASE("fetch: a link that is cut goes on where it was", "[fetch]") {
  Scene scene;
  scene.is_cut_silent = GENERATE(false, true);
  scene.cuts = {10, 300'000, 0, 0, 1, 0};
  REQUIRE(scene.run());
  CHECK(scene.got("model.safetensors") == scene.model);
  CHECK_THAT(scene.said, ContainsSubstring("cut after 300010 of 1000003 bytes"));
}

TEST_CASE("fetch: a link that carries nothing any more ends it, and the next run goes on",
          "[fetch]") {
  Scene scene;
  scene.cuts = {600'000, 0, 0, 0, 0, 0, 0};
  const auto cut = scene.run();
  CHECK(cut.error().code == Errc::kUnavailable);
  CHECK_FALSE(scene.has_pod());
  CHECK_FALSE(std::filesystem::exists(scene.request.folder / "model.safetensors"));
  scene.cuts = {400'003};  // all that was missing
  scene.said.clear();
  REQUIRE(scene.run());
  CHECK(scene.got("model.safetensors") == scene.model);
  CHECK_THAT(scene.said, !ContainsSubstring("cut after"));
}

TEST_CASE("fetch: a model that is not the training's is not brought", "[fetch]") {
  Scene scene;
  scene.write("model.safetensors", "of somebody else");
  const auto files = scene.run();
  CHECK(files.error().code == Errc::kDataLoss);
  CHECK_FALSE(std::filesystem::exists(scene.request.folder / "model.safetensors"));
  CHECK_FALSE(scene.has_pod());
}

TEST_CASE("fetch: a file that changes while it is sent is not kept", "[fetch]") {
  Scene scene;
  scene.on_exec = [&] {
    if (scene.execs == 4) {  // after the list, the model and its card
      scene.write("synthetic.csv", "a,b\n1,2\n3,5\n");
    }
  };
  CHECK(scene.run().error().code == Errc::kDataLoss);
  CHECK_FALSE(std::filesystem::exists(scene.request.folder / "synthetic.csv"));
}

TEST_CASE("fetch: what keeps it from beginning is said in the user's terms", "[fetch]") {
  Scene scene;
  SECTION("no such training") {
    scene.request.training = "others";
    const auto files = scene.run();
    CHECK(files.error().code == Errc::kNotFound);
    CHECK_THAT(files.error().message, ContainsSubstring("training others in namespace lab"));
    CHECK_THAT(files.error().message, ContainsSubstring("component=model"));
  }
  SECTION("the claim is gone") {
    scene.api.objects.erase("/api/v1/namespaces/lab/persistentvolumeclaims/hospitals-model");
    const auto files = scene.run();
    CHECK(files.error().code == Errc::kNotFound);
    CHECK_THAT(files.error().message, ContainsSubstring("claim hospitals-model: is gone"));
  }
  SECTION("the user may not make pods") {
    scene.api.fault = [&](const std::string& call) -> std::optional<Error> {
      if (call.starts_with("POST ")) {
        return Error{Errc::kPermissionDenied, "user \"u\" cannot create resource \"pods\""};
      }
      return std::nullopt;
    };
    const auto files = scene.run();
    CHECK(files.error().code == Errc::kPermissionDenied);
    CHECK_THAT(files.error().message, ContainsSubstring("cannot create resource \"pods\""));
    CHECK_THAT(files.error().message, ContainsSubstring("ClusterRole"));
  }
  CHECK_FALSE(scene.has_pod());
}

TEST_CASE("fetch: a pod that does not start is told why, and goes", "[fetch]") {
  Scene scene;
  scene.request.start_time = Milliseconds(20);
  SECTION("its image is missing") {
    scene.pod_status = R"({"containerStatuses": [{"image": "w:1", "state": {"waiting":
        {"reason": "ErrImageNeverPull", "message": "not present"}}}]})";
    CHECK_THAT(scene.run().error().message, ContainsSubstring("ErrImageNeverPull: not present"));
  }
  SECTION("no node has room") {
    scene.pod_status = R"({"conditions": [{"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "no room"}]})";
    const auto files = [&] {
      scene.api.lists_objects = true;
      return scene.run();
    }();
    CHECK_THAT(files.error().message, ContainsSubstring("Unschedulable: no room"));
  }
  SECTION("its volume cannot be attached, as events alone say") {
    scene.pod_status = R"({"phase": "Pending"})";
    scene.api.lists_objects = true;
    scene.api.put(k8s::kEvents,
                  Json{{"metadata", {{"namespace", "lab"}, {"name", "e"}}},
                       {"type", "Warning"},
                       {"reason", "FailedAttachVolume"},
                       {"message", "used by node-2"},
                       {"lastTimestamp", "2026-11-27T00:00:00Z"}});
    CHECK_THAT(scene.run().error().message,
               ContainsSubstring("FailedAttachVolume: used by node-2"));
  }
  CHECK_FALSE(scene.has_pod());
}

TEST_CASE("fetch: whoever interrupts it leaves no pod", "[fetch]") {
  Scene scene;
  std::stop_source stop;
  scene.request.stop = stop.get_token();
  scene.cuts = {10};
  scene.on_exec = [&] {
    if (scene.execs == 2) {
      stop.request_stop();
    }
  };
  CHECK_FALSE(scene.run());
  CHECK_FALSE(scene.has_pod());
}
