#include "common/fetch/fetch.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "common/base/file.hpp"
#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "common/fetch/target.hpp"

namespace genesis::fetch {
namespace {

namespace asio = boost::asio;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

constexpr int kMaxTries = 5;  // without a byte of progress
constexpr std::size_t kMaxListing = 64 * 1024;
constexpr std::uint64_t kMaxCard = std::uint64_t{16} << 20;
constexpr std::size_t kMaxReason = 512;
constexpr Milliseconds kRemovalTime{10'000};

// What the roles of the chart are for; the server has said which verb on which resource.
Error explained(Error error) {
  if (error.code == Errc::kPermissionDenied) {
    error.message +=
        "; the chart's ClusterRole ...-fetch has what this command needs, and docs/kubernetes.md "
        "says how to grant it";
  }
  return error;
}

std::string last_warning(const std::vector<Json>& events) {
  std::string text;
  std::string latest;
  for (const Json& event : events) {
    const std::string at = text_field(event, "lastTimestamp");
    if (text_field(event, "type") == "Warning" && at >= latest) {
      latest = at;
      text = text_field(event, "reason") + ": " + text_field(event, "message");
    }
  }
  return printable(text, kMaxReason);
}

class Fetch {
 public:
  Fetch(asio::any_io_executor executor, k8s::Api& api, Exec exec, Request request, Report report)
      : executor_(std::move(executor)),
        api_(api),
        exec_(std::move(exec)),
        request_(std::move(request)),
        report_(std::move(report)) {}

  asio::awaitable<Result<std::vector<File>>> run() {
    Result<Source> source = co_await find();
    if (!source) {
      co_return tl::unexpected(std::move(source).error());
    }
    if (Status made = make_private_folder(request_.folder); !made) {
      co_return tl::unexpected(std::move(made).error());
    }
    Json pod = pod_of(*source, request_.pod);
    k8s::WriteOptions options;
    options.field_manager = "genesis-fetch";
    const Result<Json> created =
        co_await api_.create(k8s::kPods, std::move(pod), std::move(options));
    if (!created && created.error().code != Errc::kDeadlineExceeded &&
        created.error().code != Errc::kUnavailable) {
      co_return tl::unexpected(
          explained(created.error()).within("pod " + request_.pod + " cannot be made"));
    }
    Result<std::vector<File>> files = fail(Errc::kInternal, "");
    if (created) {
      report_("pod " + request_.pod + " reads claim " + source->claim);
      files = co_await transfer(*source);
    } else {  // it may be there all the same
      files = tl::unexpected(created.error());
    }
    co_await remove_pod();
    co_return files;
  }

 private:
  // The training and its claim.
  asio::awaitable<Result<Source>> find() {
    const std::string what = "training " + request_.training + " in namespace " + request_.ns;
    k8s::ObjectKey key(request_.ns, request_.training);
    const Result<Json> training = co_await api_.get(k8s::kFederatedTrainings, std::move(key));
    if (!training) {
      Error error = explained(training.error());
      if (error.code == Errc::kNotFound) {
        error.message =
            "there is none of that name; the claims with models that deleted trainings have left "
            "are in kubectl get pvc -l app.kubernetes.io/component=model";
      }
      co_return tl::unexpected(error.within(what));
    }
    Result<Source> source = source_of(*training, request_.image);
    if (!source) {
      co_return tl::unexpected(source.error().within(what));
    }
    k8s::ObjectKey claim_key(request_.ns, source->claim);
    const Result<Json> claim =
        co_await api_.get(k8s::kPersistentVolumeClaims, std::move(claim_key));
    const std::string which = what + ": claim " + source->claim;
    if (!claim) {
      Error error = explained(claim.error());
      if (error.code == Errc::kNotFound) {
        error.message = "is gone, and with it the model and the rows";
      }
      co_return tl::unexpected(error.within(which));
    }
    if (Status usable = check_claim(*claim); !usable) {
      co_return tl::unexpected(usable.error().within(which));
    }
    co_return source;
  }

  asio::awaitable<Result<std::vector<File>>> transfer(const Source& source) {
    Status running = co_await wait_for_pod();
    if (!running) {
      co_return tl::unexpected(running.error().within("pod " + request_.pod));
    }
    Result<std::vector<File>> files = co_await list();
    if (!files) {
      co_return files;
    }
    if (Status right = check_files(source, *files); !right) {
      co_return tl::unexpected(std::move(right).error());
    }
    for (const File& file : *files) {
      Status done = co_await bring(file);
      if (!done) {
        co_return tl::unexpected(std::move(done).error());
      }
    }
    Status card = check_the_card(*files);
    if (!card) {
      co_return tl::unexpected(std::move(card).error());
    }
    co_return files;
  }

  asio::awaitable<Status> wait_for_pod() {
    const Instant end = clock_.now() + request_.start_time;
    std::string reason;
    while (!request_.stop.stop_requested()) {
      k8s::ObjectKey key(request_.ns, request_.pod);
      const Result<Json> pod = co_await api_.get(k8s::kPods, std::move(key));
      if (!pod && !is_retryable(pod.error().code)) {
        co_return tl::unexpected(explained(pod.error()));
      }
      const PodView view = pod ? view_of(*pod) : PodView{PodState::kStarting, pod.error().message};
      if (view.state == PodState::kRunning) {
        co_return Status{};
      }
      if (view.state == PodState::kFailed) {
        co_return fail(Errc::kUnavailable, "does not run: " + view.reason);
      }
      if (!view.reason.empty() && view.reason != reason) {
        report_("waiting: " + view.reason);
      }
      reason = view.reason;
      if (clock_.now() >= end) {
        co_return co_await too_late(reason);
      }
      co_await wait(request_.poll);
    }
    co_return fail(Errc::kFailedPrecondition, "interrupted");
  }

  // Volumes that cannot be mounted are in events alone, which the user may not be allowed to see.
  asio::awaitable<Status> too_late(std::string reason) {
    k8s::ListOptions options;
    options.ns = request_.ns;
    options.field_selector = "involvedObject.name=" + request_.pod;
    const Result<k8s::ListPage> events = co_await api_.list(k8s::kEvents, std::move(options));
    if (events) {
      if (std::string warning = last_warning(events->items); !warning.empty()) {
        reason += (reason.empty() ? "" : "; ") + warning;
      }
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(request_.start_time);
    co_return fail(Errc::kUnavailable,
                   "has not started within " + std::to_string(seconds.count()) + " s" +
                       (reason.empty() ? "; its events may say why" : ": " + reason));
  }

  asio::awaitable<Result<std::vector<File>>> list() {
    for (int tries = 1;; ++tries) {
      std::string listing;
      k8s::ExecSink keep = [&listing](std::string_view part) -> Status {
        listing.append(part);
        if (listing.size() > kMaxListing) {
          return fail(Errc::kDataLoss, "the list of files is too long");
        }
        return {};
      };
      k8s::ExecRequest request = command({"list"});
      Status done = co_await execute(std::move(request), std::move(keep));
      if (done) {
        co_return decode_files(listing);
      }
      if (!is_retryable(done.error().code) || tries >= kMaxTries ||
          request_.stop.stop_requested()) {
        co_return tl::unexpected(std::move(done).error());
      }
      co_await wait(request_.pause);
    }
  }

  asio::awaitable<Status> bring(File file) {
    const Result<bool> is_there = Target::is_there(request_.folder, file);
    if (!is_there) {
      co_return tl::unexpected(is_there.error());
    }
    if (*is_there) {
      report_(file.name + ": is there already");
      co_return Status{};
    }
    Result<Target> target = Target::open(request_.folder, file);
    if (!target) {
      co_return tl::unexpected(std::move(target).error());
    }
    int tries = 0;
    while (target->size() < file.bytes) {
      const std::uint64_t before = target->size();
      k8s::ExecRequest request = command({"send", file.name, std::to_string(before)});
      k8s::ExecSink keep = [&target](std::string_view part) { return target->write(part); };
      Status done = co_await execute(std::move(request), std::move(keep));
      const bool is_whole = target->size() == file.bytes;
      tries = target->size() > before ? 0 : tries + 1;
      if (is_whole) {
        break;
      }
      if (done) {  // a link that loses the end in silence
        done = fail(Errc::kUnavailable, "the connection ended before the file did");
      }
      if (!is_retryable(done.error().code) || tries >= kMaxTries ||
          request_.stop.stop_requested()) {
        co_return tl::unexpected(done.error().within(file.name));
      }
      report_(file.name + ": cut after " + std::to_string(target->size()) + " of " +
              std::to_string(file.bytes) + " bytes, goes on");
      co_await wait(request_.pause);
    }
    Status put = target->finish();
    if (put) {
      report_(file.name + ": " + std::to_string(file.bytes) + " bytes, sha256 " + file.sha256);
    }
    co_return put;
  }

  Status check_the_card(const std::vector<File>& files) const {
    const auto find = [&](std::string_view name) {
      return std::ranges::find(files, name, &File::name);
    };
    if (find(kCard) == files.end()) {
      return {};
    }
    GENESIS_ASSIGN(const auto card, read_file(request_.folder / kCard, kMaxCard));
    return check_card(card, find(kModel)->sha256);
  }

  k8s::ExecRequest command(std::vector<std::string> words) const {
    k8s::ExecRequest request;
    request.pod = k8s::ObjectKey(request_.ns, request_.pod);
    request.container = kContainer;
    request.command = {"genesis-federated", "volume"};
    request.command.insert(request.command.end(), words.begin(), words.end());
    request.stop = request_.stop;
    return request;
  }

  // A command that has to end well.
  asio::awaitable<Status> execute(k8s::ExecRequest request, k8s::ExecSink sink) {
    const Result<k8s::ExecResult> result = co_await exec_(std::move(request), std::move(sink));
    if (!result) {
      co_return tl::unexpected(explained(result.error()));
    }
    if (result->exit_code != 0) {
      co_return fail(Errc::kInternal,
                     "in the pod, exit code " + std::to_string(result->exit_code) + ": " +
                         printable(result->error_text, kMaxReason));
    }
    co_return Status{};
  }

  asio::awaitable<void> remove_pod() {
    k8s::DeleteOptions options;
    options.deadline = kRemovalTime;
    k8s::ObjectKey key(request_.ns, request_.pod);
    const Status removed = co_await api_.remove(k8s::kPods, std::move(key), std::move(options));
    if (!removed) {
      report_("pod " + request_.pod + " is left behind: " + removed.error().message +
              "; it ends by itself, and kubectl delete pod -n " + request_.ns + " " + request_.pod +
              " removes it");
    }
  }

  asio::awaitable<void> wait(Milliseconds time) {
    asio::steady_timer timer(executor_, time);
    std::function<void()> end = [&timer] { timer.cancel(); };
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    on_stop.emplace(request_.stop, std::move(end));
    co_await timer.async_wait(kAsTuple);
    on_stop.reset();
  }

  asio::any_io_executor executor_;
  SteadyClock clock_;
  k8s::Api& api_;
  Exec exec_;
  Request request_;
  Report report_;
};

}  // namespace

asio::awaitable<Result<std::vector<File>>> fetch(
    asio::any_io_executor executor, k8s::Api& api, Exec exec, Request request, Report report) {
  Fetch job(std::move(executor), api, std::move(exec), std::move(request), std::move(report));
  co_return co_await job.run();
}

}  // namespace genesis::fetch
