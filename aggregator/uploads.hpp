#pragma once
// Contributions that are still arriving, in chunks: one a client, to one collection. Each is a
// file, so that memory does not grow with the number of clients; the rules are wire::place's. A
// process that starts forgets what an earlier one left: clients then send it again. One thread at a
// time.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/wire/transfer.hpp"

namespace genesis::aggregator {

class Uploads {
 public:
  /// Owns `folder`: empties it now, makes it when it is needed, removes it at the end.
  explicit Uploads(std::filesystem::path folder);
  ~Uploads();
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  /// How much of the client's contribution to `collection` has arrived.
  [[nodiscard]] wire::UploadProgress progress(const ClientId& client,
                                              CollectionId collection) const;

  /// A contribution of which all bytes have arrived. A value that any thread may read.
  class Whole {
   public:
    /// Errors: kDataLoss where the bytes do not have the digest that the upload named, kUnavailable
    /// where they are no more.
    [[nodiscard]] Result<std::string> read() const;

   private:
    friend class Uploads;
    std::string bytes_;           // where it needed no file
    std::filesystem::path path_;  // "" otherwise
    std::uint64_t size_ = 0;
    std::string sha256_;
  };

  struct Added {
    bool is_gap = false;         // bytes before the chunk are missing: nothing was added
    std::optional<Whole> whole;  // once complete; follow with take() or forget()
  };
  /// Adds a chunk; the same again changes nothing. Errors: kInvalidArgument where `bytes` are not
  /// as many as it says, kDataLoss where they do not have their digest, kConflict
  /// where other bytes are there already, kUnavailable where the disk does not take them.
  [[nodiscard]] Result<Added> add(const ClientId& client,
                                  CollectionId collection,
                                  const wire::Chunk& chunk,
                                  std::string_view bytes);

  /// The complete contribution has been folded: its progress stays, its bytes go.
  void take(const ClientId& client);
  void forget(const ClientId& client);
  /// Those to collections before `collection`.
  void forget_before(CollectionId collection);

 private:
  struct Upload {
    CollectionId collection;
    wire::UploadProgress progress;
  };

  [[nodiscard]] std::filesystem::path path(const ClientId& client) const;
  void remove_file(const ClientId& client) const;
  [[nodiscard]] Status compare(const ClientId& client,
                               const wire::Chunk& chunk,
                               std::string_view known) const;
  [[nodiscard]] Status store(const ClientId& client, std::uint64_t offset, std::string_view bytes);

  std::filesystem::path folder_;
  std::map<ClientId, Upload> uploads_;
};

}  // namespace genesis::aggregator
