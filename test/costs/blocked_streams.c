/* SPDX-License-Identifier: MIT */
/* Keeps COUNT reads of as many pipes and sockets waiting for data that does not come, and
 * reads a file by O_DIRECT meanwhile; then sends a byte to each, and sees all of them end.
 * ROUNDS times. Prints, for each round:
 *
 *   memory that the process takes for each of them, in bytes, beyond the program's own:
 *   for all but the first tenth, with which what there is once comes into being;
 *   threads of the process while they wait;
 *   time per read of the file, in ns, without them and beside them.
 *
 * Usage: blocked_streams FILE COUNT ROUNDS
 */
#include "costs.h"

#include <dirent.h>
#include <sys/socket.h>

enum { file_depth = 8, file_reads = 20000 };

struct stream {
  int reader, writer;
  char byte;
  struct aiocb request;
};

static int fd;
static long block_count;
static struct aiocb file_requests[file_depth];
static char* file_buffers;
static uint64_t state = 88172645463325252u;

static void start_file_read(int index) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  start_read(&file_requests[index], fd, file_buffers + index * block_bytes,
             (long)(state % (uint64_t)block_count));
}

static int64_t time_per_file_read_ns(void) {
  const int64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
  for (int i = 0; i < file_depth; ++i) start_file_read(i);
  for (int i = 0; i < file_reads; ++i) {
    struct aiocb* request = &file_requests[i % file_depth];
    const struct aiocb* list[] = {request};
    while (aio_error(request) == EINPROGRESS)
      if (aio_suspend(list, 1, NULL) != 0) fail("aio_suspend");
    finish_transfer(request);
    if (i < file_reads - file_depth) start_file_read(i % file_depth);
  }
  return (clock_ns(CLOCK_MONOTONIC) - begun_ns) / file_reads;
}

/* One descriptor for reading and writing. */
static int open_pipe(void) {
  int ends[2];
  char path[40];
  if (pipe(ends) != 0) exit(77);
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  const int both = open(path, O_RDWR);
  if (both < 0) fail(path);
  close(ends[0]);
  close(ends[1]);
  return both;
}

/* Every other one is a pipe; of a pair of sockets both are read. So each descriptor has a
 * read that waits: what a descriptor takes is counted as well, for those that have any. */
static void open_stream(struct stream* streams, long index) {
  struct stream* stream = &streams[index];
  if (index % 2 == 0) {
    stream->reader = stream->writer = open_pipe();
  } else if (index % 4 == 1) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) exit(77);
    stream->reader = ends[0];
    stream->writer = ends[1];
  } else {
    stream->reader = streams[index - 2].writer;
    stream->writer = streams[index - 2].reader;
  }
}

static void start_stream_read(struct stream* stream) {
  stream->request = (struct aiocb){.aio_fildes = stream->reader,
                                   .aio_buf = &stream->byte,
                                   .aio_nbytes = 1,
                                   .aio_sigevent = {.sigev_notify = SIGEV_NONE}};
  if (aio_read(&stream->request) != 0) fail("aio_read of a stream");
}

static void end_stream_read(struct stream* stream) {
  if (aio_error(&stream->request) != EINPROGRESS) fail("a stream's read ended by itself");
  if (write(stream->writer, "x", 1) != 1) fail("write");
  const struct aiocb* list[] = {&stream->request};
  while (aio_error(&stream->request) == EINPROGRESS)
    if (aio_suspend(list, 1, NULL) != 0) fail("aio_suspend");
  if (aio_return(&stream->request) != 1 || stream->byte != 'x') fail("a stream's read");
  stream->byte = 0;
}

/* Without pages of files, such as code. */
static long resident_bytes(void) {
  FILE* file = fopen("/proc/self/smaps_rollup", "r"); /* exact, where statm need not be */
  if (file == NULL) fail("/proc/self/smaps_rollup");
  char line[200];
  long size_kib = -1;
  while (size_kib < 0 && fgets(line, sizeof line, file) != NULL)
    sscanf(line, "Anonymous: %ld kB", &size_kib);
  fclose(file);
  if (size_kib < 0) fail("Anonymous");
  return size_kib * 1024;
}

static int thread_count(void) {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == NULL) fail("/proc/self/task");
  int count = 0;
  for (const struct dirent* entry; (entry = readdir(tasks)) != NULL;)
    if (entry->d_name[0] != '.') ++count;
  closedir(tasks);
  return count;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  fd = open_direct(argv[1], O_RDONLY, &block_count);
  const long count = atol(argv[2]);
  const long rounds = atol(argv[3]);
  file_buffers = allocate((size_t)file_depth * block_bytes);
  struct stream* streams = allocate((size_t)count * sizeof *streams);
  for (long i = 0; i < count; ++i) open_stream(streams, i);
  const long few = count / 10;
  double each_bytes = 0;
  for (long round = 0; round < rounds; ++round) {
    const int64_t alone_ns = time_per_file_read_ns();
    for (long i = 0; i < few; ++i) start_stream_read(&streams[i]);
    const long with_few_bytes = resident_bytes();
    for (long i = few; i < count; ++i) start_stream_read(&streams[i]);
    /* What was taken once stays. */
    if (round == 0)
      each_bytes = (double)(resident_bytes() - with_few_bytes) / (double)(count - few);
    const int64_t beside_ns = time_per_file_read_ns();
    const int threads = thread_count();
    for (long i = 0; i < count; ++i) end_stream_read(&streams[i]);
    printf("bytes_each %.1f threads %d alone_ns %ld beside_ns %ld\n", each_bytes, threads,
           (long)alone_ns, (long)beside_ns);
  }
  return 0;
}
