// SPDX-License-Identifier: MIT
// <aio.h> replaces every name by its 64 alias here.
#undef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#include <aio.h>
#include <cerrno>
#include <cstddef>

int read_with_large_offsets(int fd, void* buffer, std::size_t size_bytes, long offset);

int read_with_large_offsets(int fd, void* buffer, std::size_t size_bytes, long offset) {
  aiocb block{};
  block.aio_fildes = fd;
  block.aio_buf = buffer;
  block.aio_nbytes = size_bytes;
  block.aio_offset = offset;
  const aiocb* const list[] = {&block};
  if (aio_read(&block) != 0) return -1;
  while (aio_error(&block) == EINPROGRESS)
    if (aio_suspend(list, 1, nullptr) != 0 && errno != EINTR) return -2;
  return static_cast<int>(aio_return(&block));
}
