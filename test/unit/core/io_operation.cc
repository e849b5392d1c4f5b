// SPDX-License-Identifier: MIT
#include "core/io_operation.h"

#include <boost/test/unit_test.hpp>

#include <vector>

using kaio::IoOperation;
using kaio::Opcode;

BOOST_AUTO_TEST_SUITE(operation)

BOOST_AUTO_TEST_CASE(advancing_moves_buffer_offset_and_what_remains) {
  char buffer[100];
  IoOperation operation{.buffer = buffer, .size = 100, .offset_bytes = 1000};
  operation.advance(30);
  BOOST_TEST(operation.buffer == buffer + 30);
  BOOST_TEST(operation.offset_bytes == 1030);
  BOOST_TEST(operation.remaining_bytes() == 70u);
  operation.advance(0);
  BOOST_TEST(operation.remaining_bytes() == 70u);
  operation.advance(70);
  BOOST_TEST(operation.remaining_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_vector_advances_by_any_amount_through_any_parts) {
  const std::vector<std::size_t> lengths = {3, 0, 5, 1, 0, 7};
  char memory[16];
  for (std::size_t first = 0; first <= 16; ++first) {
    for (std::size_t second = 0; first + second <= 16; ++second) {
      std::vector<iovec> parts;
      char* place = memory;
      for (std::size_t length : lengths) {
        parts.push_back({.iov_base = place, .iov_len = length});
        place += length;
      }
      IoOperation operation{.buffer = parts.data(), .size = parts.size(), .vectored = true};
      operation.advance(first);
      operation.advance(second);
      BOOST_TEST(operation.remaining_bytes() == 16 - first - second);
      BOOST_TEST(operation.size == parts.size());
      BOOST_TEST(operation.offset_bytes == static_cast<std::int64_t>(first + second));
      // What is left is the end of the memory, gapless.
      const char* expected = memory + first + second;
      for (const iovec& part : parts) {
        if (part.iov_len == 0) continue;
        BOOST_TEST(part.iov_base == expected);
        expected += part.iov_len;
      }
      BOOST_TEST((expected == memory + 16));  // whose text would be printed
    }
  }
}

BOOST_AUTO_TEST_CASE(kinds_are_told_apart) {
  for (const Opcode opcode : {Opcode::read, Opcode::write, Opcode::fsync, Opcode::fdatasync}) {
    const IoOperation operation{.opcode = opcode};
    BOOST_TEST(operation.is_read() == (opcode == Opcode::read));
    BOOST_TEST(operation.is_write() == (opcode == Opcode::write));
    BOOST_TEST(operation.is_sync() == (opcode == Opcode::fsync || opcode == Opcode::fdatasync));
  }
}

BOOST_AUTO_TEST_CASE(every_priority_fits) {
  for (std::uint8_t priority = 0; priority <= 20; ++priority) {
    IoOperation operation;
    operation.priority = priority & 0x1f;
    BOOST_TEST(int(operation.priority) == int(priority));
  }
}

BOOST_AUTO_TEST_SUITE_END()
