/* SPDX-License-Identifier: MIT
 *
 * A program whose main thread leaves by pthread_exit() ends when its own threads have, though
 * it has used asynchronous I/O: with glibc's it does. Each case in a child of its own.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t told;
static struct aiocb request;
static char buffer[4];

static void on_signal(int number) {
  (void)number;
  told = 1;
}
static void on_callback(union sigval value) {
  (void)value;
  told = 1;
}

static void nap(void) {
  const struct timespec ten_ms = {.tv_sec = 0, .tv_nsec = 10000000};
  nanosleep(&ten_ms, NULL);
}

/* Returns if anything went wrong. */
static void use_and_leave(int notify, int of_pipe) {
  int ends[2];
  const int file = open("/proc/self/exe", O_RDONLY);
  if (file < 0 || pipe(ends) != 0) return;
  memset(&request, 0, sizeof request);
  request.aio_fildes = of_pipe ? ends[0] : file;
  request.aio_buf = buffer;
  request.aio_nbytes = sizeof buffer;
  request.aio_sigevent.sigev_notify = notify;
  request.aio_sigevent.sigev_signo = SIGRTMIN;
  if (notify == SIGEV_THREAD) request.aio_sigevent.sigev_notify_function = on_callback;
  signal(SIGRTMIN, on_signal);
  if (aio_read(&request) != 0) return;
  nap();
  if (of_pipe && write(ends[1], "text", 4) != 4) return;
  while (aio_error(&request) == EINPROGRESS || (notify != SIGEV_NONE && !told)) nap();
  if (aio_return(&request) != sizeof buffer) return;
  pthread_exit(NULL);
}

static int ends_by_itself(const char* name, int notify, int of_pipe) {
  const pid_t child = fork();
  if (child == 0) {
    use_and_leave(notify, of_pipe);
    _exit(1);
  }
  for (int naps = 0; naps < 1000; ++naps) {
    int status;
    if (waitpid(child, &status, WNOHANG) == child) {
      printf("%s: %s\n", name, status == 0 ? "ended" : "went wrong");
      return status == 0;
    }
    nap();
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  printf("%s: still there after 10 s\n", name);
  return 0;
}

int main(void) {
  int good = 0;
  setvbuf(stdout, NULL, _IONBF, 0);
  good += ends_by_itself("file, callback", SIGEV_THREAD, 0);
  good += ends_by_itself("file, signal", SIGEV_SIGNAL, 0);
  good += ends_by_itself("pipe, nothing", SIGEV_NONE, 1);
  good += ends_by_itself("pipe, callback", SIGEV_THREAD, 1);
  return good == 4 ? 0 : 1;
}
