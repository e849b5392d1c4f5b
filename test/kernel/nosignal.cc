// SPDX-License-Identifier: MIT
//
// SIGPIPE. A write to a pipe or socket that nobody reads raises it in the
// thread that calls io_submit(), unless the iocb says RWF_NOSIGNAL, which Linux
// knows since 6.18. Older kernels refuse the whole request: EOPNOTSUPP from
// io_submit(), as for any RWF flag they do not know, so the flag can be probed.
#include "kernel_aio.h"
#include "fixtures.h"

#include <cerrno>
#include <csignal>

using namespace kernel_aio;

namespace {

volatile std::sig_atomic_t sigpipe_count;

struct CountedSigpipe {
  CountedSigpipe() {
    sigpipe_count = 0;
    old_handler = std::signal(SIGPIPE, [](int) { sigpipe_count = sigpipe_count + 1; });
  }
  ~CountedSigpipe() { std::signal(SIGPIPE, old_handler); }

  static std::vector<fixtures::Fd> ends_nobody_reads() {
    std::vector<fixtures::Fd> ends;
    ends.push_back(std::move(support::make_pipe().second));
    ends.push_back(std::move(support::make_sockets(SOCK_STREAM).second));
    return ends;
  }

  void (*old_handler)(int);
  Context context;
  fixtures::AlignedBuffer buffer{4096, 'b'};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(nosignal, CountedSigpipe)

BOOST_AUTO_TEST_CASE(write_that_nobody_reads_is_EPIPE_and_SIGPIPE_in_the_submitting_thread) {
  for (const std::uint32_t flags : {0u, rwf_nowait}) {
    if (flags == rwf_nowait && !fixtures::streams_have_nowait()) continue;
    for (const fixtures::Fd& end : ends_nobody_reads()) {
      sigpipe_count = 0;
      BOOST_TEST(context.carry_out(with_flags(write_block(end.get(), "x", 1), flags)) == -EPIPE);
      BOOST_TEST(sigpipe_count == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(with_the_flag_there_is_EPIPE_and_no_signal, *support::from_kernel(6, 18)) {
  for (const std::uint32_t flags : {rwf_nosignal, rwf_nosignal | rwf_nowait})
    for (const fixtures::Fd& end : ends_nobody_reads())
      BOOST_TEST(context.carry_out(with_flags(write_block(end.get(), "x", 1), flags)) == -EPIPE);
  BOOST_TEST(sigpipe_count == 0);
}

// It may be set on every write without asking first what the descriptor is.
BOOST_AUTO_TEST_CASE(the_flag_changes_nothing_else,
                     *support::from_kernel(6, 18) * fixtures::on_ext4()) {
  const fixtures::Fd null = fixtures::open_path("/dev/null", O_RDWR);
  const fixtures::Fd file = fixtures::make_file(8192);
  const fixtures::FdPair pipe = support::make_pipe();
  const auto write = [&](const fixtures::Fd& to, std::uint32_t flags) {
    return context.carry_out(with_flags(write_block(to.get(), buffer.data(), 512), flags));
  };
  const auto read = [&](const fixtures::Fd& from, std::uint32_t flags) {
    return context.carry_out(with_flags(read_block(from.get(), buffer.data(), 512), flags));
  };
  BOOST_TEST(write(null, rwf_nosignal | rwf_nowait) == 512);
  BOOST_TEST(write(file, rwf_nosignal) == 512);
  BOOST_TEST(write(file, rwf_nosignal | rwf_nowait) == -EOPNOTSUPP);
  BOOST_TEST(read(file, rwf_nosignal | rwf_nowait) == 512);
  BOOST_TEST(read(pipe.first, rwf_nosignal | rwf_nowait) == -EAGAIN);
}

BOOST_AUTO_TEST_SUITE_END()
