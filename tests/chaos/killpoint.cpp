// A library for LD_PRELOAD that ends its process, or lets one of its calls fail, at an exact point
// of its talk with disk and network. The programs under test know nothing of it.
//
//   GENESIS_FAULT_AT   steps apart by " > ", met in this order: call[:text][@when]
//     call   open write fsync rename remove: files; `text` is part of the path
//            recv send: the socket's bytes; tls_read tls_write: what they hold, `text` is part of
//            it
//     when   before | after | middle (half of what write or send was given has gone out); the last
//            step's counts, "before" unless it says so
//   GENESIS_FAULT      kill (default), or ENOSPC or EIO: then the last step's call fails so, and
//                      each later one that fits it
//   GENESIS_CLOCK_SKEW seconds that this process's calendar is ahead; GENESIS_CLOCK_SKEW_FILE: the
//                      file that holds them, read each time
//
// "tls_read:PUT /v1/collections/3/contributions > fsync:checkpoints/@after" is killed after the
// first fsync of a checkpoint that follows the arrival of an update of round 2.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

enum class When { kBefore, kAfter, kMiddle };

struct FaultStep {
  std::string call;
  std::string text;
  When when = When::kBefore;
};

std::vector<FaultStep> steps_of(std::string_view plan) {
  constexpr std::string_view kThen = " > ";
  std::vector<FaultStep> steps;
  while (!plan.empty()) {
    const auto end = std::min(plan.find(kThen), plan.size());
    std::string_view one = plan.substr(0, end);
    plan.remove_prefix(std::min(plan.size(), end + kThen.size()));
    FaultStep step;
    if (const auto at = one.rfind('@'); at != std::string_view::npos) {
      const auto when = one.substr(at + 1);
      step.when = when == "after" ? When::kAfter : when == "middle" ? When::kMiddle : When::kBefore;
      one = one.substr(0, at);
    }
    const auto colon = std::min(one.find(':'), one.size());
    step.call = one.substr(0, colon);
    step.text = one.substr(std::min(one.size(), colon + 1));
    steps.push_back(std::move(step));
  }
  return steps;
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  while (true) {
    ::pause();
  }
}

// What an intercepted call is to do.
enum class Order { kPass, kFail, kKillBefore, kKillAfter, kKillMiddle };

class Plan {
 public:
  Plan() {
    const char* at = std::getenv("GENESIS_FAULT_AT");
    const std::string_view fault = std::getenv("GENESIS_FAULT") ? std::getenv("GENESIS_FAULT") : "";
    steps_ = steps_of(at != nullptr ? at : "");
    error_ = fault == "ENOSPC" ? ENOSPC : fault == "EIO" ? EIO : 0;
  }

  Order meet(std::string_view call, std::string_view about) {
    const std::lock_guard lock(mutex_);
    if (steps_.empty()) {
      return Order::kPass;
    }
    const FaultStep& step = steps_[next_];
    if (step.call != call || about.find(step.text) == std::string_view::npos) {
      return Order::kPass;
    }
    if (next_ + 1 < steps_.size()) {
      ++next_;
      return Order::kPass;
    }
    if (error_ != 0) {
      return Order::kFail;
    }
    switch (step.when) {
      case When::kBefore:
        return Order::kKillBefore;
      case When::kAfter:
        return Order::kKillAfter;
      case When::kMiddle:
        return Order::kKillMiddle;
    }
    return Order::kPass;
  }

  [[nodiscard]] int error() const { return error_; }

 private:
  std::mutex mutex_;  // guards next_
  std::vector<FaultStep> steps_;
  std::size_t next_ = 0;
  int error_ = 0;
};

Plan& plan() {
  static Plan made;
  return made;
}

