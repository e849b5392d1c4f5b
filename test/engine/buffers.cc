// SPDX-License-Identifier: MIT
// Memory for direct transfers, and transfers that may end short.
#include <kaio/engine.h>
#include <kaio/testing.h>

#include "support/child.h"
#include "support/precondition.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

BOOST_AUTO_TEST_SUITE(buffers)

namespace {

constexpr std::size_t block_bytes = 4096;

}  // namespace

BOOST_AUTO_TEST_CASE(a_pool_gives_each_of_its_blocks_to_one_at_a_time) {
  const support::TemporaryFile temporary(block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  kaio::BufferPool pool(file, 3, 1000);
  BOOST_TEST(pool.block_bytes() >= 1000u);
  BOOST_TEST(pool.block_bytes() % file.alignment().read_bytes == 0);
  std::vector<kaio::BufferPool::Block> blocks;
  for (int i = 0; i < 3; ++i) {
    blocks.push_back(pool.take());
    BOOST_REQUIRE(bool(blocks.back()));
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(blocks.back().data()) %
                   file.alignment().memory_bytes ==
               0);
    std::ranges::fill(blocks.back().span(), std::byte(i));
  }
  BOOST_TEST(pool.free_count() == 0);
  BOOST_TEST(!pool.take());
  for (int i = 0; i < 3; ++i)
    BOOST_TEST(std::ranges::count(blocks[static_cast<std::size_t>(i)].span(), std::byte(i)) ==
               static_cast<std::ptrdiff_t>(pool.block_bytes()));
  blocks.pop_back();
  BOOST_TEST(pool.free_count() == 1);
  BOOST_TEST(bool(pool.take()));
}

BOOST_AUTO_TEST_CASE(a_pool_for_two_files_fits_both) {
  const kaio::Alignment coarse{.memory_bytes = 512, .read_bytes = 4096, .overwrite_bytes = 512};
  const kaio::Alignment fine{.memory_bytes = 4, .read_bytes = 512, .overwrite_bytes = 16384};
  kaio::BufferPool pool(kaio::common_alignment(coarse, fine), 2, 1000);
  BOOST_TEST(pool.block_bytes() == 16384u);
}

// ramfs knows no O_DIRECT. A file that was created for the attempt could not be opened a second
// time by an ordinary user.
BOOST_AUTO_TEST_CASE(a_file_that_prefers_direct_is_created_where_there_is_no_direct,
                     *support::as_root()) {
  const support::TemporaryDirectory directory;
  const int status = support::run_in_child([&] {
    constexpr uid_t nobody = 65534;
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("kaio-test", directory.path().c_str(), "ramfs", 0, nullptr) != 0 ||
        ::chmod(directory.path().c_str(), 0777) != 0 || ::chdir(directory.path().c_str()) != 0 ||
        ::seteuid(nobody) != 0)
      return 1;
    try {
      const kaio::File file("file", {.flags = O_WRONLY | O_CREAT | O_EXCL, .mode = 0400});
      return file.is_direct() ? 2 : 0;
    } catch (const std::system_error&) {
      return 3;
    }
  });
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(huge_pages_are_had_or_done_without) {
  const kaio::Buffer buffer(3 * 1000 * 1000, true);
  BOOST_TEST(buffer.size() == 3'000'000);
  std::ranges::fill(buffer.span(), std::byte{1});
}

BOOST_AUTO_TEST_CASE(a_partial_transfer_ends_where_the_kernel_ended_it,
                     *support::with_direct_io()) {
  const support::TemporaryFile temporary(2 * block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  const kaio::Buffer buffer(2 * block_bytes);
  kaio::testing::FaultyKernel kernel({.short_transfers = 1});
  kaio::Engine engine({.kernel = &kernel});
  kaio::Operation read;
  read.read(file, buffer.data(), 2 * block_bytes, 0).set_partial(true);
  engine.submit(read).or_throw();
  engine.drain();
  const std::size_t part_bytes = read.result().value();
  BOOST_TEST(part_bytes < 2 * block_bytes);
  BOOST_TEST(part_bytes > 0u);

  engine.submit(read.set_partial(false)).or_throw();
  engine.drain();
  BOOST_TEST(read.result().value() == 2 * block_bytes);
}

BOOST_AUTO_TEST_SUITE_END()
