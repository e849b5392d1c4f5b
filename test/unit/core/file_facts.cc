// SPDX-License-Identifier: MIT
#include "core/file_facts.h"
#include "support/channel.h"
#include "support/child.h"
#include "support/filter.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

using kaio::DescriptorKind;
using kaio::DescriptorTraits;
using kaio::traits_of;

BOOST_AUTO_TEST_SUITE(traits)

BOOST_AUTO_TEST_CASE(the_type_of_a_file_decides_its_kind) {
  struct {
    mode_t mode;
    bool seekable;
    DescriptorKind expected;
  } const table[] = {
      {S_IFREG, true, DescriptorKind::regular},   {S_IFREG, false, DescriptorKind::stream},
      {S_IFDIR, true, DescriptorKind::regular},   {S_IFBLK, true, DescriptorKind::block},
      {S_IFCHR, true, DescriptorKind::character}, {S_IFCHR, false, DescriptorKind::stream},
      {S_IFIFO, false, DescriptorKind::pipe},     {S_IFIFO, true, DescriptorKind::pipe},
      {S_IFSOCK, false, DescriptorKind::socket},  {0, false, DescriptorKind::stream},
  };
  for (const auto& row : table) {
    const DescriptorTraits traits = traits_of(row.mode | 0644, O_RDWR, row.seekable);
    BOOST_TEST(int(traits.kind) == int(row.expected));
    BOOST_TEST(traits.known());
    BOOST_TEST(!traits.refuses_nowait(true));
    BOOST_TEST(!traits.refuses_nowait(false));
  }
}

BOOST_AUTO_TEST_CASE(each_status_flag_is_seen_alone) {
  for (const int flags :
       {0, O_APPEND, O_DIRECT, O_NONBLOCK, O_DSYNC, O_APPEND | O_DIRECT | O_NONBLOCK | O_SYNC}) {
    const DescriptorTraits traits = traits_of(S_IFREG, O_RDWR | flags, true);
    BOOST_TEST(bool(traits.append) == ((flags & O_APPEND) != 0));
    BOOST_TEST(bool(traits.direct) == ((flags & O_DIRECT) != 0));
    BOOST_TEST(bool(traits.non_blocking) == ((flags & O_NONBLOCK) != 0));
    BOOST_TEST(bool(traits.synchronous) == ((flags & O_DSYNC) != 0));
  }
  BOOST_TEST(!traits_of(S_IFIFO, O_DIRECT, false).direct);  // packets
}

BOOST_AUTO_TEST_CASE(descriptors_are_what_they_are) {
  const support::TemporaryFile file(4096);
  const support::Fd opened = file.open(O_RDONLY | O_APPEND);
  const auto ends = support::make_pipe();
  const auto pty = support::make_pty();
  const support::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  BOOST_TEST(int(kaio::read_traits(opened.get()).traits.kind) == int(DescriptorKind::regular));
  BOOST_TEST(bool(kaio::read_traits(opened.get()).traits.append));
  BOOST_TEST(int(kaio::read_traits(ends.first.get()).traits.kind) == int(DescriptorKind::pipe));
  BOOST_TEST(int(kaio::read_traits(pty.second.get()).traits.kind) == int(DescriptorKind::terminal));
  BOOST_TEST(int(kaio::read_traits(null.get()).traits.kind) == int(DescriptorKind::character));
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_not_open_stays_unknown_and_errno_alone) {
  errno = 4711;
  BOOST_TEST(!kaio::read_traits(-1).traits.known());
  BOOST_TEST(!kaio::is_same_file(-1, 0, 0));
  BOOST_TEST(kaio::ends_file(-1, 0));
  BOOST_TEST(errno == 4711);
}

BOOST_AUTO_TEST_CASE(a_file_is_the_same_by_any_descriptor_and_another_is_not) {
  const support::TemporaryFile file(10);
  const support::TemporaryFile other(10);
  const support::Fd first = file.open(O_RDONLY);
  const support::Fd second = file.open(O_RDWR);
  const support::Fd third = other.open(O_RDWR);
  const auto facts = kaio::read_traits(first.get());
  BOOST_TEST(kaio::is_same_file(second.get(), facts.device, facts.inode));
  BOOST_TEST(!kaio::is_same_file(third.get(), facts.device, facts.inode));
}

BOOST_AUTO_TEST_CASE(masters_of_two_terminals_are_two_files) {
  const support::FdPair one = support::make_pty();
  const support::FdPair other = support::make_pty();
  const support::Fd again(::dup(one.first.get()));
  const auto facts = kaio::read_traits(one.first.get());
  BOOST_TEST(kaio::is_same_file(again.get(), facts.device, facts.inode));
  BOOST_TEST(!kaio::is_same_file(other.first.get(), facts.device, facts.inode));
}

// fstatfs() may wait for the server of the file system that a FIFO is on.
BOOST_AUTO_TEST_CASE(no_file_system_is_asked_whether_a_pipe_has_a_name) {
  const support::FdPair pipe = support::make_pipe();
  const support::TemporaryDirectory directory;
  const std::string path = directory.path() + "/fifo";
  BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const support::Fd fifo{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  BOOST_TEST(support::run_in_child([&] {
               support::refuse({SYS_fstatfs, SYS_statfs}, EPERM);
               const auto tells_all = [](int fd) {
                 return kaio::poll_tells_all(fd, kaio::read_traits(fd));
               };
               return tells_all(pipe.first.get()) && !tells_all(fifo.get()) ? 0 : 1;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(which_file_systems_lock_a_file_to_write_is_known) {
  const support::TemporaryFile in_memory(support::tmpfs, 10);
  BOOST_TEST(kaio::locks_file_to_write(in_memory.open(O_RDWR).get()));
  const support::Fd of_proc(::open("/proc/self/comm", O_RDWR | O_CLOEXEC));
  BOOST_TEST(!kaio::locks_file_to_write(of_proc.get()));
  BOOST_TEST(!kaio::locks_file_to_write(-1));
}

BOOST_AUTO_TEST_CASE(the_end_of_a_file_is_where_it_is_now) {
  const support::TemporaryFile file(10);
  const support::Fd opened = file.open(O_RDWR);
  BOOST_TEST(!kaio::ends_file(opened.get(), 9));
  BOOST_TEST(kaio::ends_file(opened.get(), 10));
  BOOST_TEST(kaio::ends_file(opened.get(), 11));
  BOOST_REQUIRE(::ftruncate(opened.get(), 20) == 0);
  BOOST_TEST(!kaio::ends_file(opened.get(), 10));
}

BOOST_AUTO_TEST_CASE(devices_are_remembered_up_to_a_bound) {
  kaio::DeviceSet devices;
  BOOST_TEST(!devices.contains(0));
  for (std::uint32_t device = 0; device < 64; ++device) {
    devices.insert(device);
    devices.insert(device);  // takes one place only
  }
  for (std::uint32_t device = 0; device < 64; ++device) BOOST_TEST(devices.contains(device));
  devices.insert(1000);
  BOOST_TEST(!devices.contains(1000));
}

BOOST_AUTO_TEST_SUITE_END()
