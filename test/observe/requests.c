/* SPDX-License-Identifier: MIT */
/* Makes requests that somebody looks at from outside, and ends in one way or another. It
 * prints how many it has made, as soon as they are done.
 *
 * Usage: requests FILE COUNT MILLISECONDS END
 *   END: exit, _exit, kill, stay (until it is killed), fork (a child makes half as many and
 *   ends by _exit), exec (makes them once more as another program, and ends by _exit)
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { block_bytes = 4096 };
static char block[block_bytes] __attribute__((aligned(block_bytes)));

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void read_blocks(int fd, int count, int milliseconds) {
  const long pause_ns = count > 0 ? milliseconds * 1000000L / count : 0;
  const struct timespec pause = {pause_ns / 1000000000, pause_ns % 1000000000};
  for (int i = 0; i < count; ++i) {
    struct aiocb request = {.aio_fildes = fd,
                            .aio_buf = block,
                            .aio_nbytes = block_bytes,
                            .aio_sigevent = {.sigev_notify = SIGEV_NONE}};
    const struct aiocb* const list[] = {&request};
    if (aio_read(&request) != 0) fail("aio_read");
    while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, NULL);
    if (aio_return(&request) != block_bytes) fail("aio_return");
    nanosleep(&pause, NULL);
  }
  printf("%d %d\n", (int)getpid(), count);
  fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  int fd = open(argv[1], O_RDONLY | O_DIRECT);
  if (fd < 0) fd = open(argv[1], O_RDONLY);
  if (fd < 0) fail(argv[1]);
  const int count = atoi(argv[2]), milliseconds = atoi(argv[3]);
  read_blocks(fd, count, milliseconds);
  const char* const end = argv[4];
  if (strcmp(end, "fork") == 0) {
    const pid_t child = fork();
    if (child == 0) {
      read_blocks(fd, count / 2, milliseconds);
      _exit(0);
    }
    waitpid(child, NULL, 0);
  } else if (strcmp(end, "exec") == 0) {
    execl(argv[0], "another", argv[1], argv[2], argv[3], "_exit", (char*)NULL);
    fail(argv[0]);
  } else if (strcmp(end, "kill") == 0) {
    raise(SIGKILL);
  } else if (strcmp(end, "stay") == 0) {
    for (;;) pause();
  } else if (strcmp(end, "_exit") == 0) {
    _exit(5);
  }
  return 0;
}
