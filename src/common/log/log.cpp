#include "common/log/log.hpp"

#include <memory>
#include <string_view>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "common/base/text.hpp"

namespace genesis::log {
namespace {

// Stands for %v.
class OneLine final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              const std::tm&,
              spdlog::memory_buf_t& line) override {
    const std::string_view event(message.payload.data(), message.payload.size());
    const std::string text = printable(event);
    line.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<OneLine>();
  }
};

}  // namespace

void start(const std::string& program) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt(program));
  auto layout = std::make_unique<spdlog::pattern_formatter>();
  layout->add_flag<OneLine>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %*");
  spdlog::set_formatter(std::move(layout));
}

}  // namespace genesis::log
