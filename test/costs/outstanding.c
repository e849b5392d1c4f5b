/* SPDX-License-Identifier: MIT */
/* Keeps DEPTH O_DIRECT reads outstanding at random places, submits one for each that
 * ends, and takes them as they end (aio_waitcomplete), or oldest first, as a program does
 * that has only aio_suspend. Prints, of the COUNT reads after the first DEPTH:
 *
 *   time and processor time per read, both in ns;
 *   how old the oldest was when it was taken, in reads taken since it was submitted.
 *
 * `raw` is kernel AIO as people write it, for what the kernel itself takes: io_submit
 * then blocks while the device has no room, so its depth is one of intent.
 *
 * The buffers are few and shared, whatever the depth: what is to be seen is what kaio
 * and the kernel do for a request, not what caches do with 240 MB of buffers. That the
 * data is right is seen elsewhere, at a depth where it can be kept.
 *
 * Usage: outstanding any|oldest|raw FILE DEPTH COUNT
 */
#include "costs.h"

#include <kaio/aio.h>
#include <libaio.h>

enum { buffer_count = 64 };

static int fd;
static long block_count;
static struct aiocb* requests;
static long* submitted_at; /* of each request, in reads taken */
static char* buffers;
static int raw;
static io_context_t context;
static struct iocb* controls;
static uint64_t state = 88172645463325252u;

static void submit(long index, long taken) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  submitted_at[index] = taken;
  char* buffer = buffers + index % buffer_count * block_bytes;
  const long block = (long)(state % (uint64_t)block_count);
  if (!raw) {
    start_read(&requests[index], fd, buffer, block);
    return;
  }
  struct iocb* control = &controls[index];
  io_prep_pread(control, fd, buffer, block_bytes, block * block_bytes);
  errno = EAGAIN;
  if (io_submit(context, 1, &control) != 1) fail("io_submit");
}

/* The index of a read that is done, whose result is taken. */
static long take_any(void) {
  if (raw) {
    struct io_event event;
    if (io_getevents(context, 1, 1, &event, NULL) != 1 || event.res != block_bytes) fail("a read");
    return event.obj - controls;
  }
  struct aiocb* done = NULL;
  if (aio_waitcomplete(&done, NULL) != block_bytes)
    fail(done == NULL ? "aio_waitcomplete" : "a read");
  return done - requests;
}

static long take_oldest(long depth, long taken) {
  struct aiocb* oldest = &requests[taken % depth];
  const struct aiocb* list[] = {oldest};
  while (aio_error(oldest) == EINPROGRESS)
    if (aio_suspend(list, 1, NULL) != 0) fail("aio_suspend");
  finish_transfer(oldest);
  return taken % depth;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const int any = strcmp(argv[1], "oldest") != 0;
  raw = strcmp(argv[1], "raw") == 0;
  fd = open_direct(argv[2], O_RDONLY, &block_count);
  const long depth = atol(argv[3]);
  const long count = atol(argv[4]);
  requests = allocate((size_t)depth * sizeof *requests);
  controls = allocate((size_t)depth * sizeof *controls);
  submitted_at = allocate((size_t)depth * sizeof *submitted_at);
  buffers = allocate((size_t)buffer_count * block_bytes);
  /* So that from the first one on all results are kept. */
  struct aiocb* none;
  const struct timespec no_time = {0, 0};
  if (raw && io_setup((int)atol(argv[3]), &context) != 0) fail("io_setup");
  if (any && !raw && (aio_waitcomplete(&none, &no_time) != -1 || none != NULL))
    fail("aio_waitcomplete");
  for (long i = 0; i < depth; ++i) submit(i, 0);
  /* The first ones are over with: from now on DEPTH are outstanding all the time. */
  long taken = 0;
  long age_max = 0;
  int64_t begun_ns = 0;
  int64_t begun_cpu_ns = 0;
  for (; taken < depth + count; ++taken) {
    if (taken == depth) {
      begun_ns = clock_ns(CLOCK_MONOTONIC);
      begun_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    }
    const long index = any ? take_any() : take_oldest(depth, taken);
    const long age = taken - submitted_at[index];
    if (age > age_max) age_max = age;
    submit(index, taken);
  }
  const int64_t time_ns = clock_ns(CLOCK_MONOTONIC) - begun_ns;
  const int64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begun_cpu_ns;
  struct kaio_statistics statistics;
  kaio_get_statistics(&statistics, sizeof statistics);
  for (long i = 0; i < depth; ++i) {
    const long index = any ? take_any() : take_oldest(depth, taken++);
    if (taken - submitted_at[index] > age_max) age_max = taken - submitted_at[index];
  }
  printf("time_ns %ld cpu_ns %ld age_max %ld\n", (long)(time_ns / count), (long)(cpu_ns / count),
         age_max);
  fprintf(
      stderr,
      "submits %lu device_full %lu ring_full %lu by_pool %lu submitted_by_pool %lu threads %lu\n",
      statistics.io_submit_calls, statistics.reason_device_full, statistics.reason_ring_full,
      statistics.by_pool, statistics.submitted_by_pool, statistics.threads_started);
  return 0;
}
