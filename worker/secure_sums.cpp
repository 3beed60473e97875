#include "worker/secure_sums.hpp"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "common/base/check.hpp"
#include "common/base/file.hpp"
#include "common/secure/codec.hpp"
#include "common/secure/slots.hpp"

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

SecureSums::SecureSums(ClientId self,
                       secure::Signer signer,
                       secure::SitePolicy policy,
                       std::optional<secure::PaillierKey> key)
    : self_(std::move(self)),
      signer_(std::move(signer)),
      policy_(std::move(policy)),
      key_(std::move(key)) {}

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

Status SecureSums::joined(const std::string& run) {
  if (history_.run().empty() || history_.run() == run) {
    return {};
  }
  history_.renew();
  return forget_sum();
}

Status SecureSums::finish() {
  return task() == nullptr ? Status() : forget_sum();
}

void SecureSums::forget_messages() {
  for (auto& [stage, sent] : sent_) {
    OPENSSL_cleanse(sent.message.data(), sent.message.size());
  }
  sent_.clear();
}

Status SecureSums::forget_sum() {
  site_.reset();
  encrypted_.reset();
  forget_messages();
  return save();
}

const secure::SumTask* SecureSums::task() const {
  if (encrypted_) {
    return &encrypted_->task;
  }
  return site_ ? &site_->task() : nullptr;
}

Status SecureSums::may_begin(const secure::SumTask& task) const {
  const auto* current = this->task();
  if (current != nullptr && current->run == task.run && current->sum == task.sum) {
    return {};  // its input is made
  }
  GENESIS_RETURN_IF_ERROR(secure::admit(task, self_, signer_.public_key(), policy_));
  auto history = history_;
  return history.begin(task);
}

Result<std::string> SecureSums::begin(const secure::SumTask& task, const Input& input) {
  const auto first = stages().front();
  if (this->task() != nullptr && *this->task() == task) {
    GENESIS_RETURN_IF_ERROR(is_saved_ ? Status() : save());
    return sent_.at(first).message;
  }
  GENESIS_ASSIGN(auto message, key_ ? begin_encrypted(task, input) : begin_masked(task, input));
  forget_messages();
  sent_[first] = {secure::digest(secure::encode(task)), message};
  GENESIS_RETURN_IF_ERROR(save());
  return message;
}

Result<std::string> SecureSums::begin_masked(const secure::SumTask& task, const Input& input) {
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
  return secure::encode(site_->keys());
}

Result<std::string> SecureSums::begin_encrypted(const secure::SumTask& task, const Input& input) {
  const bool is_later =
      encrypted_ && encrypted_->task.run == task.run && encrypted_->task.sum == task.sum;
  if (is_later) {
    GENESIS_RETURN_IF_ERROR(check_later(task));
  }
  auto history = history_;
  if (!is_later) {
    GENESIS_RETURN_IF_ERROR(history.begin(task));
  }
  GENESIS_ASSIGN(auto site, secure::DecryptingSite::begin(self_, signer_, policy_, task, *key_));
  auto first = is_later ? encrypted_->first : task;
  std::string ciphertexts;
  if (is_later) {
    site.restore(encrypted_->site.save());
    ciphertexts = std::move(encrypted_->ciphertexts);
  } else {
    GENESIS_ASSIGN(ciphertexts, encrypt(task, input));
  }
  const auto place = task.place_of(self_).value();
  secure::Upload upload{secure::sign_upload(task, place, key_->public_key(), ciphertexts, signer_),
                        ciphertexts};
  encrypted_.emplace(Encrypted{std::move(first), task, std::move(ciphertexts), std::move(site)});
  history_ = std::move(history);
  return secure::encode(upload);
}

// As secure::Site::retry: so that two attempts can't both find enough members for different sums.
Status SecureSums::check_later(const secure::SumTask& task) const {
  const auto refused = [&](const std::string& why) {
    return fail(Errc::kConflict,
                "sum " + std::to_string(task.sum) + ": attempt " + std::to_string(task.attempt) +
                    " " + why);
  };
  if (task.attempt <= encrypted_->task.attempt) {
    return refused("is not later than this site's");
  }
  const auto& members = encrypted_->first.roster;
  const bool is_among_them = std::ranges::all_of(task.roster, [&](const auto& member) {
    return std::ranges::find(members, member) != members.end();
  });
  if (!is_among_them || task.threshold < encrypted_->first.threshold) {
    return refused("has other members, or a lower threshold, than the first");
  }
  return {};
}

Result<std::string> SecureSums::encrypt(const secure::SumTask& task, const Input& input) {
  GENESIS_ASSIGN(auto words, input());
  if (words.size() != task.words) {
    return fail(Errc::kInvalidArgument,
                "sum " + std::to_string(task.sum) + ": is of " + std::to_string(task.words) +
                    " words, and this site has " + std::to_string(words.size()));
  }
  if (!encryptor_) {
    encryptor_.emplace(*key_, entropy_);
  }
  const auto plaintexts = secure::SlotFormat(key_->public_key(), task.word_bits).pack(words);
  OPENSSL_cleanse(words.data(), words.size() * sizeof(words[0]));
  return encryptor_->encrypt(plaintexts, encryptor_->draw(plaintexts.size(), entropy_));
}

