/* SPDX-License-Identifier: MIT
 *
 * Knows nothing of kaio: reads a part of itself by <aio.h>. Which library carried that out
 * is told by kaio's statistics (KAIO_STATS=1). In C and in C++.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static char buffer[64];

int main(void) {
  struct aiocb request;
  const struct aiocb* list[1];
  memset(&request, 0, sizeof request);
  request.aio_fildes = open("/proc/self/exe", O_RDONLY);
  request.aio_buf = buffer;
  request.aio_nbytes = sizeof buffer;
  request.aio_sigevent.sigev_notify = SIGEV_NONE;
  list[0] = &request;
  if (aio_read(&request) != 0) return 1;
  while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, NULL);
  if (aio_return(&request) != (ssize_t)sizeof buffer) return 1;
  return puts("read") < 0;
}
