// SPDX-License-Identifier: MIT
// Without memory to be had a request is refused at the call: none is accepted and then ends
// with EAGAIN.
#include "support/channel.h"
#include "support/child.h"
#include "support/limit.h"
#include "support/precondition.h"
#include "support/process.h"
#include "support/request.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <sys/mman.h>
#include <sys/uio.h>

#include <functional>

BOOST_AUTO_TEST_SUITE(memory)

namespace {

constexpr int most = 60'000;

// Submits until a call is refused. 0: by EAGAIN, and nothing that was accepted has ended
// so. `lists`: by lists of a few.
int submit_until_refused(const std::function<void(aiocb&)>& fill, bool lists) {
  const support::Channel pipe(support::ChannelKind::pipe);
  // Before there is a limit: threads, and what else the first request needs.
  support::Request first = support::Request::to_read(pipe.reader(), 1);
  if (aio_read(first) != 0) return 1;
  static aiocb* blocks =
      static_cast<aiocb*>(::mmap(nullptr, most * sizeof(aiocb), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
  if (blocks == MAP_FAILED) return 2;
  int count = 0;
  int refused_by = 0;
  {
    const support::Limit limit(RLIMIT_AS, support::address_space_bytes());
    while (count + 3 < most && refused_by == 0) {
      aiocb* list[3];
      const int step = lists ? 3 : 1;
      for (int i = 0; i < step; ++i) {
        list[i] = &blocks[count + i];
        list[i]->aio_fildes = pipe.reader();
        list[i]->aio_sigevent.sigev_notify = SIGEV_NONE;
        fill(*list[i]);
      }
      sigevent event{};
      event.sigev_notify = SIGEV_SIGNAL;
      event.sigev_signo = SIGURG;  // ignored
      const int outcome = lists ? lio_listio(LIO_NOWAIT, list, step, &event)
                          : list[0]->aio_lio_opcode == LIO_READV ? aio_readv(list[0])
                                                                 : aio_read(list[0]);
      if (outcome != 0) {
        refused_by = errno;
        // Those of the list that could not be queued say so, and count as refused.
        if (lists)
          for (int i = 0; i < step; ++i)
            if (const int status = aio_error(list[i]); status != EAGAIN && status != EINPROGRESS)
              return 3;
      } else {
        count += step;
      }
    }
  }
  if (refused_by != EAGAIN) return 4;
  for (int i = 0; i < count; ++i)
    if (aio_error(&blocks[i]) != EINPROGRESS) return 5;
  // It is over when there is memory again.
  support::Request next = support::Request::to_read(pipe.reader(), 1);
  if (aio_read(next) != 0) return 6;
  if (aio_cancel(pipe.reader(), nullptr) != AIO_CANCELED) return 7;
  return aio_error(next) == ECANCELED ? 0 : 8;
}

char byte;
iovec parts[1024];

void fill_vector(aiocb& block) {
  for (iovec& part : parts) part = {.iov_base = &byte, .iov_len = 1};
  block.aio_lio_opcode = LIO_READV;
  block.aio_buf = parts;
  block.aio_nbytes = 1024;
}

void fill_plain(aiocb& block) {
  block.aio_lio_opcode = LIO_READ;
  block.aio_buf = &byte;
  block.aio_nbytes = 1;
}

}  // namespace

BOOST_TEST_DECORATOR(*support::without_sanitizer())
BOOST_AUTO_TEST_CASE(without_memory_for_a_vector_the_call_is_refused) {
  BOOST_TEST(support::run_in_child([] { return submit_until_refused(fill_vector, false); }) == 0);
}

BOOST_TEST_DECORATOR(*support::without_sanitizer())
BOOST_AUTO_TEST_CASE(without_memory_for_a_request_the_call_is_refused) {
  BOOST_TEST(support::run_in_child([] { return submit_until_refused(fill_plain, false); }) == 0);
}

BOOST_TEST_DECORATOR(*support::without_sanitizer())
BOOST_AUTO_TEST_CASE(without_memory_for_a_vector_a_list_says_which_were_not_queued) {
  BOOST_TEST(support::run_in_child([] { return submit_until_refused(fill_vector, true); }) == 0);
}

BOOST_TEST_DECORATOR(*support::without_sanitizer())
BOOST_AUTO_TEST_CASE(without_memory_for_a_list_the_call_is_refused) {
  BOOST_TEST(support::run_in_child([] { return submit_until_refused(fill_plain, true); }) == 0);
}

// Their records are mapped for 65,536 numbers at a time.
BOOST_TEST_DECORATOR(*support::without_sanitizer())
BOOST_AUTO_TEST_CASE(without_memory_for_a_descriptors_record_the_call_is_refused) {
  BOOST_TEST(support::run_in_child([] {
               const support::Channel pipe(support::ChannelKind::pipe);
               const support::Request first = support::Request::to_read(pipe.reader(), 1);
               if (aio_read(first) != 0) return 1;
               const support::Request read = support::Request::to_read(70'000, 1);
               {
                 const support::Limit limit(RLIMIT_AS, support::address_space_bytes());
                 if (aio_read(read) != -1 || errno != EAGAIN) return 2;
                 if (aio_error(read) == EINPROGRESS) return 3;
               }
               if (aio_read(read) != 0) return 4;
               return support::wait_done(read) == EBADF ? 0 : 5;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
