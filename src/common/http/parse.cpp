#include "common/http/parse.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/beast/http/error.hpp>

namespace genesis::http {
namespace {

enum class Until { kHeader, kEnd };

template <bool is_request>
bool has_reached(const bhttp::basic_parser<is_request>& parser, Until until) {
  return until == Until::kHeader ? parser.is_header_done() : parser.is_done();
}

// Gives the parser what is buffered. False: it needs more.
template <bool is_request>
bool feed(beast::flat_buffer& buffer,
          bhttp::basic_parser<is_request>& parser,
          Until until,
          Transfer& total) {
  while (buffer.size() > 0 && !has_reached(parser, until)) {
    ErrorCode error;
    const std::size_t size = parser.put(buffer.data(), error);
    buffer.consume(size);
    total.size += size;
    if (error == bhttp::error::need_more) {
      return false;
    }
    if (error) {
      total.error = error;
      return true;
    }
  }
  return has_reached(parser, until);
}

// Reads once into `buffer`. False: no more will come, and `total` says why unless the body may end
// so.
template <bool is_request>
asio::awaitable<bool> read_more(Connection& connection,
                                beast::flat_buffer& buffer,
                                bhttp::basic_parser<is_request>& parser,
                                std::size_t piece,
                                Transfer& total) {
  const std::size_t room = std::min(piece, buffer.max_size() - buffer.size());
  if (room == 0) {
    total.error = bhttp::error::buffer_overflow;
    co_return false;
  }
  const auto space = buffer.prepare(room);
  const Transfer read = co_await connection.read_some(space);
  buffer.commit(read.size);
  if (read.error == asio::error::eof && parser.got_some()) {
    parser.put_eof(total.error);  // may be how this body ends
    co_return false;
  }
  if (read.error) {
    total.error = read.error;
    if (read.error == asio::error::eof) {
      total.error = buffer.size() > 0 ? bhttp::error::partial_message : bhttp::error::end_of_stream;
    }
    co_return false;
  }
  co_return true;
}

template <bool is_request>
asio::awaitable<Transfer> read_until(Connection& connection,
                                     beast::flat_buffer& buffer,
                                     bhttp::basic_parser<is_request>& parser,
                                     Until until,
                                     Meter meter) {
  const std::size_t piece = until == Until::kHeader ? kSmallRead : kLargeRead;
  parser.eager(until == Until::kEnd);
  Transfer total;
  for (;;) {
    const bool is_over = feed(buffer, parser, until, total);
    if (meter && !meter(total.size)) {
      total.error = asio::error::operation_aborted;
      break;
    }
    if (is_over) {
      break;
    }
    const bool may_go_on = co_await read_more(connection, buffer, parser, piece, total);
    if (!may_go_on) {
      break;
    }
  }
  co_return total;
}

}  // namespace

template <bool is_request>
asio::awaitable<Transfer> read_header(Connection& connection,
                                      beast::flat_buffer& buffer,
                                      bhttp::basic_parser<is_request>& parser) {
  return read_until(connection, buffer, parser, Until::kHeader, nullptr);
}

template <bool is_request>
asio::awaitable<Transfer> read_body(Connection& connection,
                                    beast::flat_buffer& buffer,
                                    bhttp::basic_parser<is_request>& parser,
                                    Meter meter) {
  return read_until(connection, buffer, parser, Until::kEnd, std::move(meter));
}

template <bool is_request>
asio::awaitable<Transfer> read_some_body(Connection& connection,
                                         beast::flat_buffer& buffer,
                                         bhttp::basic_parser<is_request>& parser) {
  parser.eager(true);
  Transfer total;
  const bool is_over = feed(buffer, parser, Until::kEnd, total);
  if (is_over || total.size > 0) {
    co_return total;
  }
  const bool may_go_on = co_await read_more(connection, buffer, parser, kStreamRead, total);
  if (may_go_on) {
    feed(buffer, parser, Until::kEnd, total);
  }
  co_return total;
}

template asio::awaitable<Transfer> read_header(Connection&,
                                               beast::flat_buffer&,
                                               bhttp::basic_parser<true>&);
template asio::awaitable<Transfer> read_header(Connection&,
                                               beast::flat_buffer&,
                                               bhttp::basic_parser<false>&);
template asio::awaitable<Transfer> read_body(Connection&,
                                             beast::flat_buffer&,
                                             bhttp::basic_parser<true>&,
                                             Meter);
template asio::awaitable<Transfer> read_body(Connection&,
                                             beast::flat_buffer&,
                                             bhttp::basic_parser<false>&,
                                             Meter);
template asio::awaitable<Transfer> read_some_body(Connection&,
                                                  beast::flat_buffer&,
                                                  bhttp::basic_parser<false>&);

}  // namespace genesis::http
