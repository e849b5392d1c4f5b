/* SPDX-License-Identifier: MIT */
/* For the programs beside it, each of which does one thing to be counted or timed. */
#pragma once

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { block_bytes = 4096 };

static inline void fail(const char* what) {
  perror(what);
  exit(1);
}

static inline void* allocate(size_t size_bytes) {
  void* memory =
      aligned_alloc(block_bytes, (size_bytes + block_bytes - 1) / block_bytes * block_bytes);
  if (memory == NULL) fail("aligned_alloc");
  memset(memory, 0, size_bytes);
  return memory;
}

static inline int64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* A file or device to be opened with O_DIRECT and this access mode, and its size in blocks.
 * Exit code 77: it cannot be. */
static inline int open_direct(const char* path, int access_mode, long* block_count) {
  const int fd = open(path, access_mode | O_DIRECT);
  if (fd < 0 && errno == EINVAL) exit(77);
  if (fd < 0) fail(path);
  *block_count = lseek(fd, 0, SEEK_END) / block_bytes;
  if (*block_count < 1) exit(77);
  return fd;
}

static inline void start_transfer(struct aiocb* request, int writes, int fd, void* buffer,
                                  long block) {
  request->aio_fildes = fd;
  request->aio_buf = buffer;
  request->aio_nbytes = block_bytes;
  request->aio_offset = block * block_bytes;
  request->aio_sigevent.sigev_notify = SIGEV_NONE;
  if ((writes ? aio_write(request) : aio_read(request)) != 0)
    fail(writes ? "aio_write" : "aio_read");
}

static inline void start_read(struct aiocb* request, int fd, void* buffer, long block) {
  start_transfer(request, 0, fd, buffer, block);
}

static inline void finish_transfer(struct aiocb* request) {
  errno = aio_error(request);
  if (errno != 0 || aio_return(request) != block_bytes) fail("a transfer");
}
