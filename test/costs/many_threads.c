/* SPDX-License-Identifier: MIT */
/* THREADS threads sleep in aio_suspend, and one request after the other is seen to its
 * end while all of them sleep. Prints how often a thread, kaio's too, went to sleep for
 * each one that should have been woken: 1 if only that one is, and a little for those
 * of kaio that saw to it; THREADS if all are.
 *
 *   own    each waits for a read of its own, again and again; one is woken at a time
 *   timed  the same, with a time limit
 *   lists  the same, with 200 others in the list: more than futex_waitv takes
 *   any    each waits in aio_waitcomplete for whichever ends
 *   same   all of them wait for the same read, then for the next; all are woken
 *   disk   each reads FILE by O_DIRECT, one block after the other, and sleeps for it
 *
 * All but the last read pipes: those end when they are told to.
 *
 * Usage: many-threads own|timed|lists|any|same|disk THREADS [FILE]
 */
#include "costs.h"

#include <kaio/aio.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { threads_max = 64, rounds = 200, reads_each = 500, others = 200 };

/* So that all sleep again: long, since the machine may be busy. */
static const struct timespec until_all_sleep = {.tv_sec = 0, .tv_nsec = 1000000};

static int thread_count;
static const struct timespec* time_limit;
static int other_count;
static int silent[2];
static int pipes[rounds][2]; /* by thread, or by round for `same` */
static struct aiocb same[rounds];
static atomic_long ended; /* waits that were ended, of all threads */
static int disk_fd;
static long block_count;
static pthread_barrier_t started;

static void begin(struct aiocb* request, int fd, char* byte) {
  *request = (struct aiocb){.aio_fildes = fd,
                            .aio_buf = byte,
                            .aio_nbytes = 1,
                            .aio_sigevent = {.sigev_notify = SIGEV_NONE}};
  if (aio_read(request) != 0) fail("aio_read");
}

static void* wait_for_own(void* index) {
  static struct aiocb silent_requests[threads_max][others];
  const long self = (long)(intptr_t)index;
  struct aiocb request;
  char byte;
  char other_byte;
  const struct aiocb* list[others + 1];
  for (int i = 0; i < other_count; ++i) {
    begin(&silent_requests[self][i], silent[0], &other_byte);
    list[i] = &silent_requests[self][i];
  }
  list[other_count] = &request;
  begin(&request, pipes[self][0], &byte);
  pthread_barrier_wait(&started);
  for (int ends = 0; !ends;) {
    if (aio_suspend(list, other_count + 1, time_limit) != 0) fail("aio_suspend");
    if (aio_error(&request) == EINPROGRESS) fail("aio_suspend returned for nothing");
    if (aio_return(&request) != 1) fail("a read of a pipe");
    ends = byte == 'e';
    if (!ends) begin(&request, pipes[self][0], &byte);
    ++ended;
  }
  return NULL;
}

static void* wait_for_any(void* index) {
  static struct aiocb reads[threads_max];
  static char bytes[threads_max];
  const long self = (long)(intptr_t)index;
  begin(&reads[self], pipes[self][0], &bytes[self]);
  pthread_barrier_wait(&started);
  for (int ends = 0; !ends;) {
    struct aiocb* request;
    if (aio_waitcomplete(&request, time_limit) != 1) fail("aio_waitcomplete");
    const long its = request - reads;
    ends = bytes[its] == 'e';
    if (!ends) begin(request, pipes[its][0], &bytes[its]);
    ++ended;
  }
  return NULL;
}

static void* wait_for_same(void* unused) {
  pthread_barrier_wait(&started);
  for (int round = 0; round < rounds; ++round) {
    const struct aiocb* const list[] = {&same[round]};
    if (aio_suspend(list, 1, NULL) != 0) fail("aio_suspend");
    ++ended;
  }
  return unused;
}

static void* read_disk(void* index) {
  struct aiocb request = {0};
  void* buffer = allocate(block_bytes);
  const struct aiocb* const list[] = {&request};
  unsigned place = (unsigned)(intptr_t)index;
  pthread_barrier_wait(&started);
  for (int i = 0; i < reads_each; ++i) {
    start_read(&request, disk_fd, buffer, rand_r(&place) % block_count);
    while (aio_error(&request) == EINPROGRESS)
      if (aio_suspend(list, 1, NULL) != 0) fail("aio_suspend");
    finish_transfer(&request);
    ++ended;
  }
  free(buffer);
  return NULL;
}

/* Of all threads but this one. */
static long sleep_count(void) {
  struct rusage all;
  struct rusage own;
  getrusage(RUSAGE_SELF, &all);
  getrusage(RUSAGE_THREAD, &own);
  return all.ru_nvcsw - own.ru_nvcsw;
}

static void tell(int pipe_index, const char* byte) {
  if (write(pipes[pipe_index][1], byte, 1) != 1) fail("write");
}

static void await_ended(long wanted) {
  while (ended < wanted) nanosleep(&until_all_sleep, NULL);
  nanosleep(&until_all_sleep, NULL);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  static char bytes[rounds];
  static const struct timespec long_time = {.tv_sec = 600, .tv_nsec = 0};
  const char* way = argv[1];
  const int is_same = strcmp(way, "same") == 0;
  const int is_disk = strcmp(way, "disk") == 0;
  const int is_any = strcmp(way, "any") == 0;
  thread_count = atoi(argv[2]);
  if (thread_count < 1 || thread_count > threads_max) return 2;
  if (strcmp(way, "timed") == 0) time_limit = &long_time;
  if (strcmp(way, "lists") == 0) other_count = others;
  if (is_disk) {
    if (argc < 4) return 2;
    disk_fd = open_direct(argv[3], O_RDONLY, &block_count);
  }
  if (pipe(silent) != 0) fail("pipe");
  for (int i = 0; i < (is_same ? rounds : thread_count); ++i) {
    if (pipe(pipes[i]) != 0) fail("pipe");
    if (is_same) begin(&same[i], pipes[i][0], &bytes[i]);
  }
  pthread_barrier_init(&started, NULL, (unsigned)thread_count + 1);
  pthread_t threads[threads_max];
  for (long i = 0; i < thread_count; ++i)
    if (pthread_create(&threads[i], NULL,
                       is_same   ? wait_for_same
                       : is_disk ? read_disk
                       : is_any  ? wait_for_any
                                 : wait_for_own,
                       (void*)(intptr_t)i) != 0)
      fail("pthread_create");
  pthread_barrier_wait(&started);
  if (!is_disk) await_ended(0);
  const long slept_before = sleep_count();
  long woken = 0;
  if (is_disk) {
    for (int i = 0; i < thread_count; ++i) pthread_join(threads[i], NULL);
    woken = ended;
  } else {
    for (int round = 0; round < rounds; ++round) {
      tell(is_same ? round : round % thread_count, "x");
      woken += is_same ? thread_count : 1;
      await_ended(woken);
    }
  }
  const long slept = sleep_count() - slept_before;
  printf("%.2f\n", (double)slept / (double)woken);
  if (!is_same && !is_disk)
    for (int i = 0; i < thread_count; ++i) tell(i, "e");
  if (!is_disk)
    for (int i = 0; i < thread_count; ++i) pthread_join(threads[i], NULL);
  return 0;
}
