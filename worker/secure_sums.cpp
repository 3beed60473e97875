#include "worker/secure_sums.hpp"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "common/base/check.hpp"
#include "common/base/file.hpp"
#include "common/secure/codec.hpp"

namespace genesis::worker {
namespace {

constexpr std::string_view kMagic = "genesis.site-sums.v1";
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 31;
constexpr std::size_t kMostPart = std::size_t{1} << 30;
constexpr std::size_t kMostStages = 8;
constexpr std::size_t kLongestName = 16;  // of a stage

// Overwrites what a file that has been replaced holds, as far as the file system does so in place.
class Overwritten {
 public:
  explicit Overwritten(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC)) {}
  ~Overwritten() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  Overwritten(const Overwritten&) = delete;
  Overwritten& operator=(const Overwritten&) = delete;

  void wipe() const {
    const auto size = descriptor_ < 0 ? off_t{0} : ::lseek(descriptor_, 0, SEEK_END);
    const std::string zeros(std::size_t{1} << 16, '\0');
    for (off_t at = 0; at < size;) {
      const auto wanted = std::min<off_t>(size - at, static_cast<off_t>(zeros.size()));
      const auto written =
          ::pwrite(descriptor_, zeros.data(), static_cast<std::size_t>(wanted), at);
      if (written <= 0) {
        return;
      }
      at += written;
    }
  }

 private:
  int descriptor_;
};

}  // namespace

SecureSums::SecureSums(ClientId self, secure::Signer signer, secure::SitePolicy policy)
    : self_(std::move(self)), signer_(std::move(signer)), policy_(std::move(policy)) {}

Status SecureSums::keep(std::filesystem::path file) {
  file_ = std::move(file);
  auto bytes = read_file(file_, kMostBytes);
  if (!bytes && bytes.error().code == Errc::kNotFound) {
    return {};
  }
  if (!bytes) {
    return tl::unexpected(bytes.error());
  }
  auto restored = restore(*bytes);
  OPENSSL_cleanse(bytes->data(), bytes->size());
  if (!restored) {
    return fail(Errc::kInvalidArgument,
                file_.string() + ": " + restored.error().message +
                    "; remove it only if this client may begin a training anew");
  }
  return {};
}

void SecureSums::joined(const std::string& run) {
  if (history_.run().empty() || history_.run() == run) {
    return;
  }
  history_ = {};
  site_.reset();
  sent_.clear();
}

Result<std::string> SecureSums::begin(const secure::SumTask& task, const Input& input) {
  if (site_ && site_->task() == task) {
    return sent_.at(rounds::Stage::kKeys).message;
  }
  const bool is_later = site_ && site_->task().run == task.run && site_->task().sum == task.sum;
  if (is_later) {
    GENESIS_RETURN_IF_ERROR(site_->retry(task, entropy_));
  } else {
    auto history = history_;
    GENESIS_RETURN_IF_ERROR(history.begin(task));
    GENESIS_ASSIGN(auto words, input());
    auto begun = secure::Site::begin(self_, signer_, policy_, task, std::move(words), entropy_);
    if (!begun) {
      return tl::unexpected(begun.error());
    }
    site_ = std::move(*begun);
    history_ = std::move(history);
  }
  sent_.clear();
  auto message = secure::encode(site_->keys());
  sent_[rounds::Stage::kKeys] = {secure::digest(secure::encode(task)), message};
  GENESIS_RETURN_IF_ERROR(save());
  return message;
}

Result<secure::Place> SecureSums::place(CollectionId sum, std::uint32_t attempt) const {
  const bool is_it = site_ && site_->task().sum == sum.value && site_->task().attempt == attempt;
  if (!is_it) {
    return fail(Errc::kConflict,
                "sum " + std::to_string(sum.value) + ", attempt " + std::to_string(attempt) +
                    ": this site has not begun it");
  }
  return site_->task().place_of(self_).value();
}

