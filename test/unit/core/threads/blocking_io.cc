// SPDX-License-Identifier: MIT
#include "core/threads/blocking_io.h"
#include "support/channel.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>

using kaio::IoOperation;
using kaio::Opcode;

BOOST_AUTO_TEST_SUITE(blocking_calls)

using namespace kaio::blocking_io;

BOOST_AUTO_TEST_CASE(a_file_is_read_and_written_at_its_offset) {
  const support::TemporaryFile file(8192);
  const support::Fd opened = file.open(O_RDWR);
  std::string buffer(100, '.');
  const IoOperation read{
      .buffer = buffer.data(), .size = 100, .offset_bytes = 5000, .fd = opened.get()};
  BOOST_TEST(perform(read) == 100);
  BOOST_TEST(support::is_pattern(buffer, 5000));
  std::string text = "hello";
  const IoOperation write{.buffer = text.data(),
                          .size = 5,
                          .offset_bytes = 7000,
                          .fd = opened.get(),
                          .opcode = Opcode::write};
  BOOST_TEST(perform(write) == 5);
  BOOST_TEST(file.content().substr(7000, 5) == "hello");
}

BOOST_AUTO_TEST_CASE(vectors_and_flags_go_with_it) {
  const support::TemporaryFile file(8192);
  const support::Fd opened = file.open(O_RDWR);
  std::string one = "ab";
  std::string two = "cde";
  iovec parts[2] = {{one.data(), 2}, {two.data(), 3}};
  IoOperation write{.buffer = parts,
                    .size = 2,
                    .offset_bytes = 10,
                    .fd = opened.get(),
                    .opcode = Opcode::write,
                    .vectored = true};
  BOOST_TEST(perform(write) == 5);
  BOOST_TEST(file.content().substr(10, 5) == "abcde");
  write.rw_flags = RWF_APPEND;
  BOOST_TEST(perform(write) == 5);
  BOOST_TEST(file.content().substr(8192) == "abcde");
  write.opcode = Opcode::read;
  write.rw_flags = 0;
  write.offset_bytes = 0;
  BOOST_TEST(perform(write) == 5);
  BOOST_TEST(support::is_pattern(one + two, 0));
}

BOOST_AUTO_TEST_CASE(errors_are_negative_numbers) {
  const IoOperation nowhere{.size = 0, .fd = -1};
  BOOST_TEST(perform(nowhere) == -EBADF);
  const IoOperation sync{.fd = -1, .opcode = Opcode::fsync};
  BOOST_TEST(perform(sync) == -EBADF);
  const auto ends = support::make_pipe();
  const IoOperation sync_of_pipe{.fd = ends.first.get(), .opcode = Opcode::fdatasync};
  BOOST_TEST(perform(sync_of_pipe) == -EINVAL);
}

BOOST_AUTO_TEST_SUITE_END()