Result<secure::Place> SecureSums::place(CollectionId sum, std::uint32_t attempt) const {
  const auto* task = this->task();
  const bool is_it = task != nullptr && task->sum == sum.value && task->attempt == attempt;
  if (!is_it) {
    return fail(Errc::kConflict,
                "sum " + std::to_string(sum.value) + ", attempt " + std::to_string(attempt) +
                    ": this site has not begun it");
  }
  return task->place_of(self_).value();
}

Result<std::string> SecureSums::answer(rounds::Stage stage, std::string_view received) {
  GENESIS_CHECK(task() != nullptr, "place() has been asked");
  const auto before = sent_.find(stage);
  auto digest = secure::digest(received);
  if (before != sent_.end()) {
    // What opens the sum is the same whoever has confirmed.
    const bool is_last = stage == rounds::Stage::kReveal || stage == rounds::Stage::kDecrypt;
    if (before->second.received == digest || is_last) {
      return before->second.message;
    }
    return fail(Errc::kConflict,
                "sum " + std::to_string(task()->sum) + ": the server has sent another " +
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
      auto history = history_;
      GENESIS_RETURN_IF_ERROR(history.settle(site_->task(), survivors));
      GENESIS_ASSIGN(auto confirmation, site_->confirm(survivors));
      history_ = std::move(history);
      return confirmation;
    }
    case rounds::Stage::kReveal: {
      GENESIS_ASSIGN(const auto confirmations, secure::decode_confirmations(received));
      GENESIS_ASSIGN(const auto reveal, site_->reveal(confirmations));
      return std::string(secure::encode(reveal).reveal());
    }
    case rounds::Stage::kAccept: {
      GENESIS_ASSIGN(const auto uploads, secure::decode_upload_signatures(received));
      return accept(uploads);
    }
    case rounds::Stage::kDecrypt:
      return decrypt(received);
    case rounds::Stage::kInput:
    case rounds::Stage::kKeys:
    case rounds::Stage::kEncrypted:
      break;
  }
  return fail(Errc::kInvalidArgument, "no later stage of a secure sum");
}

Result<std::string> SecureSums::accept(const secure::UploadSignatures& uploads) {
  std::vector<secure::Place> members;
  for (const auto& [place, signature] : uploads) {
    members.push_back(place);
  }
  auto history = history_;
  GENESIS_RETURN_IF_ERROR(history.settle(encrypted_->task, members));
  GENESIS_ASSIGN(auto acceptance, encrypted_->site.accept(uploads));
  history_ = std::move(history);
  return acceptance;
}

// The words of its slices, one slice after the other.
Result<std::string> SecureSums::decrypt(std::string_view received) {
  GENESIS_ASSIGN(const auto asked, secure::decode_decryption(received));
  GENESIS_ASSIGN(const auto accepted, accept(asked.signatures));
  GENESIS_RETURN_IF_ERROR(encrypted_->site.authorize(asked.confirmations));
  secure::Words words;
  for (const auto& [slice, parts] : asked.slices) {
    GENESIS_ASSIGN(const auto part, encrypted_->site.decrypt(slice, parts));
    words.insert(words.end(), part.begin(), part.end());
  }
  return secure::pack(words, encrypted_->task.word_bits);
}

Status SecureSums::save() {
  if (file_.empty()) {
    return {};
  }
  is_saved_ = false;
  crypto::Secret site;  // none where there is no sum
  if (encrypted_ || site_) {
    site = encrypted_ ? saved_of(*encrypted_) : site_->save();
  }
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
    is_saved_ = true;
  }
  return written;
}

crypto::Secret SecureSums::saved_of(const Encrypted& sum) {
  const auto first = secure::encode(sum.first);
  const auto task = secure::encode(sum.task);
  secure::Writer writer(first.size() + task.size() + sum.ciphertexts.size() + 1024);
  writer.text(first).text(task).text(sum.ciphertexts).text(sum.site.save());
  return crypto::Secret(writer.take());
}

Status SecureSums::restore_encrypted(std::string_view bytes) {
  secure::Reader reader("encrypted sum", bytes);
  GENESIS_ASSIGN(const auto first_bytes, reader.text(kMostPart));
  GENESIS_ASSIGN(auto first, secure::decode_task(first_bytes));
  GENESIS_ASSIGN(const auto task_bytes, reader.text(kMostPart));
  GENESIS_ASSIGN(const auto task, secure::decode_task(task_bytes));
  GENESIS_ASSIGN(const auto ciphertexts, reader.text(kMostPart));
  GENESIS_ASSIGN(const auto accepted, reader.text(secure::kDigestBytes));
  GENESIS_RETURN_IF_ERROR(reader.end());
  GENESIS_ASSIGN(auto site, secure::DecryptingSite::begin(self_, signer_, policy_, task, *key_));
  site.restore(std::string(accepted));
  encrypted_.emplace(Encrypted{std::move(first), task, std::string(ciphertexts), std::move(site)});
  return {};
}

Status SecureSums::restore_sum(std::string_view bytes) {
  if (key_) {
    return restore_encrypted(bytes);
  }
  auto restored = secure::Site::restore(self_, signer_, policy_, bytes);
  if (!restored) {
    return tl::unexpected(restored.error());
  }
  site_ = std::move(*restored);
  return {};
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
  if (!site.empty()) {
    GENESIS_RETURN_IF_ERROR(restore_sum(site));
  }
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
  if (sent_.contains(stages().front()) == site.empty()) {
    return reader.wrong(Errc::kInvalidArgument,
                        "has a sum without its first message, or the reverse");
  }
  return reader.end();
}

}  // namespace genesis::worker
