// SPDX-License-Identifier: MIT
// Our iocbs, byte by byte against the kernel's own definition.
#define iocb kernel_iocb
#define io_event kernel_io_event
#include <linux/aio_abi.h>
#undef iocb
#undef io_event

#include "core/kernel/iocb.h"

#include <boost/test/unit_test.hpp>

using kaio::IoOperation;
using kaio::Opcode;

BOOST_AUTO_TEST_SUITE(iocbs)

namespace {

static_assert(sizeof(kernel_iocb) == sizeof(iocb));

bool alike(const iocb& ours, const kernel_iocb& kernels) {
  return std::memcmp(&ours, &kernels, sizeof ours) == 0;
}

std::uint64_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

iocb dirty() {
  iocb control;
  std::memset(&control, 0xee, sizeof control);
  return control;
}

}  // namespace

BOOST_AUTO_TEST_CASE(transfers_are_what_the_kernel_reads) {
  struct {
    Opcode opcode;
    bool vectored;
    std::uint16_t expected;
  } const kinds[] = {{Opcode::read, false, IOCB_CMD_PREAD},
                     {Opcode::write, false, IOCB_CMD_PWRITE},
                     {Opcode::read, true, IOCB_CMD_PREADV},
                     {Opcode::write, true, IOCB_CMD_PWRITEV}};
  char memory[8];
  for (const auto& kind : kinds) {
    for (const bool is_stream : {false, true}) {
      const IoOperation operation{.buffer = memory,
                                  .size = 0x123456789,
                                  .offset_bytes = 0x7654321012,
                                  .fd = 77,
                                  .rw_flags = RWF_DSYNC,
                                  .opcode = kind.opcode,
                                  .vectored = kind.vectored};
      iocb control = dirty();
      kaio::iocb_of::transfer(control, operation, is_stream, RWF_NOWAIT);
      kernel_iocb expected{};
      expected.aio_lio_opcode = kind.expected;
      expected.aio_fildes = 77;
      expected.aio_buf = address(memory);
      expected.aio_nbytes = 0x123456789;
      expected.aio_offset = is_stream ? 0 : 0x7654321012;
      expected.aio_rw_flags = RWF_DSYNC | RWF_NOWAIT;
      BOOST_TEST(alike(control, expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_negative_offset_goes_to_the_kernel_as_it_is) {
  const IoOperation operation{.offset_bytes = -5, .fd = 1};
  iocb control = dirty();
  kaio::iocb_of::transfer(control, operation, false, 0);
  kernel_iocb expected{};
  expected.aio_lio_opcode = IOCB_CMD_PREAD;
  expected.aio_fildes = 1;
  expected.aio_offset = -5;
  BOOST_TEST(alike(control, expected));
}

BOOST_AUTO_TEST_CASE(syncs_carry_nothing_but_the_descriptor) {
  for (const Opcode opcode : {Opcode::fsync, Opcode::fdatasync}) {
    char memory[1];
    const IoOperation operation{.buffer = memory,
                                .size = 5,
                                .offset_bytes = 9,
                                .fd = 33,
                                .rw_flags = RWF_DSYNC,
                                .opcode = opcode,
                                .priority = 3};
    iocb control = dirty();
    kaio::iocb_of::sync(control, operation);
    kernel_iocb expected{};
    expected.aio_lio_opcode = opcode == Opcode::fsync ? IOCB_CMD_FSYNC : IOCB_CMD_FDSYNC;
    expected.aio_fildes = 33;
    BOOST_TEST(alike(control, expected));
  }
}

BOOST_AUTO_TEST_CASE(a_poll_asks_for_its_direction) {
  for (const bool to_read : {true, false}) {
    iocb control = dirty();
    kaio::iocb_of::readiness(control, 12, to_read);
    kernel_iocb expected{};
    expected.aio_lio_opcode = IOCB_CMD_POLL;
    expected.aio_fildes = 12;
    expected.aio_buf = to_read ? POLLIN : POLLOUT;
    BOOST_TEST(alike(control, expected));
  }
}

BOOST_AUTO_TEST_CASE(the_doorbell_is_an_eventfd_to_signal) {
  iocb control{};
  kaio::iocb_of::signal_eventfd(control, -1);
  BOOST_TEST(alike(control, kernel_iocb{}));
  kaio::iocb_of::signal_eventfd(control, 9);
  kernel_iocb expected{};
  expected.aio_flags = IOCB_FLAG_RESFD;
  expected.aio_resfd = 9;
  BOOST_TEST(alike(control, expected));
}

BOOST_AUTO_TEST_CASE(priorities_go_down_the_best_effort_levels_and_never_up) {
  int last_level = 4;  // what a thread has that asked for nothing
  for (std::uint8_t reqprio = 0; reqprio <= 20; ++reqprio) {
    IoOperation operation{.fd = 1};
    operation.priority = reqprio & 0x1f;
    iocb control = dirty();
    kaio::iocb_of::transfer(control, operation, false, 0);
    kernel_iocb seen;
    std::memcpy(&seen, &control, sizeof seen);
    BOOST_TEST((seen.aio_flags == (reqprio == 0 ? 0u : IOCB_FLAG_IOPRIO)));
    if (reqprio == 0) continue;
    BOOST_TEST((seen.aio_reqprio >> 13) == 2);
    const int level = seen.aio_reqprio & 0x1fff;
    BOOST_TEST(level >= last_level);
    BOOST_TEST(level > 4);
    BOOST_TEST(level <= 7);
    last_level = level;
  }
}

BOOST_AUTO_TEST_CASE(priority_and_doorbell_do_not_disturb_each_other) {
  IoOperation operation{.fd = 1, .priority = 1};
  iocb control{};
  kaio::iocb_of::transfer(control, operation, false, 0);
  kaio::iocb_of::signal_eventfd(control, 6);
  kernel_iocb seen;
  std::memcpy(&seen, &control, sizeof seen);
  BOOST_TEST(seen.aio_flags == (IOCB_FLAG_IOPRIO | IOCB_FLAG_RESFD));
  BOOST_TEST(seen.aio_resfd == 6u);
  BOOST_TEST(seen.aio_reqprio != 0);
}

BOOST_AUTO_TEST_SUITE_END()
