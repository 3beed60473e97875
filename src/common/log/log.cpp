#include "common/log/log.hpp"

#include <memory>
#include <string_view>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "common/base/text.hpp"

namespace genesis::log {
namespace {

// Of printable text, which has no control character and is valid UTF-8.
std::string inside_json_string(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

// Stands for %v.
class OneLine final : public spdlog::custom_flag_formatter {
 public:
  explicit OneLine(Format format) : format_(format) {}
  void format(const spdlog::details::log_msg& message,
              const std::tm&,
              spdlog::memory_buf_t& line) override {
    const std::string_view event(message.payload.data(), message.payload.size());
    std::string text = printable(event);
    if (format_ == Format::kJson) {
      text = inside_json_string(text);
    }
    line.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<OneLine>(format_);
  }

 private:
  Format format_;
};

const char* pattern_of(Format format) {
  switch (format) {
    case Format::kText:
      return "%Y-%m-%dT%H:%M:%S.%e %l %*";
    case Format::kJson:
      return R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":"%n","message":"%*"})";
  }
  return "";
}

}  // namespace

void start(const std::string& program, Format format) {
  spdlog::drop(program);  // where it was started before with another format
  spdlog::set_default_logger(spdlog::stderr_logger_mt(program));
  const auto time =
      format == Format::kJson ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local;
  auto layout = std::make_unique<spdlog::pattern_formatter>(time);
  layout->add_flag<OneLine>('*', format).set_pattern(pattern_of(format));
  spdlog::set_formatter(std::move(layout));
}

}  // namespace genesis::log
