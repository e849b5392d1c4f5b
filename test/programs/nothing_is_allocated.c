// SPDX-License-Identifier: MIT
/* Whether functions that a signal handler may call allocate by malloc(), which the handler may
 * have interrupted. This program's malloc() counts the calls from within them, once all
 * threads are there: what the start of one takes is not counted. */
#include <kaio/aio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

static __thread const char* volatile inside; /* the function that must not allocate */
static atomic_int allocations;
static atomic_int told;

static void note_allocation(void) {
  const char* function = inside;
  if (function == NULL) return;
  inside = NULL; /* as fprintf() may allocate */
  if (atomic_fetch_add(&allocations, 1) == 0) fprintf(stderr, "%s allocates\n", function);
  inside = function;
}

void* malloc(size_t size) {
  note_allocation();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  note_allocation();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  note_allocation();
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  note_allocation();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
void free(void* memory) {
  if (memory != NULL) note_allocation();
  __libc_free(memory);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                   void* argument) {
  static int (*real)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  const char* function = inside;
  inside = NULL;
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "pthread_create");
  const int outcome = real(thread, attributes, run, argument);
  inside = function;
  return outcome;
}

static void count_told(union sigval value) {
  (void)value;
  atomic_fetch_add(&told, 1);
}

static int failures;
#define CALL(expected, call)                       \
  do {                                             \
    inside = #call;                                \
    const long answer = (call);                    \
    inside = NULL;                                 \
    if (answer != (expected)) {                    \
      fprintf(stderr, "%s: %ld\n", #call, answer); \
      ++failures;                                  \
    }                                              \
  } while (0)

static char buffer[4096];
static int file, pipe_ends[2], counter;
static pthread_attr_t attributes;
enum { notifications = 4 };

static struct aiocb block_of(int fd, int notification) {
  struct aiocb block;
  memset(&block, 0, sizeof block);
  block.aio_fildes = fd;
  block.aio_buf = buffer;
  block.aio_nbytes = sizeof buffer;
  struct sigevent* event = &block.aio_sigevent;
  event->sigev_notify = SIGEV_NONE;
  if (notification == 1) {
    event->sigev_notify = SIGEV_EVENTFD;
    event->sigev_notify_eventfd = counter;
  } else if (notification >= 2) {
    event->sigev_notify = SIGEV_THREAD;
    event->sigev_notify_function = count_told;
    if (notification == 3) event->sigev_notify_attributes = &attributes;
  }
  return block;
}

static void end(struct aiocb* block, long result) {
  const struct aiocb* const list[] = {block};
  while (aio_error(block) == EINPROGRESS) CALL(0, aio_suspend(list, 1, NULL));
  CALL(0, aio_error(block));
  CALL(result, aio_return(block));
}

static void use_everything(int notification) {
  const long size = sizeof buffer;
  struct aiocb one = block_of(file, notification);
  CALL(0, aio_write(&one));
  end(&one, size);
  CALL(0, aio_read(&one));
  end(&one, size);
  CALL(0, aio_fsync(O_DSYNC, &one));
  end(&one, 0);
  struct iovec parts[40];
  for (int i = 0; i < 40; ++i) parts[i] = (struct iovec){buffer, 16};
  one.aio_buf = parts;
  one.aio_nbytes = 40;
  CALL(0, aio_readv(&one));
  end(&one, 640);

  struct aiocb waiting = block_of(pipe_ends[0], notification);
  CALL(0, aio_read(&waiting));
  CALL(AIO_CANCELED, aio_cancel(pipe_ends[0], &waiting));
  CALL(ECANCELED, aio_error(&waiting));
  CALL(0, aio_read(&waiting));
  CALL(AIO_CANCELED, aio_cancel(pipe_ends[0], NULL));
  CALL(0, aio_read(&waiting));
  if (write(pipe_ends[1], "x", 1) != 1) ++failures;
  end(&waiting, 1);

  static struct aiocb blocks[200];
  struct aiocb* list[200];
  for (int i = 0; i < 200; ++i) {
    blocks[i] = block_of(file, i % 50 == 0 ? notification : 0);
    blocks[i].aio_lio_opcode = i % 3 == 0 ? LIO_WRITE : LIO_READ;
    list[i] = &blocks[i];
  }
  CALL(0, lio_listio(LIO_WAIT, list, 200, NULL));
  struct aiocb of_list = block_of(file, notification);
  CALL(0, lio_listio(LIO_NOWAIT, list, 200, &of_list.aio_sigevent));
  for (int i = 0; i < 200; ++i) end(&blocks[i], size);
  usleep(10000); /* callbacks */
}

int main(void) {
  char name[] = "nothing-is-allocated-XXXXXX";
  file = mkstemp(name);
  if (file < 0 || unlink(name) != 0 || pipe(pipe_ends) != 0) return 2;
  counter = eventfd(0, EFD_NONBLOCK);
  cpu_set_t processors;
  if (pthread_attr_init(&attributes) != 0 ||
      sched_getaffinity(0, sizeof processors, &processors) != 0 ||
      pthread_attr_setaffinity_np(&attributes, sizeof processors, &processors) != 0)
    return 2;
  for (int round = 0; round < 3; ++round) {
    if (round == 2) atomic_store(&allocations, 0);
    for (int notification = 0; notification < notifications; ++notification)
      use_everything(notification);
  }
  fprintf(stderr, "%d allocations, %d failures, %d callbacks\n", atomic_load(&allocations),
          failures, atomic_load(&told));
  return allocations != 0 || failures != 0 || told == 0;
}
