#include "common/sums/task.hpp"

#include <span>

#include "common/crypto/digest.hpp"
#include "common/secure/codec.hpp"
#include "common/secure/primitives.hpp"

namespace genesis::sums {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  constexpr int kTen = 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + kTen : -1;
}

}  // namespace

std::string message_name(std::string_view stage, secure::Place place) {
  return std::string(stage) + "-" + std::to_string(place);
}

secure::SumTask task_of(const Question& question, std::size_t words, unsigned word_bits) {
  secure::SumTask task;
  task.run = question.run;
  task.sum = question.collection.value;
  task.purpose = question.purpose;
  secure::Writer query;
  query.text(question.purpose).text(question.parameters);
  secure::Writer parameters;
  for (const auto& [name, sha256] : question.documents) {
    query.text(name);
    parameters.text(name).text(sha256);
  }
  task.query = secure::digest(query.bytes());
  task.parameters = secure::digest(parameters.bytes());
  task.words = words;
  task.word_bits = word_bits;
  return task;
}

Status check_same(const secure::SumTask& asked, const secure::SumTask& expected) {
  const auto differs = [&](const char* what) {
    return fail(Errc::kInvalidArgument,
                "sum " + std::to_string(asked.sum) + ": its task is for another " + what +
                    " than this site is asked for");
  };
  if (asked.run != expected.run) {
    return differs("run");
  }
  if (asked.sum != expected.sum || asked.purpose != expected.purpose) {
    return differs("collection");
  }
  if (asked.query != expected.query || asked.parameters != expected.parameters) {
    return differs("question");
  }
  if (asked.words != expected.words || asked.word_bits != expected.word_bits) {
    return differs("form of words");
  }
  return {};
}

std::string to_hex(std::string_view bytes) {
  return crypto::to_hex(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

Result<std::string> from_hex(std::string_view digits) {
  constexpr std::size_t kMostBytes = 1024;  // of a modulus of 8,192 bits
  std::string bytes;
  if (digits.size() % 2 != 0 || digits.size() / 2 > kMostBytes) {
    return fail(Errc::kInvalidArgument, "expected two hex digits a byte");
  }
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit_of(digits[i]);
    const int low = digit_of(digits[i + 1]);
    if (high < 0 || low < 0) {
      return fail(Errc::kInvalidArgument, "expected hex digits");
    }
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

}  // namespace genesis::sums
