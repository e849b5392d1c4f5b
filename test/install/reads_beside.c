/* SPDX-License-Identifier: MIT
 *
 * Reads a part of itself by libkaio, and by the C library's functions beside it; libkaio
 * counts its own request only. In C and in C++.
 */
#include <kaio/prefixed.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static char buffers[2][64];

static void prepare(struct aiocb* request, int index) {
  memset(request, 0, sizeof *request);
  request->aio_fildes = open("/proc/self/exe", O_RDONLY);
  request->aio_buf = buffers[index];
  request->aio_nbytes = sizeof buffers[index];
  request->aio_sigevent.sigev_notify = SIGEV_NONE;
}

int main(void) {
  struct aiocb ours, theirs;
  const struct aiocb* list[1];
  struct kaio_statistics counts;
  prepare(&ours, 0);
  prepare(&theirs, 1);
  list[0] = &ours;
  if (kaio_aio_read(&ours) != 0 || aio_read(&theirs) != 0) return 1;
  while (kaio_aio_error(&ours) == EINPROGRESS) kaio_aio_suspend(list, 1, NULL);
  list[0] = &theirs;
  while (aio_error(&theirs) == EINPROGRESS) aio_suspend(list, 1, NULL);
  if (kaio_aio_return(&ours) != 64 || aio_return(&theirs) != 64) return 1;
  if (kaio_get_statistics(&counts, sizeof counts) != 0 || counts.submitted != 1) return 1;
  return puts("read") < 0;
}
