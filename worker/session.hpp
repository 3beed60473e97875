#pragma once
// One server, asked with one site's credentials. The rules (retries, deadlines, chunks) are in
// worker/exchange; this carries out what they say: sends, waits and logs. Blocks; one thread at a
// time.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/rng.hpp"
#include "common/federation/deadlines.hpp"
#include "common/http/client.hpp"
#include "worker/client.hpp"
#include "worker/exchange.hpp"

namespace genesis::worker {

class Session {
 public:
  /// `options` outlives it.
  Session(http::Client client, const ClientOptions& options);

  /// From here on the spec's deadlines and retries hold.
  void adopt(const spec::Communication& communication, const federation::Deadlines& waits);

  /// Ends the request under way and all later ones. From any thread.
  void cancel() { client_.cancel(); }

  /// The body of a successful answer.
  [[nodiscard]] Result<std::string> ask(const std::string& method,
                                        const std::string& path,
                                        std::string_view body);

  /// Waits, longer with each `attempt` (from 0), until there is reason to stop at most.
  void pause(unsigned attempt);

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
  /// `perform(request) -> Result<http::ClientResponse>` is how this exchange sends.
  template <typename Exchange, typename Perform>
  [[nodiscard]] Status carry_out(Exchange& exchange,
                                 const std::string& path,
                                 const Perform& perform);
  [[nodiscard]] http::ClientRequest request(const Send& send) const;
  [[nodiscard]] Event wait(const std::string& path, const Pause& pause) const;
  void warn(const std::string& path, const Warn& warning) const;
  [[nodiscard]] Instant now() const { return SteadyClock().now(); }

  http::Client client_;
  const ClientOptions& options_;
  Rng jitter_;
  ExchangePolicy policy_;
  ChunkLength chunk_length_;  // of this link: it outlives an upload
};

}  // namespace genesis::worker
