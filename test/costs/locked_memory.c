/* SPDX-License-Identifier: MIT */
/* How much memory a burst of writes locks in a program that locks all of its memory: threads of
 * kaio's take little of it, and allocate none, for which the C library would set up 64 MiB for
 * each. In a process of its own: where many threads have been, it sets up no more.
 *
 * As an ordinary user, who may lock 8 MiB, with a few callbacks besides, which count with their
 * whole stack: nothing is refused.
 *
 * Usage: locked-memory FILE [user]; it makes the file. Exit code 77: the user may not lock so much,
 * or the program alone takes more.
 */
#include "costs.h"

#include <sys/mman.h>

enum { write_count = 64, most_kib = 4096, callback_count = 4, user_id = 65534 };

static volatile int called;

static void note_call(union sigval value) {
  (void)value;
  __atomic_add_fetch(&called, 1, __ATOMIC_SEQ_CST);
}

static void become_ordinary_user(void) {
  const struct rlimit limit = {8 << 20, 8 << 20};
  if (getuid() == 0 && (setgid(user_id) != 0 || setuid(user_id) != 0)) fail("setuid");
  if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) exit(77);
}

static void be_called(int fd) {
  for (int i = 0; i < callback_count; ++i) {
    static char text[block_bytes];
    static struct aiocb request;
    request = (struct aiocb){.aio_fildes = fd, .aio_buf = text, .aio_nbytes = sizeof text};
    request.aio_sigevent.sigev_notify = SIGEV_THREAD;
    request.aio_sigevent.sigev_notify_function = note_call;
    if (aio_read(&request) != 0) fail("aio_read");
    for (int tries = 0; called != i + 1; ++tries) {
      if (tries == 1000) fail("a callback is lost");
      usleep(10000);
    }
    if (aio_return(&request) != sizeof text) fail("a read");
  }
}

static long locked_kib(void) {
  FILE* const status = fopen("/proc/self/status", "r");
  if (status == NULL) fail("/proc/self/status");
  char line[256];
  long result_kib = -1;
  while (fgets(line, sizeof line, status) != NULL) sscanf(line, "VmLck: %ld", &result_kib);
  fclose(status);
  return result_kib;
}

int main(int argc, char** argv) {
  const int as_user = argc == 3 && strcmp(argv[2], "user") == 0;
  if (argc != 2 && !as_user) return 2;
  const int fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0) fail(argv[1]);
  unlink(argv[1]);
  if (ftruncate(fd, write_count * block_bytes) != 0) fail("ftruncate");
  if (as_user) become_ordinary_user();
  if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
    if (as_user) exit(77);
    fail("mlockall");
  }
  const long before_kib = locked_kib();
  static struct aiocb requests[write_count];
  for (int i = 0; i < write_count; ++i) {
    requests[i].aio_fildes = fd;
    requests[i].aio_buf = "text";
    requests[i].aio_nbytes = 4;
    requests[i].aio_offset = (off_t)i * block_bytes;
    requests[i].aio_sigevent.sigev_notify = SIGEV_NONE;
    if (aio_write(&requests[i]) != 0) fail("aio_write");
  }
  for (int i = 0; i < write_count; ++i) {
    const struct aiocb* const list[] = {&requests[i]};
    while (aio_error(&requests[i]) == EINPROGRESS) aio_suspend(list, 1, NULL);
    errno = aio_error(&requests[i]);
    if (errno != 0 || aio_return(&requests[i]) != 4) fail("a write");
  }
  const long more_kib = locked_kib() - before_kib;
  printf("%ld KiB more are locked\n", more_kib);
  if (as_user) be_called(fd);
  return more_kib <= most_kib ? 0 : 1;
}
