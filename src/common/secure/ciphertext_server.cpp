#include "common/secure/ciphertext_server.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "common/base/check.hpp"

namespace genesis::secure {

CiphertextServer::CiphertextServer(SumTask task, PaillierPublicKey key)
    : task_(std::move(task)), key_(std::move(key)), expected_(task_.roster.size()) {
  std::iota(expected_.begin(), expected_.end(), Place{0});
}

Result<CiphertextServer> CiphertextServer::begin(SumTask task, PaillierPublicKey key) {
  GENESIS_RETURN_IF_ERROR(check(task));
  if (task.word_bits < 2) {
    return refused(Errc::kInvalidArgument, task, "words of a sum have at least 2 bits");
  }
  return CiphertextServer(std::move(task), std::move(key));
}

Result<Receipt> CiphertextServer::receive(Place member, std::string_view message) {
  if (member >= task_.roster.size()) {
    return refused(Errc::kFailedPrecondition, task_, "not a member of this sum");
  }
  const std::string& who = task_.roster[member].id.str();
  std::string name = digest(message);
  for (const auto& answers : earlier_answers_) {
    const auto before = answers.find(member);
    if (before != answers.end() && before->second == name) {
      return Receipt::kDuplicate;
    }
  }
  if (const auto before = answers_.find(member); before != answers_.end()) {
    return before->second == name ? Result<Receipt>(Receipt::kDuplicate)
                                  : refused(Errc::kConflict,
                                            task_,
                                            who + ": another message than its first of this stage");
  }
  if (stage_ == Stage::kOpened || !std::ranges::binary_search(expected_, member)) {
    return refused(Errc::kFailedPrecondition, task_, who + " is not asked in this stage");
  }
  switch (stage_) {
    case Stage::kUploads:
      GENESIS_RETURN_IF_ERROR(take_upload(member, message));
      break;
    case Stage::kAccept:
      GENESIS_RETURN_IF_ERROR(take_acceptance(member, message));
      break;
    case Stage::kDecrypt:
      GENESIS_RETURN_IF_ERROR(take_words(member, message));
      break;
    case Stage::kOpened:
      break;
  }
  answers_.emplace(member, std::move(name));
  return Receipt::kAccepted;
}

Status CiphertextServer::take_upload(Place member, std::string_view message) {
  const std::size_t count = ciphertexts_of(task_, key_);
  GENESIS_ASSIGN(auto upload, decode_upload(message, key_, count));
  GENESIS_RETURN_IF_ERROR(verify_upload(task_, member, key_, count, upload.signature));
  for (std::size_t slice = 0; slice < slices(); ++slice) {
    const auto signed_digest =
        std::string_view(upload.signature.slice_digests).substr(slice * kDigestBytes, kDigestBytes);
    if (digest(slice_of(key_, upload.ciphertexts, slice)) != signed_digest) {
      return refused(Errc::kDataLoss,
                     task_,
                     task_.roster[member].id.str() + ": the ciphertexts are not what is signed");
    }
  }
  GENESIS_RETURN_IF_ERROR(key_.check(upload.ciphertexts));
  signatures_.emplace(member, std::move(upload.signature));
  uploads_.emplace(member, std::move(upload.ciphertexts));
  return {};
}

Status CiphertextServer::take_acceptance(Place member, std::string_view message) {
  GENESIS_RETURN_IF_ERROR(
      verify(task_.roster[member].public_key, uploads_to_sign(task_, signatures_), message));
  acceptances_.signatures.emplace(member, std::string(message));
  return {};
}

Status CiphertextServer::take_words(Place member, std::string_view message) {
  std::size_t count = 0;
  for (const auto slice : slices_for(member)) {
    count += words_of_slice(task_, key_, slice);
  }
  GENESIS_ASSIGN(auto words, unpack(message, count, task_.word_bits));
  words_.emplace(member, std::move(words));
  return {};
}

Status CiphertextServer::close() {
  if (answers_.size() < task_.threshold) {
    return refused(Errc::kFailedPrecondition,
                   task_,
                   std::to_string(answers_.size()) + " members have answered; the least is " +
                       std::to_string(task_.threshold));
  }
  expected_.clear();
  for (const auto& [place, name] : answers_) {
    expected_.push_back(place);
  }
  earlier_answers_.push_back(std::exchange(answers_, {}));
  if (stage_ == Stage::kDecrypt) {
    stage_ = Stage::kOpened;
  } else {
    stage_ = stage_ == Stage::kUploads ? Stage::kAccept : Stage::kDecrypt;
  }
  return {};
}

// Places in the list of those who have accepted, which does not change while slices are decrypted.
std::vector<std::uint32_t> CiphertextServer::slices_for(Place member) const {
  std::vector<Place> holders;
  for (const auto& [place, signature] : acceptances_.signatures) {
    holders.push_back(place);
  }
  const std::size_t copies = holders.size() - task_.threshold + 1;
  std::vector<std::uint32_t> mine;
  for (std::size_t slice = 0; slice < slices(); ++slice) {
    for (std::size_t copy = 0; copy < copies; ++copy) {
      if (holders[(slice + copy) % holders.size()] == member) {
        mine.push_back(static_cast<std::uint32_t>(slice));
      }
    }
  }
  return mine;
}

std::string CiphertextServer::message_for(Place member) const {
  GENESIS_CHECK(std::ranges::binary_search(expected_, member), "a member who is asked");
  switch (stage_) {
    case Stage::kUploads:
      return encode(task_);
    case Stage::kAccept:
      return encode(signatures_);
    case Stage::kDecrypt: {
      Decryption decryption{signatures_, acceptances_, {}};
      for (const auto slice : slices_for(member)) {
        for (const auto& [place, ciphertexts] : uploads_) {
          decryption.slices[slice].emplace(place, slice_of(key_, ciphertexts, slice));
        }
      }
      return encode(decryption);
    }
    case Stage::kOpened:
      break;
  }
  return "";
}

Result<Server::Opened> CiphertextServer::open() {
  GENESIS_CHECK(stage_ == Stage::kOpened, "the stage kDecrypt is closed");
  std::vector<std::optional<Words>> by_slice(slices());
  for (const auto& [member, words] : words_) {
    auto next = words.begin();
    for (const auto slice : slices_for(member)) {
      const auto end = next + static_cast<std::ptrdiff_t>(words_of_slice(task_, key_, slice));
      Words part(next, end);
      next = end;
      if (by_slice[slice] && *by_slice[slice] != part) {
        return refused(
            Errc::kDataLoss,
            task_,
            "members have decrypted slice " + std::to_string(slice) + " to different words");
      }
      by_slice[slice] = std::move(part);
    }
  }
  Server::Opened opened;
  for (const auto& part : by_slice) {
    GENESIS_CHECK(part.has_value(), "a threshold of members covers all slices");
    opened.sum.insert(opened.sum.end(), part->begin(), part->end());
  }
  for (const auto& [place, signature] : signatures_) {
    opened.survivors.push_back(place);
  }
  return opened;
}

}  // namespace genesis::secure
