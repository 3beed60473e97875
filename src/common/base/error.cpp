#include "common/base/error.hpp"

namespace genesis {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument:
      return "InvalidArgument";
    case Errc::kNotFound:
      return "NotFound";
    case Errc::kAlreadyExists:
      return "AlreadyExists";
    case Errc::kFailedPrecondition:
      return "FailedPrecondition";
    case Errc::kUnauthenticated:
      return "Unauthenticated";
    case Errc::kPermissionDenied:
      return "PermissionDenied";
    case Errc::kConflict:
      return "Conflict";
    case Errc::kResourceExhausted:
      return "ResourceExhausted";
    case Errc::kDeadlineExceeded:
      return "DeadlineExceeded";
    case Errc::kUnavailable:
      return "Unavailable";
    case Errc::kDataLoss:
      return "DataLoss";
    case Errc::kIo:
      return "Io";
    case Errc::kInternal:
      return "Internal";
  }
  return "Internal";
}

std::optional<Errc> errc_of(std::string_view name) {
  for (const Errc code : kErrcs) {
    if (to_string(code) == name) {
      return code;
    }
  }
  return std::nullopt;
}

bool is_retryable(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kDeadlineExceeded;
}

bool is_permanent(Errc code) {
  return code == Errc::kInvalidArgument || code == Errc::kNotFound ||
         code == Errc::kPermissionDenied;
}

Error Error::within(std::string_view context) const {
  return Error{code, std::string(context) + ": " + message, setting};
}

}  // namespace genesis
