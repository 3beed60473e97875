#pragma once
// Certificates that are refused although their authority vouches for them: those that were lost,
// and those of members who have been sent away. A text file, read again when it changes, and
// entries that the running process adds. Used by ServerContext (at the handshake) and http::Session
// (while a connection lasts). Any thread.
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/tls/file_watch.hpp"

namespace genesis::tls {

/// What identifies a certificate that was presented.
struct PeerCertificate {
  std::string common_name;  // "" where it has none
  std::string sha256;       // of the whole certificate (DER), 64 hexadecimal digits
};

/// Told what came of files that had changed: an error names the file, and what was read before goes
/// on to hold. Must not call back.
using ReloadReport = std::function<void(const Status& reloaded)>;

/// The entries of a deny list: a line has a certificate's common name, or "sha256:" and the
/// fingerprint of one certificate, as `openssl x509 -fingerprint -sha256` prints it or without
/// colons. Empty lines, and what follows a '#', count for nothing. Errors: kInvalidArgument with
/// `name` and the line.
[[nodiscard]] Result<std::set<std::string>> parse_deny_list(std::string_view text,
                                                            std::string_view name);

class DenyList {
 public:
  /// Without a file: what deny() adds is all.
  DenyList() = default;
  /// Errors: those of read_file and parse_deny_list.
  [[nodiscard]] static Result<std::shared_ptr<DenyList>> open(const std::filesystem::path& file,
                                                              ReloadReport report = nullptr);

  /// Looks at the file again, at most once a second. A file that has gone, or does not parse any
  /// more, leaves the entries as they were: nobody comes back by an accident.
  [[nodiscard]] bool denies(const PeerCertificate& peer,
                            SteadyTime now = std::chrono::steady_clock::now());
  /// The common names of it, without the fingerprints; looks at the file likewise.
  [[nodiscard]] std::set<std::string> names(SteadyTime now = std::chrono::steady_clock::now());
  /// For as long as this process runs. `entry` as in the file, without a comment.
  [[nodiscard]] Status deny(std::string_view entry);

 private:
  void look_again(SteadyTime now);

  std::mutex mutex_;  // guards all below
  std::filesystem::path file_;
  std::optional<FileWatch> watch_;
  ReloadReport report_;
  std::set<std::string> from_file_;
  std::set<std::string> added_;
};

}  // namespace genesis::tls
