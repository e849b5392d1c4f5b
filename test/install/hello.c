/* SPDX-License-Identifier: MIT */
#include <kaio/aio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int main(void) {
  char text[64];
  struct aiocb request = {.aio_fildes = open("hello.c", O_RDONLY),
                          .aio_buf = text,
                          .aio_nbytes = sizeof text,
                          .aio_sigevent = {.sigev_notify = SIGEV_NONE}};
  const struct aiocb* list[] = {&request};
  if (aio_read(&request) != 0) {
    perror("aio_read");
    return 1;
  }
  while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, NULL);
  printf("%zd bytes read by kaio\n", aio_return(&request));
  return 0;
}
