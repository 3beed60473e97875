#include "aggregator/uploads.hpp"

#include <system_error>
#include <utility>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::aggregator {
namespace {

Status check_chunk(const wire::Chunk& chunk, std::string_view bytes) {
  if (bytes.size() != chunk.end - chunk.begin) {
    return fail(Errc::kInvalidArgument,
                "Content-Range: names " + std::to_string(chunk.end - chunk.begin) +
                    " bytes, but the body has " + std::to_string(bytes.size()));
  }
  if (crypto::sha256_hex(bytes) != chunk.sha256) {
    return fail(Errc::kDataLoss,
                "Content-Digest: the chunk does not have it; it was altered on the way, send it "
                "again");
  }
  return {};
}

}  // namespace

Uploads::Uploads(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Uploads::~Uploads() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

wire::UploadProgress Uploads::progress(const ClientId& client, CollectionId collection) const {
  const auto found = uploads_.find(client);
  const bool is_there = found != uploads_.end() && found->second.collection == collection;
  return is_there ? found->second.progress : wire::UploadProgress{};
}

Result<Uploads::Added> Uploads::add(const ClientId& client,
                                    CollectionId collection,
                                    const wire::Chunk& chunk,
                                    std::string_view bytes) {
  GENESIS_RETURN_IF_ERROR(check_chunk(chunk, bytes));
  auto now = progress(client, collection);
  const auto placement = wire::place(now, chunk);
  if (!placement) {
    return Added{.is_gap = true, .whole = std::nullopt};
  }
  if (placement->is_new) {
    forget(client);
    now = wire::UploadProgress{chunk.upload_sha256, chunk.size, 0};
  }
  if (now.offset < now.size) {
    GENESIS_RETURN_IF_ERROR(compare(client, chunk, bytes.substr(0, placement->known)));
  }
  const auto fresh = bytes.substr(placement->known);
  const bool is_alone = placement->is_new && chunk.end == chunk.size;  // needs no file
  if (!is_alone && !fresh.empty()) {
    GENESIS_RETURN_IF_ERROR(store(client, now.offset, fresh));
  }
  now.offset += fresh.size();
  uploads_.insert_or_assign(client, Upload{collection, now});
  if (now.offset < now.size || fresh.empty()) {
    return Added{};
  }
  Whole whole;
  if (is_alone) {
    whole.bytes_ = bytes;
  } else {
    whole.path_ = path(client);
  }
  whole.size_ = now.size;
  whole.sha256_ = chunk.upload_sha256;
  return Added{.is_gap = false, .whole = std::move(whole)};
}

Result<std::string> Uploads::Whole::read() const {
  auto bytes = bytes_;
  if (!path_.empty()) {
    auto stored = read_at(path_, 0, static_cast<std::size_t>(size_));
    if (!stored) {
      return fail(Errc::kUnavailable, stored.error().message + "; send the update again");
    }
    bytes = std::move(*stored);
  }
  if (crypto::sha256_hex(bytes) != sha256_) {
    return fail(Errc::kDataLoss,
                "Repr-Digest: the whole update does not have it; it was altered on the way, send "
                "it again");
  }
  return bytes;
}

Status Uploads::compare(const ClientId& client,
                        const wire::Chunk& chunk,
                        std::string_view known) const {
  if (known.empty()) {
    return {};
  }
  auto there = read_at(path(client), chunk.begin, known.size());
  if (!there) {
    return fail(Errc::kUnavailable, there.error().message);
  }
  if (*there != known) {
    return fail(Errc::kConflict,
                "Content-Range: other bytes of this update have arrived there already; send it "
                "anew, from its first byte, under its own Repr-Digest");
  }
  return {};
}

Status Uploads::store(const ClientId& client, std::uint64_t offset, std::string_view bytes) {
  auto stored = make_private_folder(folder_);
  if (stored) {
    stored = write_at(path(client), offset, bytes);
  }
  if (!stored) {
    forget(client);
    return fail(Errc::kUnavailable, stored.error().message + "; try again later");
  }
  return {};
}

void Uploads::take(const ClientId& client) {
  remove_file(client);
}

void Uploads::forget(const ClientId& client) {
  remove_file(client);
  uploads_.erase(client);
}

void Uploads::forget_before(CollectionId collection) {
  for (auto upload = uploads_.begin(); upload != uploads_.end();) {
    if (upload->second.collection < collection) {
      remove_file(upload->first);
      upload = uploads_.erase(upload);
    } else {
      ++upload;
    }
  }
}

std::filesystem::path Uploads::path(const ClientId& client) const {
  return folder_ / client.str();
}

void Uploads::remove_file(const ClientId& client) const {
  std::error_code ignored;
  std::filesystem::remove(path(client), ignored);
}

}  // namespace genesis::aggregator
