/* SPDX-License-Identifier: MIT
 * Reads the same eight blocks five times, and learns of the completions in five ways.
 *
 *   cc -o notifications notifications.c -lkaio-posix
 *   ./notifications FILE
 */
#define _GNU_SOURCE 1 /* O_DIRECT */
#include <kaio/aio.h>

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { block_bytes = 4096, block_count = 8 };

static struct aiocb requests[block_count];
static _Alignas(block_bytes) char blocks[block_count][block_bytes];

static void fail(const char* what) {
  perror(what);
  exit(EXIT_FAILURE);
}

/* Each request is told of as `event` says, with its own address as the value. */
static void start_reads(int fd, struct sigevent event) {
  for (int i = 0; i < block_count; ++i) {
    memset(&requests[i], 0, sizeof requests[i]);
    requests[i].aio_fildes = fd;
    requests[i].aio_offset = (off_t)i * block_bytes;
    requests[i].aio_buf = blocks[i];
    requests[i].aio_nbytes = block_bytes;
    requests[i].aio_sigevent = event;
    requests[i].aio_sigevent.sigev_value.sival_ptr = &requests[i];
    if (aio_read(&requests[i]) != 0) fail("aio_read");
  }
}

static void take_result(struct aiocb* request) {
  errno = aio_error(request);
  if (aio_return(request) < 0) fail("read");
}

/* Waits for any of a list of requests, and looks which one it is. */
static void by_suspend(int fd) {
  const struct aiocb* list[block_count];
  start_reads(fd, (struct sigevent){.sigev_notify = SIGEV_NONE});
  for (int i = 0; i < block_count; ++i) list[i] = &requests[i];
  for (int left = block_count; left > 0;) {
    if (aio_suspend(list, block_count, NULL) != 0 && errno != EINTR) fail("aio_suspend");
    for (int i = 0; i < block_count; ++i) {
      if (list[i] == NULL || aio_error(list[i]) == EINPROGRESS) continue;
      take_result(&requests[i]);
      list[i] = NULL;
      --left;
    }
  }
}

/* Waits for the next completion of any request of the process. */
static void by_waitcomplete(int fd) {
  start_reads(fd, (struct sigevent){.sigev_notify = SIGEV_NONE});
  for (int left = block_count; left > 0;) {
    struct aiocb* request;
    const ssize_t size_bytes = aio_waitcomplete(&request, NULL);
    if (request == NULL && errno == EINTR) continue;
    if (request == NULL || size_bytes < 0) fail("aio_waitcomplete");
    --left;
  }
}

static sem_t called;

static void on_completion(union sigval value) {
  take_result(value.sival_ptr);
  sem_post(&called);
}

/* Has a function called on another thread. */
static void by_callback(int fd) {
  if (sem_init(&called, 0, 0) != 0) fail("sem_init");
  start_reads(
      fd, (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_completion});
  for (int left = block_count; left > 0;)
    if (sem_wait(&called) == 0) --left;
}

static sigset_t signals;

/* Before any thread is made, also one that runs callbacks: each takes over what is blocked, and
 * a signal that only some have blocked would end the program in another one. */
static void block_signal(void) {
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN);
  if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) fail("sigprocmask");
}

/* Has a real-time signal sent, which queues, and fetches it. */
static void by_signal(int fd) {
  start_reads(fd, (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN});
  for (int left = block_count; left > 0;) {
    siginfo_t info;
    if (sigwaitinfo(&signals, &info) < 0) continue;
    if (info.si_code != SI_ASYNCIO) continue; /* somebody else's */
    take_result(info.si_value.sival_ptr);
    --left;
  }
}

/* Has an eventfd counted up, for a loop over poll() or epoll. */
static void by_eventfd(int fd) {
  const int event = eventfd(0, EFD_CLOEXEC);
  if (event < 0) fail("eventfd");
  start_reads(fd, (struct sigevent){.sigev_notify = SIGEV_EVENTFD, .sigev_notify_eventfd = event});
  for (uint64_t told = 0; told < block_count;) {
    uint64_t more;
    if (read(event, &more, sizeof more) != sizeof more) fail("read");
    told += more; /* so many requests are done */
  }
  for (int i = 0; i < block_count; ++i) take_result(&requests[i]);
  close(event);
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*read_blocks)(int fd);
  } ways[] = {{"aio_suspend", by_suspend},
              {"aio_waitcomplete", by_waitcomplete},
              {"SIGEV_THREAD", by_callback},
              {"SIGEV_SIGNAL", by_signal},
              {"SIGEV_EVENTFD", by_eventfd}};
  if (argc != 2) {
    fprintf(stderr, "Usage: notifications FILE\n");
    return 2;
  }
  int fd = open(argv[1], O_RDONLY | O_DIRECT);
  if (fd < 0 && errno == EINVAL) fd = open(argv[1], O_RDONLY); /* no O_DIRECT there */
  if (fd < 0) fail(argv[1]);
  block_signal();
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) {
    ways[i].read_blocks(fd);
    printf("%s: %d blocks\n", ways[i].name, block_count);
  }
  close(fd);
  return 0;
}
