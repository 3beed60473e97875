#pragma once
// How fallible functions answer: a value, or an Error that says which field, file or host, what was
// wrong and what to do. Used by everything.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace genesis {

enum class Errc {
  kInvalidArgument,     // the caller's data is wrong and stays wrong
  kNotFound,            // a file or object is not there
  kAlreadyExists,       // an object of that name is there already
  kFailedPrecondition,  // not now: the state does not allow it
  kUnauthenticated,     // no or unknown certificate or token
  kPermissionDenied,    // known, but not allowed
  kConflict,            // stale round, foreign run, or another body under the same key
  kResourceExhausted,   // a bound on size, count or depth
  kDeadlineExceeded,    // time is up
  kUnavailable,         // a peer that may come back
  kDataLoss,            // cut or altered bytes
  kIo,                  // the disk or the operating system
  kInternal,            // a library failed in a way that we do not know
};

inline constexpr std::array kErrcs{
    Errc::kInvalidArgument,
    Errc::kNotFound,
    Errc::kAlreadyExists,
    Errc::kFailedPrecondition,
    Errc::kUnauthenticated,
    Errc::kPermissionDenied,
    Errc::kConflict,
    Errc::kResourceExhausted,
    Errc::kDeadlineExceeded,
    Errc::kUnavailable,
    Errc::kDataLoss,
    Errc::kIo,
    Errc::kInternal,
};

std::string_view to_string(Errc code);
/// The code of that name; nullopt for another text.
std::optional<Errc> errc_of(std::string_view name);

/// True where the same request may succeed later.
bool is_retryable(Errc code);

/// True where input or configuration must be corrected first: whoever restarts a program that ended
/// with such an error should not (exit_code.hpp). Neither retryable nor permanent is what a restart
/// may cure, such as a full disk or a credential that is being replaced.
bool is_permanent(Errc code);

/// The setting that an error asks to change. Libraries name it by this; each program says which of
/// its flags that is (common/command_line).
enum class Setting {
  kNone,
  kServerUrl,
  kServerAuthority,    // CA certificates that the server's certificate is verified against
  kClientCertificate,  // with its private key
  kAuthToken,
  kListenHost,
  kListenPort,
  kMetricsHost,
  kMetricsPort,
};

struct Error {
  Errc code = Errc::kInternal;
  std::string message;
  Setting setting = Setting::kNone;

  /// The same error with `context` and ": " before its message.
  [[nodiscard]] Error within(std::string_view context) const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code,
                                                std::string message,
                                                Setting setting = Setting::kNone) {
  return tl::unexpected<Error>(Error{code, std::move(message), setting});
}

}  // namespace genesis

// Returns the error of `expression` from the enclosing function. In coroutines use it only on
// expressions without co_await.
#define GENESIS_RETURN_IF_ERROR(expression)                       \
  do {                                                            \
    auto genesis_status = (expression);                           \
    if (!genesis_status) {                                        \
      return ::tl::unexpected(std::move(genesis_status).error()); \
    }                                                             \
  } while (false)

// GENESIS_ASSIGN(auto x, f()): declares x from the value, or returns the error.
#define GENESIS_ASSIGN(declaration, expression) \
  GENESIS_ASSIGN_IMPL(GENESIS_CONCAT(genesis_result_, __LINE__), declaration, expression)
#define GENESIS_CONCAT_IMPL(a, b) a##b
#define GENESIS_CONCAT(a, b) GENESIS_CONCAT_IMPL(a, b)
#define GENESIS_ASSIGN_IMPL(result, declaration, expression) \
  auto result = (expression);                                \
  if (!result) {                                             \
    return ::tl::unexpected(std::move(result).error());      \
  }                                                          \
  declaration = std::move(result).value()
