/* SPDX-License-Identifier: MIT */
/* What aio_suspend takes for each request of a list of 1,000, in ns of the calling
 * thread's processor time. Of the difference to a list of 10, so that what a call costs
 * by itself does not count; the median of several rounds, a line for each way to wait:
 *
 *   looked_at  none is done, and the time to wait is 0
 *   found      the last one is done
 *   slept_for  none is done; then another thread sees to the last one's end
 *
 * All read pipes, which wait as long as it takes.
 *
 * Usage: listed-requests
 */
#include "costs.h"

#include <pthread.h>

enum { few = 10, many = 1000, round_count = 15 };

static struct aiocb requests[many];
static const struct aiocb* list[many];
static char bytes[many];
static int silent[2]; /* reads of it do not end */
static int spoken[2]; /* what the last one of a list reads */
static struct aiocb last;

static void begin(struct aiocb* request, int fd, char* byte) {
  *request = (struct aiocb){.aio_fildes = fd,
                            .aio_buf = byte,
                            .aio_nbytes = 1,
                            .aio_sigevent = {.sigev_notify = SIGEV_NONE}};
  if (aio_read(request) != 0) fail("aio_read");
}

static void speak(void) {
  if (write(spoken[1], "x", 1) != 1) fail("write");
}

static void* speak_later(void* unused) {
  const struct timespec later = {.tv_sec = 0, .tv_nsec = 2000000};
  nanosleep(&later, NULL);
  speak();
  return unused;
}

static void finish(struct aiocb* request) {
  const struct aiocb* const one[] = {request};
  if (aio_suspend(one, 1, NULL) != 0 || aio_error(request) != 0 || aio_return(request) != 1)
    fail("a read of a pipe");
}

/* Each: processor time of one aio_suspend over the first `count` requests. */

static int64_t looked_at(int count) {
  enum { calls = 50 };
  const struct timespec no_time = {0, 0};
  const int64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < calls; ++i)
    if (aio_suspend(list, count, &no_time) != -1 || errno != EAGAIN) fail("aio_suspend");
  return (clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns) / calls;
}

static int64_t wait_for_last(int count, int calls) {
  const struct aiocb* replaced = list[count - 1];
  list[count - 1] = &last;
  const int64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < calls; ++i)
    if (aio_suspend(list, count, NULL) != 0) fail("aio_suspend");
  const int64_t taken_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
  list[count - 1] = replaced;
  return taken_ns / calls;
}

static int64_t found(int count) {
  char byte;
  speak();
  begin(&last, spoken[0], &byte);
  const struct aiocb* const one[] = {&last};
  if (aio_suspend(one, 1, NULL) != 0) fail("aio_suspend");
  const int64_t taken_ns = wait_for_last(count, 50);
  finish(&last);
  return taken_ns;
}

static int64_t slept_for(int count) {
  char byte;
  pthread_t speaker;
  begin(&last, spoken[0], &byte);
  if (pthread_create(&speaker, NULL, speak_later, NULL) != 0) fail("pthread_create");
  const int64_t taken_ns = wait_for_last(count, 1);
  pthread_join(speaker, NULL);
  finish(&last);
  return taken_ns;
}

static int compare(const void* left, const void* right) {
  const double one = *(const double*)left;
  const double other = *(const double*)right;
  return (one > other) - (one < other);
}

static void measure(const char* name, int64_t (*wait)(int count)) {
  double figures[round_count];
  for (int i = 0; i < round_count; ++i) {
    const int64_t short_ns = wait(few);
    figures[i] = (double)(wait(many) - short_ns) / (many - few);
  }
  qsort(figures, round_count, sizeof *figures, compare);
  printf("%s %.1f\n", name, figures[round_count / 2]);
}

int main(void) {
  if (pipe(silent) != 0 || pipe(spoken) != 0) fail("pipe");
  for (int i = 0; i < many; ++i) {
    begin(&requests[i], silent[0], &bytes[i]);
    list[i] = &requests[i];
  }
  measure("looked_at", looked_at);
  measure("found", found);
  measure("slept_for", slept_for);
  for (int i = 0; i < many; ++i)
    if (write(silent[1], "x", 1) != 1) fail("write");
  for (int i = 0; i < many; ++i) finish(&requests[i]);
  return 0;
}
