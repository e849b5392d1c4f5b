/* SPDX-License-Identifier: MIT
 * Copies a file, with sixteen blocks on their way at a time. It needs nothing but POSIX, so
 * it runs on the C library's POSIX AIO and on kaio's.
 *
 *   cc -o copy_file copy_file.c -lkaio-posix
 *   ./copy_file FROM TO
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { block_bytes = 256 * 1024, block_count = 16 };

struct block {
  struct aiocb request;
  enum { idle, reading, writing } state;
  char data[block_bytes];
};

static struct block blocks[block_count];

static void fail(const char* what) {
  perror(what);
  exit(EXIT_FAILURE); /* what is still on its way uses memory that stays until then */
}

static void start_read(struct block* block, int from, off_t offset) {
  memset(&block->request, 0, sizeof block->request);
  block->request.aio_fildes = from;
  block->request.aio_offset = offset;
  block->request.aio_buf = block->data;
  block->request.aio_nbytes = block_bytes;
  block->request.aio_sigevent.sigev_notify = SIGEV_NONE;
  if (aio_read(&block->request) != 0) fail("aio_read");
  block->state = reading;
}

/* The same place and buffer, so only two members change. */
static void start_write(struct block* block, int to, size_t size_bytes) {
  block->request.aio_fildes = to;
  block->request.aio_nbytes = size_bytes;
  if (aio_write(&block->request) != 0) fail("aio_write");
  block->state = writing;
}

static void wait_for_any(void) {
  const struct aiocb* list[block_count];
  for (int i = 0; i < block_count; ++i)
    list[i] = blocks[i].state == idle ? NULL : &blocks[i].request;
  if (aio_suspend(list, block_count, NULL) != 0 && errno != EINTR) fail("aio_suspend");
}

/* The bytes that were transferred, of a request that is done. */
static size_t result_of(struct block* block) {
  const int error_number = aio_error(&block->request);
  const ssize_t size_bytes = aio_return(&block->request);
  if (error_number == 0) return (size_t)size_bytes;
  errno = error_number;
  fail(block->state == reading ? "read" : "write");
  return 0;
}

static void copy(int from, int to) {
  off_t next = 0;
  int busy_count = 0;
  for (int i = 0; i < block_count; ++i, ++busy_count, next += block_bytes)
    start_read(&blocks[i], from, next);
  while (busy_count > 0) {
    wait_for_any();
    for (int i = 0; i < block_count; ++i) {
      struct block* block = &blocks[i];
      if (block->state == idle || aio_error(&block->request) == EINPROGRESS) continue;
      const size_t size_bytes = result_of(block);
      if (block->state == reading && size_bytes > 0) {
        start_write(block, to, size_bytes);
      } else if (block->state == reading) { /* the end of the file */
        block->state = idle;
        --busy_count;
      } else if (size_bytes < block->request.aio_nbytes) {
        errno = ENOSPC;
        fail("write");
      } else {
        start_read(block, from, next);
        next += block_bytes;
      }
    }
  }
}

/* Starts when the writes are done, whichever are still on their way. */
static void make_durable(int to) {
  struct aiocb request;
  const struct aiocb* list[] = {&request};
  memset(&request, 0, sizeof request);
  request.aio_fildes = to;
  request.aio_sigevent.sigev_notify = SIGEV_NONE;
  if (aio_fsync(O_SYNC, &request) != 0) fail("aio_fsync");
  while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, NULL);
  errno = aio_error(&request);
  if (aio_return(&request) != 0) fail("fsync");
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "Usage: copy_file FROM TO\n");
    return 2;
  }
  const int from = open(argv[1], O_RDONLY);
  if (from < 0) fail(argv[1]);
  const int to = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (to < 0) fail(argv[2]);
  copy(from, to);
  make_durable(to);
  if (close(to) != 0) fail(argv[2]);
  close(from);
  return 0;
}
