#include "common/http/client_errors.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace genesis::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using ErrorCode = boost::system::error_code;

constexpr unsigned kProxyAuthenticationRequired = 407;

// The reason of an alert by which the server refuses our certificate, or "". In TLS 1.3 the
// client's handshake is over by then, so it comes with the first read.
std::string certificate_alert(const ErrorCode& error) {
  if (error.category() != asio::error::get_ssl_category()) {
    return {};
  }
  switch (ERR_GET_REASON(static_cast<unsigned long>(error.value()))) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "it requires one, and none was sent";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "it does not trust the CA that signed it";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "it has expired";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return "it was revoked";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
      return error.message();
    default:
      return {};
  }
}

bool is_not_tls(const ErrorCode& error) {
  if (error.category() != asio::error::get_ssl_category()) {
    return false;
  }
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
         reason == SSL_R_HTTP_REQUEST;
}

bool is_wrong_name(const ErrorCode& error) {
  return error.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_TLSV1_UNRECOGNIZED_NAME;
}

bool is_closed(const ErrorCode& error) {
  return error == asio::error::eof || error == asio::error::connection_reset ||
         error == asio::error::broken_pipe || error == asio::ssl::error::stream_truncated ||
         error == bhttp::error::end_of_stream || error == bhttp::error::partial_message;
}

std::string_view doing(Step step) {
  switch (step) {
    case Step::kResolve:
      return "looking up ";
    case Step::kConnect:
      return "connecting to ";
    case Step::kTunnel:
      return "asking for a tunnel from ";
    case Step::kHandshake:
      return "the TLS handshake with ";
    case Step::kWrite:
      return "sending to ";
    case Step::kRead:
      return "reading from ";
  }
  return "talking to ";
}

std::string seconds(Milliseconds time) {
  std::string text = std::to_string(time.count() / 1000) + "." +
                     std::to_string(1000 + time.count() % 1000).substr(1);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) {
    text.pop_back();
  }
  return text + " s";
}

Error refused_by_proxy(const Failure& failure) {
  const std::string proxy = "the proxy " + failure.proxy;
  if (failure.proxy_status == kProxyAuthenticationRequired) {
    return Error{Errc::kUnauthenticated,
                 proxy +
                     " asks for a user name and a password: "
                     "HTTPS_PROXY=http://USER:PASSWORD@" +
                     failure.proxy};
  }
  return Error{Errc::kUnavailable,
               proxy + " refused a tunnel to " + failure.authority + " with status " +
                   std::to_string(failure.proxy_status) +
                   "; have it allowed there, or list the server in NO_PROXY"};
}

}  // namespace

Error describe(const Failure& failure) {
  const ErrorCode& error = failure.error;
  if (failure.proxy_status != 0) {
    return refused_by_proxy(failure);
  }
  const bool is_proxy_meant = !failure.proxy.empty() && failure.step <= Step::kTunnel;
  const std::string where =
      is_proxy_meant ? "the proxy " + failure.proxy + " (HTTPS_PROXY)" : failure.authority;
  if (error == beast::error::timeout) {
    return Error{Errc::kDeadlineExceeded,
                 std::string(doing(failure.step)) + where + " took longer than " +
                     seconds(failure.deadline)};
  }
  if (is_proxy_meant && failure.step == Step::kResolve) {
    return Error{Errc::kUnavailable, where + ": the host name was not found"};
  }
  if (failure.step == Step::kResolve) {
    return Error{
        Errc::kUnavailable,
        where + ": the host name was not found (" + error.message() + "); check the server's URL",
        Setting::kServerUrl};
  }
  if (error == asio::error::connection_refused) {
    return Error{Errc::kUnavailable,
                 where + (is_proxy_meant ? ": connection refused; is the proxy running?"
                                         : ": connection refused; is the server running?")};
  }
  if (failure.step == Step::kHandshake && !failure.verify_failure.empty()) {
    return Error{Errc::kUnauthenticated,
                 "the certificate of the server at " + where +
                     " was not accepted: " + failure.verify_failure};
  }
  if (is_wrong_name(error)) {
    return Error{
        Errc::kUnauthenticated,
        "the server at " + where + " has no certificate for that name: it is not valid for " +
            where.substr(0, where.rfind(':')) + "; connect by a name that is in the certificate",
        Setting::kServerUrl};
  }
  if (const std::string alert = certificate_alert(error); !alert.empty()) {
    return Error{Errc::kUnauthenticated,
                 "the server at " + where + " refused this client's certificate: " + alert,
                 Setting::kClientCertificate};
  }
  if (is_not_tls(error)) {
    return Error{Errc::kInvalidArgument,
                 where +
                     " does not speak TLS 1.3; if it was started without a certificate, use "
                     "http://",
                 Setting::kServerUrl};
  }
  if (error == bhttp::error::body_limit) {
    return Error{Errc::kResourceExhausted,
                 "the response from " + where + " is larger than " +
                     std::to_string(failure.max_body) + " bytes"};
  }
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return Error{Errc::kResourceExhausted,
                 "the response from " + where + " has too large a header"};
  }
  if (is_closed(error)) {
    return Error{Errc::kUnavailable,
                 (is_proxy_meant ? "" : "the server at ") + where +
                     " closed the connection before it answered"};
  }
  if (error.category() == make_error_code(bhttp::error::bad_method).category()) {
    return Error{Errc::kInvalidArgument,
                 where + " does not answer in HTTP/1.1: " + error.message()};
  }
  return Error{Errc::kUnavailable,
               std::string(doing(failure.step)) + where + " failed: " + error.message()};
}

}  // namespace genesis::http
