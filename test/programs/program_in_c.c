/* SPDX-License-Identifier: MIT
 *
 * A program in C with kaio's own header: copies a file with several reads in
 * flight, then shows that the extensions can be called from C.
 */
#include <kaio/aio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(condition)                                                                \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
      exit(1);                                                                          \
    }                                                                                   \
  } while (0)

enum { BLOCK_BYTES = 4096, BLOCK_COUNT = 8, FILE_BYTES = 100000 };

static struct aiocb requests[BLOCK_COUNT];
static char buffers[BLOCK_COUNT][BLOCK_BYTES];

static int make_file(void) {
  const char* directory = getenv("KAIO_TEST_DIR");
  char path[4096];
  int fd;
  snprintf(path, sizeof path, "%s/kaio-test-XXXXXX", directory ? directory : "/var/tmp");
  fd = mkstemp(path);
  CHECK(fd >= 0);
  unlink(path);
  return fd;
}

static ssize_t wait_for(struct aiocb* request) {
  const struct aiocb* const list[] = {request};
  while (aio_error(request) == EINPROGRESS) aio_suspend(list, 1, NULL);
  return aio_return(request);
}

static void start(int (*submit)(struct aiocb*), int index, int fd, size_t size_bytes,
                  off_t offset) {
  struct aiocb* request = &requests[index];
  memset(request, 0, sizeof *request);
  request->aio_fildes = fd;
  request->aio_buf = buffers[index];
  request->aio_nbytes = size_bytes;
  request->aio_offset = offset;
  request->aio_sigevent.sigev_notify = SIGEV_NONE;
  CHECK(submit(request) == 0);
}

static void copy(int from, int to) {
  off_t offset = 0;
  ssize_t part_bytes = 1;
  while (part_bytes > 0) {
    ssize_t sizes[BLOCK_COUNT];
    int index;
    for (index = 0; index < BLOCK_COUNT; ++index)
      start(aio_read, index, from, BLOCK_BYTES, offset + index * BLOCK_BYTES);
    for (index = 0; index < BLOCK_COUNT; ++index)
      CHECK((sizes[index] = wait_for(&requests[index])) >= 0);
    for (index = 0; index < BLOCK_COUNT; ++index)
      start(aio_write, index, to, (size_t)sizes[index], offset + index * BLOCK_BYTES);
    for (index = 0; index < BLOCK_COUNT; ++index) CHECK(wait_for(&requests[index]) == sizes[index]);
    part_bytes = sizes[BLOCK_COUNT - 1];
    offset += BLOCK_COUNT * BLOCK_BYTES;
  }
}

static void use_the_extensions(int fd) {
  struct iovec pieces[2] = {{buffers[0], 10}, {buffers[1], 20}};
  struct aiocb request, *done = NULL;
  struct kaio_statistics statistics;
  struct timespec long_time = {10, 0}, no_time = {0, 0};
  eventfd_t count = 0;
  int event = eventfd(0, 0);
  CHECK(event >= 0);
  do /* what the copying left */
    aio_waitcomplete(&done, &no_time);
  while (done != NULL);

  memset(&request, 0, sizeof request);
  request.aio_fildes = fd;
  request.aio_buf = pieces;
  request.aio_nbytes = 2;
  request.aio_sigevent.sigev_notify = SIGEV_EVENTFD;
  request.aio_sigevent.sigev_notify_eventfd = event;
  CHECK(aio_readv(&request) == 0);
  CHECK(aio_waitcomplete(&done, &long_time) == 30);
  CHECK(done == &request);
  CHECK(eventfd_read(event, &count) == 0 && count == 1);
  CHECK(aio_write2(&request, AIO_OP2_VECTORED | AIO_OP2_DSYNC) == 0);
  CHECK(wait_for(&request) == 30);
  CHECK(kaio_get_statistics(&statistics, sizeof statistics) == 0);
  CHECK(statistics.submitted > 2);
  CHECK(kaio_set_option("no such option", "1") == -1 && errno == EINVAL);
  close(event);
}

int main(void) {
  int from = make_file(), to = make_file(), index;
  static char content[FILE_BYTES], copied[FILE_BYTES + 1];
  for (index = 0; index < FILE_BYTES; ++index) content[index] = (char)(index * 7 + index / 251);
  CHECK(write(from, content, FILE_BYTES) == FILE_BYTES);
  copy(from, to);
  CHECK(pread(to, copied, sizeof copied, 0) == FILE_BYTES);
  CHECK(memcmp(content, copied, FILE_BYTES) == 0);
  use_the_extensions(to);
  close(from);
  close(to);
  return 0;
}
