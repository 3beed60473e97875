#include "operator/naming.hpp"

#include <algorithm>

#include "common/crypto/digest.hpp"

namespace genesis::control {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kDigits = 8;

bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}

std::string with_digest(std::string text, std::string_view whole) {
  text.resize(std::min(text.size(), kLongestLabel - kDigits - 1));
  return text + "-" + crypto::sha256_hex(whole).substr(0, kDigits);
}

}  // namespace

std::string child_name(std::string_view training, std::string_view suffix) {
  const std::string whole = std::string(training) + "-" + std::string(suffix);
  std::string label = whole;
  std::ranges::replace(label, '.', '-');
  if (!is_letter(label.front())) {
    label.insert(0, "ft-");
  }
  return label == whole && label.size() <= kLongestLabel ? label : with_digest(label, whole);
}

std::string training_label(std::string_view training) {
  return training.size() <= kLongestLabel ? std::string(training)
                                          : with_digest(std::string(training), training);
}

Names::Names(std::string_view training_name)
    : operator_secret(child_name(training_name, "operator")),
      paillier(child_name(training_name, "paillier")),
      aggregator(child_name(training_name, "aggregator")),
      training(child_name(training_name, "training")),
      deny(child_name(training_name, "deny")),
      model(child_name(training_name, "model")),
      workers(child_name(training_name, "workers")),
      generate(child_name(training_name, "generate")),
      name_(training_name) {}

std::string Names::worker(std::string_view participant) const {
  return child_name(name_, "worker-" + std::string(participant));
}

std::string Names::join(std::string_view participant) const {
  return child_name(name_, "join-" + std::string(participant));
}

}  // namespace genesis::control
