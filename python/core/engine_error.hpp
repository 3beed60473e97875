#pragma once
// How an Error of the engine reaches Python: as _core.EngineError(code, setting, message), which
// genesis/_errors.py turns into the exceptions that users see.
#include <utility>

#include "common/base/error.hpp"

namespace genesis::python {

/// Carries an Error to the translator that add_engine_error() registers.
struct EngineError {
  Error error;
};

/// The value, or its error as an exception.
template <typename T>
[[nodiscard]] T take(Result<T> result) {
  if (!result) {
    throw EngineError{std::move(result).error()};
  }
  return *std::move(result);
}

inline void take(Status status) {
  if (!status) {
    throw EngineError{std::move(status).error()};
  }
}

}  // namespace genesis::python