Result<std::string> SecureSums::answer(rounds::Stage stage, std::string_view received) {
  GENESIS_CHECK(site_.has_value(), "place() has been asked");
  const auto before = sent_.find(stage);
  auto digest = secure::digest(received);
  if (before != sent_.end()) {
    // What has been revealed is the same whoever has confirmed.
    if (before->second.received == digest || stage == rounds::Stage::kReveal) {
      return before->second.message;
    }
    return fail(Errc::kConflict,
                "sum " + std::to_string(site_->task().sum) + ": the server has sent another " +
                    std::string(rounds::to_string(stage)) + " message before");
  }
  GENESIS_ASSIGN(auto message, make(stage, received));
  sent_[stage] = {std::move(digest), message};
  if (auto saved = save(); !saved) {
    sent_.erase(stage);
    return tl::unexpected(saved.error());
  }
  return message;
}

Result<std::string> SecureSums::make(rounds::Stage stage, std::string_view received) {
  switch (stage) {
    case rounds::Stage::kShares: {
      GENESIS_ASSIGN(const auto list, secure::decode_key_list(received));
      GENESIS_ASSIGN(const auto shares, site_->share(list));
      return secure::encode(shares);
    }
    case rounds::Stage::kMasked: {
      GENESIS_ASSIGN(const auto shares, secure::decode_sealed_shares(received));
      return site_->mask(shares);
    }
    case rounds::Stage::kConfirm: {
      GENESIS_ASSIGN(const auto survivors, secure::decode_survivors(received));
      return site_->confirm(survivors);
    }
    case rounds::Stage::kReveal: {
      GENESIS_ASSIGN(const auto confirmations, secure::decode_confirmations(received));
      GENESIS_ASSIGN(const auto reveal, site_->reveal(confirmations));
      return std::string(secure::encode(reveal).reveal());
    }
    case rounds::Stage::kInput:
    case rounds::Stage::kKeys:
      break;
  }
  return fail(Errc::kInvalidArgument, "no later stage of a secure sum");
}

Status SecureSums::save() const {
  if (file_.empty()) {
    return {};
  }
  const auto site = site_->save();
  std::size_t size = 4096 + site.reveal().size() + history_.save().size();
  for (const auto& [stage, sent] : sent_) {
    size += sent.message.size() + sent.received.size() + 64;
  }
  secure::Writer writer(size);
  writer.raw(kMagic).text(history_.save()).text(site.reveal()).number(sent_.size(), 1);
  for (const auto& [stage, sent] : sent_) {
    writer.text(rounds::to_string(stage)).text(sent.received).text(sent.message);
  }
  auto bytes = writer.take();
  const Overwritten before(file_);
  auto written = write_file_atomic(file_, bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (written) {
    before.wipe();
  }
  return written;
}

Status SecureSums::restore(std::string_view bytes) {
  secure::Reader reader("state of secure sums", bytes);
  GENESIS_ASSIGN(const auto magic, reader.raw(kMagic.size()));
  if (magic != kMagic) {
    return reader.wrong(Errc::kInvalidArgument, "of another version");
  }
  GENESIS_ASSIGN(const auto history, reader.text(kMostPart));
  GENESIS_ASSIGN(history_, secure::SumHistory::restore(history));
  GENESIS_ASSIGN(const auto site, reader.text(kMostPart));
  auto restored = secure::Site::restore(self_, signer_, policy_, site);
  if (!restored) {
    return tl::unexpected(restored.error());
  }
  site_ = std::move(*restored);
  GENESIS_ASSIGN(const auto count, reader.count(1, kMostStages));
  for (std::uint64_t i = 0; i < count; ++i) {
    GENESIS_ASSIGN(const auto name, reader.text(kLongestName));
    const auto stage = rounds::parse_stage(name);
    GENESIS_ASSIGN(const auto received, reader.text(kMostPart));
    GENESIS_ASSIGN(const auto message, reader.text(kMostPart));
    if (!stage) {
      return reader.wrong(Errc::kInvalidArgument, "names an unknown stage");
    }
    sent_[*stage] = {std::string(received), std::string(message)};
  }
  if (!sent_.contains(rounds::Stage::kKeys)) {
    return reader.wrong(Errc::kInvalidArgument, "lacks the first message");
  }
  return reader.end();
}

}  // namespace genesis::worker
