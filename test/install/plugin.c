/* SPDX-License-Identifier: MIT
 *
 * A plugin whose only function reads a part of the program by <aio.h>, or by libkaio when it
 * is compiled with BY_LIBKAIO.
 */
#ifdef BY_LIBKAIO
#include <kaio/prefixed.h>
#define aio_read kaio_aio_read
#define aio_error kaio_aio_error
#define aio_suspend kaio_aio_suspend
#define aio_return kaio_aio_return
#else
#include <aio.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static char buffer[64];

int plugin_reads(void);

int plugin_reads(void) {
  struct aiocb request;
  const struct aiocb* list[1] = {&request};
  memset(&request, 0, sizeof request);
  request.aio_fildes = open("/proc/self/exe", O_RDONLY);
  request.aio_buf = buffer;
  request.aio_nbytes = sizeof buffer;
  request.aio_sigevent.sigev_notify = SIGEV_NONE;
  if (aio_read(&request) != 0) return 1;
  while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, NULL);
  return aio_return(&request) != (ssize_t)sizeof buffer;
}
