/* SPDX-License-Identifier: MIT */
/* A callback forks, and returns in the child as well. There nobody goes on: the child's only
 * thread ends, and the child with it. The parent's next callbacks are not concerned. */
#include <kaio/aio.h>

#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { round_count = 10, limit_s = 30 };

static sem_t called;
static pid_t child;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void fork_and_return(union sigval value) {
  (void)value;
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(limit_s); /* a child that does not end is ended, and seen */
    return;
  }
  child = pid;
  sem_post(&called);
}

int main(void) {
  char byte;
  const int fd = open("/proc/self/exe", O_RDONLY);
  if (fd < 0) fail("/proc/self/exe");
  sem_init(&called, 0, 0);
  alarm(limit_s + 10);
  for (int round = 0; round < round_count; ++round) {
    struct aiocb request = {.aio_fildes = fd,
                            .aio_buf = &byte,
                            .aio_nbytes = 1,
                            .aio_sigevent = {.sigev_notify = SIGEV_THREAD}};
    request.aio_sigevent.sigev_notify_function = fork_and_return;
    if (aio_read(&request) != 0) fail("aio_read");
    while (sem_wait(&called) != 0) {
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child) fail("the child");
    if (status != 0) {
      fprintf(stderr, "the child ended with %#x\n", (unsigned)status);
      return 1;
    }
    if (aio_error(&request) != 0 || aio_return(&request) != 1) fail("the read");
  }
  return 0;
}
