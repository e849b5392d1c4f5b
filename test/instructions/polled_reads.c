/* SPDX-License-Identifier: MIT */
/* Reads a cached block again and again, and finds each completion without waiting: by
 * kaio's POSIX functions, or by kernel AIO as a careful program uses it, which reads
 * the ring itself. For callgrind to count the instructions of both.
 *
 * Usage: polled-reads kaio|raw FILE COUNT
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { block_bytes = 4096 };
static char block[block_bytes];

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void read_by_kaio(int fd, long count) {
  struct aiocb request = {.aio_fildes = fd,
                          .aio_buf = block,
                          .aio_nbytes = block_bytes,
                          .aio_sigevent = {.sigev_notify = SIGEV_NONE}};
  for (long i = 0; i < count; ++i) {
    if (aio_read(&request) != 0) fail("aio_read");
    while (aio_error(&request) == EINPROGRESS) {
    }
    if (aio_return(&request) != block_bytes) fail("aio_return");
  }
}

struct ring {
  unsigned id, nr, head, tail, magic, compat, incompat, header_length;
  struct io_event events[];
};

static void read_raw(int fd, long count) {
  io_context_t context = NULL;
  if (io_setup(32, &context) != 0) fail("io_setup");
  struct ring* ring = (struct ring*)context;
  for (long i = 0; i < count; ++i) {
    struct iocb control, *list[] = {&control};
    io_prep_pread(&control, fd, block, block_bytes, 0);
    if (io_submit(context, 1, list) != 1) fail("io_submit");
    const unsigned head = ring->head;
    while (head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE)) {
    }
    const struct io_event event = ring->events[head];
    __atomic_store_n(&ring->head, (head + 1) % ring->nr, __ATOMIC_RELEASE);
    if (event.obj != &control || event.res != block_bytes) fail("the event");
  }
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int fd = open(argv[2], O_RDONLY);
  if (fd < 0) fail(argv[2]);
  if (pread(fd, block, block_bytes, 0) != block_bytes) fail("pread");
  const long count = atol(argv[3]);
  if (strcmp(argv[1], "kaio") == 0)
    read_by_kaio(fd, count);
  else
    read_raw(fd, count);
  return 0;
}
