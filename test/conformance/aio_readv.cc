// SPDX-License-Identifier: MIT
// aio_readv(), aio_writev(), LIO_READV and LIO_WRITEV.
#include "cases.h"

#include <climits>
#include <cstring>
#include <sys/uio.h>

BOOST_AUTO_TEST_SUITE(vectored)

namespace {

// A request with its vector: pieces of the given sizes, one page apart.
struct Vectored {
  Vectored(int fd, std::vector<std::size_t> sizes, off_t offset = 0)
      : memory{(sizes.size() + 1) * stride_bytes}, request{Request::over(fd, nullptr, 0, offset)} {
    for (std::size_t index = 0; index < sizes.size(); ++index)
      pieces.push_back({memory.data() + index * stride_bytes, sizes[index]});
    request->aio_buf = pieces.data();
    request->aio_nbytes = pieces.size();
  }
  std::string text() const {
    std::string all;
    for (const iovec& piece : pieces)
      all.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    return all;
  }
  void set_text(std::string_view text) {
    for (const iovec& piece : pieces) {
      std::memcpy(piece.iov_base, text.data(), piece.iov_len);
      text.remove_prefix(piece.iov_len);
    }
  }

  static constexpr std::size_t stride_bytes = 2 * page_bytes;
  AlignedBuffer memory;
  std::vector<iovec> pieces;
  Request request;
};

}  // namespace

BOOST_DATA_TEST_CASE(a_read_fills_the_pieces_in_turn, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const Vectored read{storage.fd(), {4096, 8192, 4096}, 8192};
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(wait_done(read.request) == 0);
  BOOST_TEST(aio_return(read.request) == 16384);
  BOOST_TEST(is_pattern(read.text(), 8192));
}

BOOST_DATA_TEST_CASE(a_write_takes_the_pieces_in_turn, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  Vectored write{storage.fd(), {8192, 4096, 4096}, 8192};
  write.set_text(pattern(16384, 0, 1));
  BOOST_REQUIRE(aio_writev(write.request) == 0);
  BOOST_TEST(wait_done(write.request) == 0);
  BOOST_TEST(aio_return(write.request) == 16384);
  BOOST_TEST(is_pattern(storage.read(16384, 8192), 0, 1));
  BOOST_TEST(is_pattern(storage.read(8192, 0)));
}

BOOST_AUTO_TEST_CASE(pieces_may_be_of_any_size) {
  const Storage storage{StorageKind::buffered_file};
  Vectored read{storage.fd(), {1, 0, 777, 3, 0}, 5};
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(wait_done(read.request) == 0);
  BOOST_TEST(aio_return(read.request) == 781);
  BOOST_TEST(is_pattern(read.text(), 5));
}

BOOST_DATA_TEST_CASE(the_end_of_the_file_makes_it_short, data::make(storage_kinds()), kind) {
  const Storage storage{kind, 1 << 20};
  const Vectored read{storage.fd(), {4096, 4096}, (1 << 20) - 4096};
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(wait_done(read.request) == 0);
  BOOST_TEST(aio_return(read.request) == 4096);
}

BOOST_AUTO_TEST_CASE(a_half_cached_file_is_read_in_full) {
  constexpr std::size_t file_bytes = 4 << 20;
  const TemporaryFile file{file_bytes};
  file.make_cold();
  const Fd fd = file.open(O_RDONLY);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
  char part[5000];  // ends within a page and within a piece
  BOOST_REQUIRE(::pread(fd.get(), part, sizeof part, 0) == sizeof part);
  const Vectored read{fd.get(), std::vector<std::size_t>(512, 8192)};
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(wait_done(read.request) == 0);
  BOOST_TEST(aio_return(read.request) == file_bytes);
  BOOST_TEST(is_pattern(read.text()));
}

BOOST_AUTO_TEST_CASE(the_vector_is_copied_at_the_call) {
  const Channel pipe{ChannelKind::pipe};
  Vectored read{pipe.reader(), {3, 4}};
  const std::vector<iovec> kept = read.pieces;
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  std::memset(read.pieces.data(), 0x5a, sizeof(iovec) * 2);
  pipe.send("onetwo2");
  BOOST_TEST(wait_done(read.request) == 0);
  BOOST_TEST(aio_return(read.request) == 7);
  read.pieces = kept;
  BOOST_TEST(read.text() == "onetwo2");
}

BOOST_DATA_TEST_CASE(a_stream_can_be_read, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Vectored read{channel.reader(), {2, 100}, 77};
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(stays([&request = read.request] { return in_progress(request); }));
  channel.send("text");
  BOOST_TEST(wait_done(read.request) == 0);
  BOOST_TEST(aio_return(read.request) == 4);
  BOOST_TEST(read.text().substr(0, 4) == "text");
}

BOOST_DATA_TEST_CASE(a_stream_can_be_written, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  Vectored write{channel.writer(), {2, 3}, 77};
  write.set_text("texts");
  BOOST_REQUIRE(aio_writev(write.request) == 0);
  BOOST_TEST(wait_done(write.request) == 0);
  BOOST_TEST(aio_return(write.request) == 5);
  // A terminal is written part by part, and may be read in between.
  std::string received;
  while (received.size() < 5) received += channel.receive(10);
  BOOST_TEST(received == "texts");
}

