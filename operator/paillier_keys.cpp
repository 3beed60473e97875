#include "operator/paillier_keys.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

#include <boost/asio/post.hpp>
#include <sys/resource.h>

#include "common/secure/paillier_files.hpp"

namespace genesis::control {
namespace {

Result<crypto::Secret> generated(unsigned bits) {
  GENESIS_ASSIGN(const auto key, secure::PaillierKey::generate(bits));
  return key.text();
}

Result<crypto::Secret> checked_text(const crypto::Secret& text, unsigned least_bits) {
  GENESIS_ASSIGN(const auto key, secure::PaillierKey::parse(text));
  if (const unsigned bits = key.public_key().bits(); bits < least_bits) {
    return fail(Errc::kInvalidArgument,
                "the modulus has " + std::to_string(bits) +
                    " bits, and privacy.secureAggregation.keyBits asks for " +
                    std::to_string(least_bits));
  }
  return crypto::Secret();
}

// Reconciles and the Lease go before. Of the calling thread alone, on Linux.
void give_way() {
  constexpr int kBelowUsual = 10;
  ::setpriority(PRIO_PROCESS, 0, kBelowUsual);
}

}  // namespace

PaillierKeys::PaillierKeys(boost::asio::any_io_executor executor, Generate generate)
    : executor_(std::move(executor)), generate_(generate ? std::move(generate) : generated) {}

PaillierKeys::~PaillierKeys() {
  thread_.join();
}

void PaillierKeys::on_done(std::function<void(const k8s::ObjectKey&)> handler) {
  handler_ = std::move(handler);
}

void PaillierKeys::make(const k8s::ObjectKey& training, const std::string& uid, unsigned bits) {
  if (std::exchange(known_[uid].made.is_asked, true)) {
    return;
  }
  waiting_.push_back({training, uid, false, [this, bits] { return generate_(bits); }});
  start_next();
}

bool PaillierKeys::is_making(const std::string& uid) const {
  const auto known = known_.find(uid);
  return known != known_.end() && known->second.made.is_asked && !known->second.made.answer;
}

const Result<crypto::Secret>* PaillierKeys::made(const std::string& uid) const {
  const auto known = known_.find(uid);
  return known == known_.end() || !known->second.made.answer ? nullptr
                                                             : &*known->second.made.answer;
}

void PaillierKeys::check(const k8s::ObjectKey& training,
                         const std::string& uid,
                         crypto::Secret text,
                         unsigned least_bits) {
  if (std::exchange(known_[uid].checked.is_asked, true)) {
    return;
  }
  waiting_.push_back({training, uid, true, [text = std::move(text), least_bits] {
                        return checked_text(text, least_bits);
                      }});
  start_next();
}

bool PaillierKeys::is_checking(const std::string& uid) const {
  const auto known = known_.find(uid);
  return known != known_.end() && known->second.checked.is_asked && !known->second.checked.answer;
}

std::optional<std::string> PaillierKeys::checked(const std::string& uid) const {
  const auto known = known_.find(uid);
  if (known == known_.end() || !known->second.checked.answer) {
    return std::nullopt;
  }
  const Answer& answer = *known->second.checked.answer;
  return answer ? std::string() : answer.error().message;
}

void PaillierKeys::forget(const std::string& uid) {
  known_.erase(uid);
  std::erase_if(waiting_, [&](const Work& work) { return work.uid == uid; });
}

// The namespace after the one that had its turn last comes next, by name.
PaillierKeys::Work PaillierKeys::take_next() {
  const auto order = [this](const Work& work) {
    const auto& last = work.is_check ? last_checked_ : last_made_;
    const std::string& ns = work.training.ns;
    return std::tuple<bool, bool, std::string_view>(!work.is_check, ns <= last, ns);
  };
  const auto next = std::ranges::min_element(waiting_, {}, order);  // the first of a namespace
  Work work = std::move(*next);
  waiting_.erase(next);
  (work.is_check ? last_checked_ : last_made_) = work.training.ns;
  return work;
}

void PaillierKeys::start_next() {
  if (is_busy_ || waiting_.empty()) {
    return;
  }
  is_busy_ = true;
  auto work = std::make_shared<Work>(take_next());
  boost::asio::post(thread_, [this, work] {
    give_way();
    auto answer = std::make_shared<Answer>(work->run());
    boost::asio::post(executor_, [this, work, answer] { finish(*work, std::move(*answer)); });
  });
}

void PaillierKeys::finish(const Work& work, Answer answer) {
  is_busy_ = false;
  if (const auto known = known_.find(work.uid); known != known_.end()) {
    auto& question = work.is_check ? known->second.checked : known->second.made;
    question.answer = std::move(answer);
  }
  start_next();
  if (handler_) {
    handler_(work.training);
  }
}

}  // namespace genesis::control
