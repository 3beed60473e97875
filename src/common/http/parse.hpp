#pragma once
// Bytes of a connection through Beast's incremental parser, and the names that its users share.
// Private to this folder.
#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "common/http/connection.hpp"

namespace genesis::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::asio::ip::tcp;
using ErrorCode = boost::system::error_code;

// Reads ask for this much: the first suits headers, the second bodies, the third bodies that come
// bit by bit for hours.
constexpr std::size_t kSmallRead = std::size_t{4} * 1024;
constexpr std::size_t kLargeRead = std::size_t{64} * 1024;
constexpr std::size_t kStreamRead = std::size_t{16} * 1024;

/// Reads until `parser` has the header, and no byte of the body into it. What came with it stays in
/// `buffer`. The size counts bytes that the parser took. Errors are Beast's: end_of_stream before
/// the first byte, partial_message within, buffer_overflow where the header outgrows `buffer`.
template <bool is_request>
asio::awaitable<Transfer> read_header(Connection& connection,
                                      beast::flat_buffer& buffer,
                                      bhttp::basic_parser<is_request>& parser);

/// Told after each read how many bytes the parser has taken; false ends the reading with
/// operation_aborted.
using Meter = std::function<bool(std::size_t size)>;

/// The same until the message is complete.
template <bool is_request>
asio::awaitable<Transfer> read_body(Connection& connection,
                                    beast::flat_buffer& buffer,
                                    bhttp::basic_parser<is_request>& parser,
                                    Meter meter = nullptr);

/// The next part of the body, as soon as there is one. At the message's end parser.is_done().
template <bool is_request>
asio::awaitable<Transfer> read_some_body(Connection& connection,
                                         beast::flat_buffer& buffer,
                                         bhttp::basic_parser<is_request>& parser);

}  // namespace genesis::http
