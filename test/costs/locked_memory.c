/* SPDX-License-Identifier: MIT */
/* How much memory a burst of writes locks in a program that locks all of its memory: threads of
 * kaio's take little of it, and allocate none, for which the C library would set up 64 MiB for
 * each. In a process of its own: where many threads have been, it sets up no more.
 *
 * Usage: locked-memory FILE, which it makes
 */
#include "costs.h"

#include <sys/mman.h>

enum { write_count = 64, most_kib = 4096 };

static long locked_kib(void) {
  FILE* const status = fopen("/proc/self/status", "r");
  if (status == NULL) fail("/proc/self/status");
  char line[256];
  long result_kib = -1;
  while (fgets(line, sizeof line, status) != NULL) sscanf(line, "VmLck: %ld", &result_kib);
  fclose(status);
  return result_kib;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0) fail(argv[1]);
  unlink(argv[1]);
  if (ftruncate(fd, write_count * block_bytes) != 0) fail("ftruncate");
  if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) fail("mlockall");
  const long before_kib = locked_kib();
  static struct aiocb requests[write_count];
  for (int i = 0; i < write_count; ++i) {
    requests[i].aio_fildes = fd;
    requests[i].aio_buf = "text";
    requests[i].aio_nbytes = 4;
    requests[i].aio_offset = (off_t)i * block_bytes;
    requests[i].aio_sigevent.sigev_notify = SIGEV_NONE;
    if (aio_write(&requests[i]) != 0) fail("aio_write");
  }
  for (int i = 0; i < write_count; ++i) {
    const struct aiocb* const list[] = {&requests[i]};
    while (aio_error(&requests[i]) == EINPROGRESS) aio_suspend(list, 1, NULL);
    errno = aio_error(&requests[i]);
    if (errno != 0 || aio_return(&requests[i]) != 4) fail("a write");
  }
  const long more_kib = locked_kib() - before_kib;
  printf("%ld KiB more are locked\n", more_kib);
  return more_kib <= most_kib ? 0 : 1;
}
