#pragma once
// How fallible functions answer: a value, or an Error that says which field, file or host, what was
// wrong and what to do. Used by everything.
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

std::string_view to_string(Errc code);

/// True where the same request may succeed later.
bool is_retryable(Errc code);

struct Error {
  Errc code = Errc::kInternal;
  std::string message;

  /// The same error with `context` and ": " before its message.
  [[nodiscard]] Error within(std::string_view context) const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
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
