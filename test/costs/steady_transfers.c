/* SPDX-License-Identifier: MIT */
/* Keeps DEPTH O_DIRECT reads or writes in flight until COUNT are done, and looks for those done
 * by aio_error alone, or sleeps in aio_suspend until one is. For strace to count.
 *
 * Usage: steady-transfers error|suspend read|write FILE DEPTH COUNT
 */
#include "costs.h"

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const int sleeps = strcmp(argv[1], "suspend") == 0;
  const int writes = strcmp(argv[2], "write") == 0;
  long block_count;
  const int fd = open_direct(argv[3], writes ? O_RDWR : O_RDONLY, &block_count);
  const long depth = atol(argv[4]);
  const long count = atol(argv[5]);
  struct aiocb* requests = allocate((size_t)depth * sizeof *requests);
  char* buffers = allocate((size_t)depth * block_bytes);
  const struct aiocb** list = allocate((size_t)depth * sizeof *list);
  long begun = 0;
  for (; begun < depth; ++begun) {
    list[begun] = &requests[begun];
    start_transfer(&requests[begun], writes, fd, buffers + begun * block_bytes,
                   begun % block_count);
  }
  for (long done = 0; done < count;) {
    if (sleeps && aio_suspend(list, (int)depth, NULL) != 0) fail("aio_suspend");
    for (long i = 0; i < depth; ++i) {
      if (list[i] == NULL || aio_error(&requests[i]) == EINPROGRESS) continue;
      finish_transfer(&requests[i]);
      ++done;
      list[i] = NULL;
      if (begun == count) continue;
      list[i] = &requests[i];
      start_transfer(&requests[i], writes, fd, buffers + i * block_bytes, begun++ % block_count);
    }
  }
  return 0;
}
