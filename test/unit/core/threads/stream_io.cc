// SPDX-License-Identifier: MIT
#include "core/threads/stream_io.h"
#include "core/file_facts.h"
#include "support/channel.h"
#include "support/child.h"
#include "support/filter.h"
#include "support/precondition.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

using kaio::DescriptorKind;
using kaio::IoOperation;
using kaio::Opcode;
using kaio::stream_io::attempt;

BOOST_AUTO_TEST_SUITE(streams_by_calls)

namespace {

DescriptorKind kind_of(int fd) { return kaio::read_traits(fd).traits.kind; }

}  // namespace

BOOST_AUTO_TEST_CASE(a_stream_is_never_waited_for) {
  for (const auto kind : support::channel_kinds()) {
    BOOST_TEST_CONTEXT(kind) {
      const support::Channel channel(kind);
      char buffer[10];
      const IoOperation read{
          .buffer = buffer, .size = sizeof buffer, .offset_bytes = 99, .fd = channel.reader()};
      BOOST_TEST(attempt(read, kind_of(channel.reader())) == -EAGAIN);
      channel.send("abc");
      BOOST_TEST(attempt(read, kind_of(channel.reader())) == 3);
      BOOST_TEST(attempt(read, kind_of(channel.reader())) == -EAGAIN);
      channel.fill();
      const IoOperation write{
          .buffer = buffer, .size = sizeof buffer, .fd = channel.writer(), .opcode = Opcode::write};
      BOOST_TEST(attempt(write, kind_of(channel.writer())) == -EAGAIN);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_vector_with_an_empty_part_is_written_to_a_terminal) {
  const auto pty = support::make_pty();
  std::string text = "xyz";
  iovec parts[3] = {{nullptr, 0}, {text.data(), 3}, {text.data(), 3}};
  for (const int fd : {pty.first.get(), pty.second.get()}) {
    const IoOperation write{
        .buffer = parts, .size = 3, .fd = fd, .opcode = Opcode::write, .vectored = true};
    BOOST_TEST(attempt(write, DescriptorKind::terminal) >= 3);
  }
}

// Where neither RWF_NOWAIT nor /proc is to be had: pipes take what surely fits.
BOOST_AUTO_TEST_CASE(without_proc_a_pipe_takes_PIPE_BUF_bytes_at_a_time,
                     *support::as_root() * support::without_sanitizer()) {
  const support::TemporaryDirectory empty;
  BOOST_TEST(
      support::run_in_child([&] {
        const auto ends = support::make_pipe();
        if (::chroot(empty.path().c_str()) != 0) return 1;
        support::refuse({SYS_preadv2, SYS_pwritev2}, EPERM);
        std::string data(100'000, 'x');
        IoOperation write{
            .buffer = data.data(), .size = 4097, .fd = ends.second.get(), .opcode = Opcode::write};
        if (attempt(write, DescriptorKind::pipe) != PIPE_BUF) return 2;
        write.size = 4096;
        for (int free = 15; free > 0; --free)
          if (attempt(write, DescriptorKind::pipe) != 4096) return 3;
        if (attempt(write, DescriptorKind::pipe) != -EAGAIN) return 4;
        const IoOperation read{.buffer = data.data(), .size = data.size(), .fd = ends.first.get()};
        if (attempt(read, DescriptorKind::pipe) != 65536) return 5;
        if (attempt(read, DescriptorKind::pipe) != -EAGAIN) return 6;
        return 0;
      }) == 0);
}

BOOST_AUTO_TEST_CASE(the_wrong_end_is_not_opened_by_another_way) {
  const auto ends = support::make_pipe();
  BOOST_TEST(::write(ends.second.get(), "text", 4) == 4);
  char buffer[4];
  const IoOperation read{.buffer = buffer, .size = 4, .fd = ends.second.get()};
  BOOST_TEST(attempt(read, DescriptorKind::pipe) == -EBADF);
  BOOST_TEST(support::run_in_child([&] {
               support::refuse({SYS_preadv2, SYS_pwritev2}, ENOSYS);
               if (attempt(read, DescriptorKind::pipe) != -EBADF) return 1;
               const IoOperation right{.buffer = buffer, .size = 4, .fd = ends.first.get()};
               if (attempt(right, DescriptorKind::pipe) != 4) return 2;
               if (attempt(right, DescriptorKind::pipe) != -EAGAIN) return 3;
               return (::fcntl(ends.first.get(), F_GETFL) & O_NONBLOCK) == 0 ? 0 : 4;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
