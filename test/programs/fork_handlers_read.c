/* SPDX-License-Identifier: MIT */
/* A program whose fork handlers do I/O in the child, before those of a library that registered its
 * own later: what they begin goes on, beside the threads that the child makes afterwards.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { block_bytes = 4096, reads_of_a_thread = 3000, late_threads = 3 };
static char path[] = "/tmp/kaio-fork-handlers-XXXXXX";
static int file;
static pthread_t early;
static int ends[2];
static struct aiocb by_handler;
static char handlers_block[block_bytes];

static void fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  _exit(1);
}

static void await(struct aiocb* request, const char* block) {
  const struct aiocb* list[] = {request};
  while (aio_error(request) == EINPROGRESS)
    if (aio_suspend(list, 1, NULL) != 0 && errno != EINTR) fail("aio_suspend");
  errno = aio_error(request);
  if (aio_return(request) != block_bytes || block[0] != 'k' || block[block_bytes - 1] != 'o')
    fail("a read");
}

static void begin(struct aiocb* request, char* block, int fd) {
  memset(request, 0, sizeof *request);
  memset(block, 0, block_bytes);
  request->aio_fildes = fd;
  request->aio_buf = block;
  request->aio_nbytes = block_bytes;
  if (aio_read(request) != 0) fail("aio_read");
}

static void* read_for_long(void* unused) {
  struct aiocb request;
  char block[block_bytes];
  for (int i = 0; i < reads_of_a_thread; ++i) {
    begin(&request, block, file);
    await(&request, block);
  }
  return unused;
}

static void in_child(void) {
  if (pipe(ends) != 0) fail("pipe");
  begin(&by_handler, handlers_block, ends[0]);
  if (pthread_create(&early, NULL, read_for_long, NULL) != 0) fail("pthread_create");
  usleep(1000); /* so that it has begun, mostly */
}

static int child(void) {
  pthread_t late[late_threads];
  char block[block_bytes];
  for (int i = 0; i < late_threads; ++i)
    if (pthread_create(&late[i], NULL, read_for_long, NULL) != 0) fail("pthread_create");
  if (pread(file, block, sizeof block, 0) != block_bytes) fail("pread");
  if (write(ends[1], block, sizeof block) != block_bytes) fail("write");
  await(&by_handler, handlers_block);
  for (int i = 0; i < late_threads; ++i) pthread_join(late[i], NULL);
  pthread_join(early, NULL);
  return 0;
}

int main(void) {
  char block[block_bytes];
  struct aiocb request;
  memset(block, 'k', sizeof block);
  block[block_bytes - 1] = 'o';
  file = mkstemp(path);
  if (file < 0) fail(path);
  unlink(path);
  if (write(file, block, sizeof block) != block_bytes) fail("write");
  if (pthread_atfork(NULL, NULL, in_child) != 0) fail("pthread_atfork");
  begin(&request, block, file);
  await(&request, block);
  for (int round = 0; round < 5; ++round) {
    int status;
    const pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
      alarm(30);
      _exit(child());
    }
    if (waitpid(pid, &status, 0) != pid) fail("waitpid");
    if (status != 0) {
      fprintf(stderr, "round %d: the child ended with %#x\n", round, (unsigned)status);
      return 1;
    }
  }
  return 0;
}
