#include "common/tls/deny_list.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/file.hpp"
#include "common/base/text.hpp"

namespace genesis::tls {
namespace {

constexpr std::uint64_t kMaxFile = std::uint64_t{4} << 20;
constexpr std::string_view kFingerprint = "sha256:";
constexpr std::size_t kDigits = 64;
constexpr std::size_t kMaxName = 64;  // ub-common-name of RFC 5280, in characters of one byte
constexpr std::size_t kQuoted = 80;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto begin = std::min(text.find_first_not_of(kBlank), text.size());
  const auto end = text.find_last_not_of(kBlank);
  return text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin);
}

Result<std::string> parse_entry(std::string_view entry) {
  const auto wrong = [entry](const char* expected) {
    return fail(Errc::kInvalidArgument,
                "\"" + printable(entry, kQuoted) + "\": expected " + expected);
  };
  if (!entry.starts_with(kFingerprint)) {
    if (entry.empty() || entry.size() > kMaxName) {
      return wrong("the common name of a certificate, of at most 64 bytes");
    }
    return std::string(entry);
  }
  std::string digits(entry.substr(kFingerprint.size()));
  std::erase(digits, ':');
  for (char& c : digits) {
    c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (digits.size() != kDigits ||
      digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return wrong("sha256: and 64 hexadecimal digits");
  }
  return std::string(kFingerprint) + digits;
}

}  // namespace

Result<std::set<std::string>> parse_deny_list(std::string_view text, std::string_view name) {
  std::set<std::string> entries;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto content = trimmed(text.substr(0, end).substr(0, text.substr(0, end).find('#')));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.empty()) {
      continue;
    }
    auto entry = parse_entry(content);
    if (!entry) {
      return tl::unexpected(
          entry.error().within(std::string(name) + ": line " + std::to_string(line)));
    }
    entries.insert(std::move(*entry));
  }
  return entries;
}

Result<std::shared_ptr<DenyList>> DenyList::open(const std::filesystem::path& file,
                                                 ReloadReport report) {
  auto list = std::make_shared<DenyList>();
  list->file_ = file;
  list->watch_.emplace(std::vector{file}, std::chrono::steady_clock::now());
  list->report_ = std::move(report);
  GENESIS_ASSIGN(const std::string text, read_file(file, kMaxFile));
  GENESIS_ASSIGN(list->from_file_, parse_deny_list(text, file.string()));
  return list;
}

bool DenyList::denies(const PeerCertificate& peer, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  look_again(now);
  const std::string fingerprint = std::string(kFingerprint) + peer.sha256;
  for (const auto* entries : {&from_file_, &added_}) {
    if (entries->contains(peer.common_name) || entries->contains(fingerprint)) {
      return true;
    }
  }
  return false;
}

std::set<std::string> DenyList::names(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  look_again(now);
  std::set<std::string> names;
  for (const auto* entries : {&from_file_, &added_}) {
    std::ranges::copy_if(*entries, std::inserter(names, names.end()), [](const auto& entry) {
      return !entry.starts_with(kFingerprint);
    });
  }
  return names;
}

Status DenyList::deny(std::string_view entry) {
  GENESIS_ASSIGN(auto parsed, parse_entry(entry));
  const std::lock_guard lock(mutex_);
  added_.insert(std::move(parsed));
  return {};
}

void DenyList::look_again(SteadyTime now) {
  if (!watch_ || !watch_->has_changed(now)) {
    return;
  }
  const auto read = [this]() -> Status {
    GENESIS_ASSIGN(const std::string text, read_file(file_, kMaxFile));
    GENESIS_ASSIGN(from_file_, parse_deny_list(text, file_.string()));
    return {};
  };
  const Status done = read();
  if (report_) {
    report_(done);
  }
}

}  // namespace genesis::tls