template <typename F>
F* real(F* /*like*/, const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

std::string path_of(int fd) {
  char name[64];
  char path[4096];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  const auto size = ::readlink(name, path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

// Carries out an order around `call`, which takes how much of its bytes to handle.
template <typename Call>
auto obey(Order order, std::size_t size, Call call) -> decltype(call(size)) {
  switch (order) {
    case Order::kPass:
      return call(size);
    case Order::kFail:
      errno = plan().error();
      return -1;
    case Order::kKillBefore:
      die();
    case Order::kKillMiddle:
      call(size / 2);
      die();
    case Order::kKillAfter:
      call(size);
      die();
  }
  return call(size);
}

int open_file(const char* name, const char* path, int flags, mode_t mode) {
  const auto next = real<int(const char*, int, ...)>(nullptr, name);
  const auto order = (flags & O_ACCMODE) == O_RDONLY ? Order::kPass : plan().meet("open", path);
  return obey(order, 0, [&](std::size_t) { return next(path, flags, mode); });
}

time_t skew() {
  static const char* const seconds = std::getenv("GENESIS_CLOCK_SKEW");
  static const char* const path = std::getenv("GENESIS_CLOCK_SKEW_FILE");
  long long ahead = seconds != nullptr ? std::atoll(seconds) : 0;
  if (std::FILE* file = path != nullptr ? std::fopen(path, "r") : nullptr) {
    if (std::fscanf(file, "%lld", &ahead) != 1) {
      ahead = 0;
    }
    std::fclose(file);
  }
  return static_cast<time_t>(ahead);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  static const auto next = real<int(clockid_t, timespec*)>(nullptr, "clock_gettime");
  const int result = next(clock, out);
  if (result == 0 && clock == CLOCK_REALTIME) {
    out->tv_sec += skew();
  }
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) {
    *out = now.tv_sec;
  }
  return now.tv_sec;
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file("open64", path, flags, mode);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  static const auto next = real<ssize_t(int, const void*, size_t)>(nullptr, "write");
  const auto order = fd > STDERR_FILENO ? plan().meet("write", path_of(fd)) : Order::kPass;
  return obey(order, size, [&](std::size_t n) { return next(fd, bytes, n); });
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static const auto next = real<ssize_t(int, const void*, size_t, off_t)>(nullptr, "pwrite");
  const auto order = plan().meet("write", path_of(fd));
  return obey(order, size, [&](std::size_t n) { return next(fd, bytes, n, offset); });
}

int fsync(int fd) {
  static const auto next = real<int(int)>(nullptr, "fsync");
  return obey(plan().meet("fsync", path_of(fd)), 0, [&](std::size_t) { return next(fd); });
}

int rename(const char* from, const char* to) noexcept {
  static const auto next = real<int(const char*, const char*)>(nullptr, "rename");
  return obey(plan().meet("rename", to), 0, [&](std::size_t) { return next(from, to); });
}

int remove(const char* path) noexcept {
  static const auto next = real<int(const char*)>(nullptr, "remove");
  return obey(plan().meet("remove", path), 0, [&](std::size_t) { return next(path); });
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static const auto next = real<ssize_t(int, msghdr*, int)>(nullptr, "recvmsg");
  return obey(plan().meet("recv", ""), 0, [&](std::size_t) { return next(fd, message, flags); });
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static const auto next = real<ssize_t(int, const msghdr*, int)>(nullptr, "sendmsg");
  const auto first = message->msg_iov[0];
  return obey(plan().meet("send", ""), first.iov_len, [&](std::size_t n) {
    iovec part{first.iov_base, n};
    msghdr less = *message;
    if (n < first.iov_len) {
      less.msg_iov = &part;
      less.msg_iovlen = 1;
    }
    return next(fd, &less, flags);
  });
}

// Of TLS, only the bytes are looked at: "before" and "after" are before and after the engine's
// work on them, while they are still (or already) in this process alone.
int SSL_write_ex(SSL* ssl, const void* bytes, size_t size, size_t* written) {
  static const auto next = real<int(SSL*, const void*, size_t, size_t*)>(nullptr, "SSL_write_ex");
  const std::string_view text(static_cast<const char*>(bytes), size);
  const auto order = plan().meet("tls_write", text);
  return obey(order, size, [&](std::size_t n) { return next(ssl, bytes, n, written); });
}

int SSL_read_ex(SSL* ssl, void* bytes, size_t size, size_t* got) {
  static const auto next = real<int(SSL*, void*, size_t, size_t*)>(nullptr, "SSL_read_ex");
  const int result = next(ssl, bytes, size, got);
  if (result == 1) {
    const std::string_view text(static_cast<const char*>(bytes), *got);
    if (plan().meet("tls_read", text) != Order::kPass) {
      die();
    }
  }
  return result;
}

}  // extern "C"