BOOST_DATA_TEST_CASE(a_write_that_waits_for_room_is_never_short,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket,
                                 ChannelKind::tcp_socket}),
                     kind) {
  const std::vector<std::size_t> sizes(1000, 7001);
  const std::size_t total_bytes = 1000 * 7001;
  const Channel channel{kind};
  Vectored write{channel.writer(), sizes};
  write.set_text(pattern(total_bytes));
  BOOST_REQUIRE(aio_writev(write.request) == 0);
  std::string all;
  while (all.size() < total_bytes) all += channel.receive(65536);
  BOOST_TEST(is_pattern(all));
  BOOST_TEST(wait_done(write.request) == 0);
  BOOST_TEST(aio_return(write.request) == total_bytes);
}

BOOST_AUTO_TEST_CASE(a_stream_read_that_waits_is_cancelled) {
  const Channel pipe{ChannelKind::pipe};
  const Vectored read{pipe.reader(), {2, 100}};
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(aio_cancel(pipe.reader(), read.request) == AIO_CANCELED);
}

BOOST_AUTO_TEST_CASE(a_thousand_and_twenty_four_pieces_are_the_limit) {
  const Storage storage{StorageKind::buffered_file};
  const Vectored most{storage.fd(), std::vector<std::size_t>(1024, 16)};
  BOOST_REQUIRE(aio_readv(most.request) == 0);
  BOOST_TEST(wait_done(most.request) == 0);
  BOOST_TEST(aio_return(most.request) == 1024 * 16);
  BOOST_TEST(is_pattern(most.text()));
  const Vectored more{storage.fd(), std::vector<std::size_t>(1025, 16)};
  BOOST_REQUIRE(aio_readv(more.request) == 0);
  BOOST_TEST(wait_done(more.request) == EINVAL);
  more.request->aio_nbytes = SIZE_MAX;
  BOOST_REQUIRE(aio_readv(more.request) == 0);
  BOOST_TEST(wait_done(more.request) == EINVAL);
  BOOST_TEST(aio_return(more.request) == -1);
}

BOOST_AUTO_TEST_CASE(no_piece_is_nothing) {
  const Storage storage{StorageKind::buffered_file};
  const Vectored read{storage.fd(), {}};
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(wait_done(read.request) == 0);
  BOOST_TEST(aio_return(read.request) == 0);
}

BOOST_AUTO_TEST_CASE(more_than_SSIZE_MAX_in_all_says_EINVAL) {
  const Storage storage{StorageKind::buffered_file};
  Vectored read{storage.fd(), {16, 16}};
  read.pieces[0].iov_len = SSIZE_MAX;
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(wait_done(read.request) == EINVAL);
}

BOOST_AUTO_TEST_CASE(a_bad_vector_or_piece_says_EFAULT) {
  const Storage storage{StorageKind::buffered_file};
  Vectored read{storage.fd(), {16, 16}};
  read.pieces[0].iov_base = nullptr;
  BOOST_REQUIRE(aio_readv(read.request) == 0);
  BOOST_TEST(wait_done(read.request) == EFAULT);
}

BOOST_AUTO_TEST_CASE(errors_are_those_of_single_buffers) {
  const Storage storage{StorageKind::buffered_file};
  const Vectored bad_descriptor{-1, {16}};
  const Vectored bad_offset{storage.fd(), {16}, -1};
  BOOST_REQUIRE(aio_readv(bad_descriptor.request) == 0);
  BOOST_REQUIRE(aio_writev(bad_offset.request) == 0);
  BOOST_TEST(wait_done(bad_descriptor.request) == EBADF);
  BOOST_TEST(wait_done(bad_offset.request) == EINVAL);
  bad_offset.request->aio_reqprio = 21;
  BOOST_TEST(errno_of([&] { return aio_readv(bad_offset.request); }) == EINVAL);
}

BOOST_DATA_TEST_CASE(lists_may_hold_them, data::make({LIO_WAIT, LIO_NOWAIT}), mode) {
  const Storage storage{StorageKind::buffered_file};
  Vectored write{storage.fd(), {100, 200}, 4096};
  write.set_text(pattern(300, 0, 1));
  write.request->aio_lio_opcode = LIO_WRITEV;
  const Vectored read{storage.fd(), {10, 20, 30}, 8192};
  read.request->aio_lio_opcode = LIO_READV;
  aiocb* const list[] = {write.request, read.request};
  BOOST_TEST(lio_listio(mode, list, 2, nullptr) == 0);
  BOOST_TEST(wait_done(write.request) == 0);
  BOOST_TEST(wait_done(read.request) == 0);
  BOOST_TEST(aio_return(write.request) == 300);
  BOOST_TEST(aio_return(read.request) == 60);
  BOOST_TEST(is_pattern(storage.read(300, 4096), 0, 1));
  BOOST_TEST(is_pattern(read.text(), 8192));
}

BOOST_AUTO_TEST_SUITE_END()
