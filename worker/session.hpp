#pragma once
// One server, asked with one site's credentials. What can be tried again is, with back-off and
// jitter; what was cut goes on where it was. Blocks; one thread at a time.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/rng.hpp"
#include "common/federation/deadlines.hpp"
#include "common/http/backoff.hpp"
#include "common/http/client.hpp"
#include "common/wire/transfer.hpp"
#include "worker/client.hpp"

namespace genesis::worker {

inline constexpr std::string_view kTaskPath = "/v1/task";

class Session {
 public:
  /// `options` outlives it.
  Session(http::Client client, const ClientOptions& options);

  /// What can be tried again is tried at least `retry_attempts` times more and for the waits'
  /// patience, both counted from the last byte that got through.
  void adopt(const spec::Communication& communication, const federation::Deadlines& waits);

  /// Ends the request under way and all later ones. From any thread.
  void cancel() { client_.cancel(); }

  /// The body of a successful answer.
  [[nodiscard]] Result<std::string> ask(const std::string& method,
                                        const std::string& path,
                                        std::string_view body);

  struct Download {
    std::string bytes;            // decompressed
    std::string_view encoding;    // as it travelled: "none", "gzip", "zstd"
    std::uint64_t travelled = 0;  // bytes, with what was sent twice
  };
  /// The body of a GET; `encoding` is asked for ("" for none).
  [[nodiscard]] Result<Download> download(const std::string& path, std::string_view encoding);

  /// PUTs `bytes`, which are `encoding`'s already, in chunks. Where the server has some of them
  /// already, from this process or an earlier one, it is sent the rest.
  [[nodiscard]] Status upload(const std::string& path,
                              std::string_view bytes,
                              std::string_view encoding);

 private:
  // How long one thing has been tried since it last got on.
  class Tries;
  struct Received;

  [[nodiscard]] http::ClientRequest request(const std::string& method,
                                            const std::string& path) const;
  [[nodiscard]] Status receive(const std::string& path,
                               std::string_view encoding,
                               Received& received);
  [[nodiscard]] Result<wire::UploadProgress> put(const std::string& path,
                                                 std::string_view body,
                                                 const wire::Chunk& chunk,
                                                 std::string_view encoding);
  /// Pauses before the next try; false where there is none.
  [[nodiscard]] bool may_try_again(Tries& tries, const std::string& path, const Error& error);

  http::Client client_;
  const ClientOptions& options_;
  Rng jitter_;
  unsigned attempts_ = 3;
  Milliseconds patience_;
  Milliseconds poll_;
  Milliseconds transfer_;
  http::BackoffPolicy backoff_;
  std::uint64_t chunk_bytes_ = wire::kMaxChunkBytes;  // fewer on a link that is cut often
  unsigned sound_chunks_ = 0;                         // since the last that failed
};

}  // namespace genesis::worker
