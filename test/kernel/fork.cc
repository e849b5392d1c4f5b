// SPDX-License-Identifier: MIT
//
// What a child process sees of its parent's context.
#include "kernel_aio.h"
#include "fixtures.h"

#include <cerrno>
#include <functional>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace kernel_aio;
using namespace std::chrono_literals;

namespace {

struct Parent {
  Context context;
  fixtures::Fd zero = fixtures::open_path("/dev/zero", O_RDONLY);
  char byte = 0;
  iocb block = with_flags(read_block(zero.get(), &byte, 1), rwf_nowait);

  std::size_t ring_bytes() const {
    const RingHeader& header = context.header();
    const std::size_t bytes = header.header_bytes + header.slot_count * sizeof(io_event);
    return (bytes + 4095) / 4096 * 4096;
  }
};

// The exit status of a child that runs `work`; the signal + 1000 if it was killed.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(forking, Parent)

BOOST_AUTO_TEST_CASE(calls_on_an_inherited_context_are_EINVAL) {
  BOOST_TEST(in_child([&] { return -context.submit(block); }) == EINVAL);
  BOOST_TEST(in_child([&] {
               io_event event;
               return -context.get_events(0, 1, 0ms, &event);
             }) == EINVAL);
  BOOST_TEST(in_child([&] { return -destroy(context.id()); }) == EINVAL);
}

BOOST_AUTO_TEST_CASE(a_child_that_moves_head_steals_the_completions_of_its_parent) {
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  BOOST_TEST(in_child([&] {
               context.header().head = context.header().tail;
               return 0;
             }) == 0);
  BOOST_TEST(context.reap_one(0ms) == Context::nothing);
}

BOOST_AUTO_TEST_CASE(the_ring_is_not_inherited_after_MADV_DONTFORK) {
  void* const ring = reinterpret_cast<void*>(context.id());
  BOOST_REQUIRE_EQUAL(::madvise(ring, ring_bytes(), MADV_DONTFORK), 0);
  BOOST_TEST(in_child([&] {
               unsigned char residency[64];
               return ::mincore(ring, 4096, residency) == 0 ? 0 : errno;
             }) == ENOMEM);
  // The parent goes on as before.
  BOOST_TEST(context.carry_out(block) == 1);
}

BOOST_AUTO_TEST_CASE(a_child_makes_a_context_of_its_own) {
  BOOST_TEST(in_child([&] {
               Context own;
               return static_cast<int>(own.carry_out(block));
             }) == 1);
}

BOOST_AUTO_TEST_CASE(what_the_parent_has_in_flight_goes_on_while_a_child_comes_and_goes) {
  const fixtures::FdPair pipe = support::make_pipe();
  iocb waits = poll_block(pipe.first.get(), POLLIN);
  BOOST_REQUIRE_EQUAL(context.submit(waits), 1);
  BOOST_TEST(in_child([] { return 0; }) == 0);
  fixtures::append(pipe.second, "x");
  BOOST_TEST((context.reap_one() & POLLIN) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
