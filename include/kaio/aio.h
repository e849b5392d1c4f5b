/* SPDX-License-Identifier: MIT */
/**
 * @file kaio/aio.h
 * POSIX asynchronous I/O on Linux kernel AIO.
 *
 * The functions of `<aio.h>`, as kaio carries them out, and kaio's extensions to
 * them. Usable from C and C++, beside the system's `<aio.h>`, which it includes.
 * Link with -lkaio-posix, or preload the library under a program that exists.
 *
 * Words used below
 *
 * - request: one operation described by a struct aiocb, from the call that
 *   accepts it (returns 0) until its completion.
 * - status: what aio_error() says of it; visible before any notification of it
 *   is sent.
 * - signal-safe: may be called from a signal handler, whatever it interrupted,
 *   once the process has made a request outside of one: it waits for no lock of
 *   the program's or the C library's, and does not call malloc(). See THREADS for
 *   the exception.
 * - THREADS: a call may find that a thread of kaio's is needed which is not there
 *   yet, or has ended after an idle time: for a notification, and where kernel AIO
 *   cannot do the transfer. It makes one by pthread_create(), which allocates. A
 *   handler that may have interrupted malloc(), free(), pthread_create(), fork()
 *   or dlopen() can meet itself there. aio_error(), aio_return() and
 *   aio_suspend() leave the making to kaio's reaper thread, and only make that
 *   one, if it is not there. It is there while a request is to be notified, or is
 *   held back until another one ends.
 * - CANCELLATION: a handler that runs on top of a cancellation point of the C
 *   library (read(), nanosleep() ...) can be cancelled at any instruction.
 *   aio_read(), aio_write(), aio_fsync() and their vectored and flagged forms are
 *   not made for that: a thread whose handlers call them has to disable
 *   cancellation in them.
 * - LIFETIME: an aiocb and its buffer belong to kaio from acceptance until the
 *   status is no longer EINPROGRESS; from that moment kaio touches neither. The
 *   sigevent, an iovec array and the list given to lio_listio() are copied at the
 *   call and may go as soon as it has returned. After completion the descriptor is
 *   not used; see doc/limits.md for closing one earlier.
 *
 * Every function is thread-safe. Only one thread at a time may submit, or take
 * the result of, one aiocb.
 */
#ifndef KAIO_AIO_H
#define KAIO_AIO_H

#include <aio.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- POSIX functions ------------------------------------------------------
 *
 * <aio.h> declares them. What is said of each here stands before its declaration,
 * which only the reference is made from. */
#ifdef KAIO_REFERENCE

/** Reads aio_nbytes (0..SSIZE_MAX) at byte aio_offset.           POSIX.1-2024
 *
 * 0: accepted. -1: nothing was queued; EINVAL aio_reqprio outside 0..20, unknown
 * sigev_notify, a signal number that does not exist, or an aiocb in progress;
 * EAGAIN no memory or thread for it. Anything else is the request's status: EBADF,
 * EINVAL, EFBIG, EOVERFLOW, EFAULT, EIO, ENOSPC, EPIPE, ECANCELED ... Never
 * blocks on I/O. Streams (pipes, sockets, terminals) ignore aio_offset.
 * Signal-safe. */
int aio_read(struct aiocb* aiocbp);

/** Writes, as aio_read() reads.                                  POSIX.1-2024 */
int aio_write(struct aiocb* aiocbp);

/** Synchronises after earlier requests.                          POSIX.1-2024
 *
 * op O_SYNC or O_DSYNC, else EINVAL; EBADF for a bad descriptor. Starts when
 * every request accepted earlier for the descriptor has completed. Of the aiocb
 * only aio_fildes and aio_sigevent are looked at. Signal-safe. */
int aio_fsync(int op, struct aiocb* aiocbp);

/** The status: EINPROGRESS, 0, ECANCELED, or the error number.   POSIX.1-2024
 *
 * Signal-safe. */
int aio_error(const struct aiocb* aiocbp);

/** Takes the result.                                             POSIX.1-2024
 *
 * Bytes transferred, or -1 when aio_error() names an error. Called again, or on
 * an aiocb never submitted, it answers as glibc does (the same value; 0); with
 * KAIO_STRICT=1 it fails with EINVAL. Signal-safe. */
ssize_t aio_return(struct aiocb* aiocbp);

/** Waits for one of the listed requests.                         POSIX.1-2024
 *
 * 0 as soon as one is done; EAGAIN after `timeout` (relative, monotonic clock;
 * zero or negative only looks); EINTR when a handler ran; EINVAL nent < 0 or
 * nanoseconds outside 0..999999999. NULL entries are skipped. A cancellation
 * point. Signal-safe. The list is read, not kept. A handler may leave the sleep
 * by siglongjmp(): completions may then come to other threads up to a second
 * late, once, and with KAIO_RING=0 not at all. */
int aio_suspend(const struct aiocb* const list[], int nent, const struct timespec* timeout);

/** Cancels one request, or (aiocbp NULL) all of a descriptor.    POSIX.1-2024
 *
 * AIO_CANCELED, AIO_NOTCANCELED, AIO_ALLDONE; -1 with EBADF, or EINVAL when the
 * aiocb is for another descriptor. What was cancelled has the status ECANCELED on
 * return. Signal-safe, except that a handler which interrupted kaio itself in this
 * thread is answered AIO_NOTCANCELED. */
int aio_cancel(int fildes, struct aiocb* aiocbp);

/** Submits a list.                                               POSIX.1-2024
 *
 * LIO_WAIT: 0 when all succeeded; EIO when one failed (its status tells); EINTR
 * when a handler ran (the requests go on). LIO_NOWAIT: 0 when queued, whatever
 * becomes of single elements (their status tells); `sig` fires once when all are
 * done, after the elements' own notifications: whoever gets it has been sent all
 * others (callbacks are begun in this order; one of an element that blocks may
 * still run). Both: EIO when an element was in progress already, EAGAIN when
 * elements could not be queued (their status is EAGAIN as well); EINVAL bad mode,
 * nent < 0 or bad `sig`. Elements: LIO_READ, LIO_WRITE, LIO_READV, LIO_WRITEV;
 * NULL and LIO_NOP are skipped. */
int lio_listio(int mode, struct aiocb* const list[], int nent, struct sigevent* sig);

/** Shapes the thread pool.                                              glibc
 *
 * May be called at any time: aio_threads bounds the thread pool, aio_num is the
 * number of requests to have memory ready for, aio_idle_time the seconds after
 * which an idle thread ends. The other members are ignored. */
void aio_init(const struct aioinit* init);

#endif

/* ---- Vectored I/O ------------------------------------------------ FreeBSD */

#define LIO_VECTORED 4                        /**< with LIO_READ or LIO_WRITE */
#define LIO_READV (LIO_VECTORED | LIO_READ)   /**< aio_readv(), in a list      */
#define LIO_WRITEV (LIO_VECTORED | LIO_WRITE) /**< aio_writev(), in a list     */

/** As aio_read(), with aio_buf pointing to an array of struct iovec and aio_nbytes
 * saying how many there are (0..1024, else the status is EINVAL). The array is
 * copied at the call; what it points to is not. Signal-safe. */
int aio_readv(struct aiocb* aiocbp);
/** As aio_write(), with an array as for aio_readv(). Signal-safe. */
int aio_writev(struct aiocb* aiocbp);

/* ---- Flags for one request ---------------------- FreeBSD aio_read2, Linux */

#define AIO_OP2_VECTORED 0x00010000  /**< aio_buf is an iovec array, as above */
#define AIO_OP2_HIPRI 0x00000001     /**< RWF_HIPRI: taken, but kernel AIO does not poll */
#define AIO_OP2_DSYNC 0x00000002     /**< RWF_DSYNC: this write as if O_DSYNC */
#define AIO_OP2_SYNC 0x00000004      /**< RWF_SYNC: this write as if O_SYNC */
#define AIO_OP2_APPEND 0x00000010    /**< RWF_APPEND: this write as if O_APPEND */
#define AIO_OP2_ATOMIC 0x00000040    /**< RWF_ATOMIC: torn-write protection, 6.11 */
#define AIO_OP2_DONTCACHE 0x00000080 /**< RWF_DONTCACHE: drop from cache, 6.14 */

/** As aio_read(), with `flags` an OR of the above, but for those of writes. An
 * unknown flag is EINVAL at the call; one that the kernel or file system does not
 * support gives the status EOPNOTSUPP. Signal-safe. */
int aio_read2(struct aiocb* aiocbp, int flags);
/** As aio_write(), with flags as aio_read2(). Signal-safe. */
int aio_write2(struct aiocb* aiocbp, int flags);

/* ---- Waiting for whichever request is next ----------------------- FreeBSD */

/** Waits for the next completion of any request whose result was not taken yet,
 * takes it as aio_return() would, and stores the address of its aiocb in
 * *aiocbp. Returns the result; -1 with errno set to the request's error; or -1
 * with *aiocbp NULL and errno EAGAIN (timeout, relative and monotonic; zero or
 * negative only looks; NULL waits for ever, but returns EAGAIN at once when
 * nothing is outstanding), EINTR, or EINVAL (nanoseconds out of range). Of
 * requests completed before the first call of this function in the process the
 * last 1,024 are remembered; after it, all. Not signal-safe.
 *
 * The aiocb is named and not touched, as its memory may be gone, or used again:
 * a request whose result was not taken by aio_return() before its aiocb was
 * freed or cleared is still returned, with the address that it had. Programs
 * that do so must not look into it. Of one that is still there aio_error() and
 * aio_return() say status and result as if this function had not been called,
 * with KAIO_STRICT=1 too. */
ssize_t aio_waitcomplete(struct aiocb** aiocbp, const struct timespec* timeout);

/* ---- Notification --------------------------------------------------------- */

/** @page notification Notification
 *
 * aio_sigevent.sigev_notify, and that of lio_listio()'s `sig`:
 *
 * - SIGEV_NONE: nothing.
 * - SIGEV_SIGNAL: sigev_signo with SI_ASYNCIO, sigev_value, our pid and uid;
 *   signal 0 (a zeroed aiocb) means nothing.
 * - SIGEV_THREAD_ID: the same, to the thread sigev_notify_thread_id (Linux).
 * - SIGEV_THREAD: sigev_notify_function(sigev_value) on a reused thread; on one of
 *   its own when sigev_notify_attributes is given (the attributes are copied at the
 *   call), or with the option callback_threads=fresh.
 * - SIGEV_EVENTFD: 1 is added to the eventfd sigev_notify_eventfd, which has to
 *   stay open until then (kaio).
 *
 * What a callback does to its thread. A reused thread (callback_threads=reuse,
 * the default) is made as it was before the next callback: signal mask,
 * scheduling policy, priority and nice value, processors, name, cancellation,
 * floating-point environment, uselocale(), errno; and, looked at less often,
 * I/O priority, timer slack, sigaltstack(), NUMA policy. After a callback that
 * changed what cannot be undone (user or group ids of the thread alone, a
 * directory of its own by unshare(), SCHED_IDLE of an ordinary user) another
 * thread takes over. The mask is that of the thread whose request asked for a
 * callback when there was no thread for any. thread_local variables and values
 * of pthread_setspecific() stay, and so do file-system ids, capabilities,
 * filters and namespaces that a callback gave to its thread. A function that
 * left its thread alone hundreds of times is trusted: a first change by it may
 * be seen by callbacks that begin within some tens of microseconds.
 *
 * With callback_threads=fresh each callback has a new thread, as POSIX words it,
 * with the default attributes, and nothing outlives it. 64 of them run at once;
 * if none of those ends for 2 ms, 64 more may, and so on up to 8,192. Without a
 * thread to be had, the callback runs on a reused one.
 */
#define SIGEV_EVENTFD 0x6b61 /**< of sigev_notify: add 1 to an eventfd */
#ifndef sigev_notify_eventfd
#define sigev_notify_eventfd sigev_signo /**< which one, for SIGEV_EVENTFD */
#endif
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid /**< gettid() of the thread, for SIGEV_THREAD_ID */
#endif

/* ---- Options and statistics ----------------------------------------- kaio */

/** Sets an option; the environment variable `KAIO_<NAME>` does the same at start.
 * Names, in lower case, with their values and defaults: kaio(7), "OPTIONS".
 * Returns 0, or -1 with EINVAL (unknown name, or value out of range) or EBUSY
 * (the option only counts before the first request). Not signal-safe. */
int kaio_set_option(const char* name, const char* value);

/** Requests by the way they took, why they left the first one, what was sent.
 * Counts since the start of the process, or since fork() in a child. New
 * members are only ever added at the end. */
struct kaio_statistics {
  uint64_t submitted;            /**< requests accepted */
  uint64_t completed;            /**< requests whose status became final */
  uint64_t cancelled;            /**< of those, with ECANCELED */
  uint64_t by_kernel;            /**< completed by kernel AIO */
  uint64_t by_pool;              /**< completed by a pool thread */
  uint64_t at_once;              /**< completed inside the submitting call */
  uint64_t io_submit_calls;      /**< io_submit() system calls */
  uint64_t io_getevents_calls;   /**< io_getevents() system calls */
  uint64_t reason_would_block;   /**< NOWAIT said EAGAIN: cold page, hole, extend */
  uint64_t reason_no_nowait;     /**< file or device without NOWAIT support */
  uint64_t reason_device_full;   /**< EAGAIN with others in flight: tried again */
  uint64_t reason_short;         /**< short transfer whose rest was continued */
  uint64_t reason_refused;       /**< kernel AIO cannot do it on this descriptor */
  uint64_t reason_not_ready;     /**< stream without data or room: waited for */
  uint64_t reason_ring_full;     /**< held back until a completion made room */
  uint64_t reason_unavailable;   /**< there is no kernel AIO in this process */
  uint64_t held_by_order;        /**< waited for an earlier request of its stream */
  uint64_t held_by_fence;        /**< aio_fsync() waited for earlier requests */
  uint64_t submitted_by_pool;    /**< io_submit() that may block, by pool thread */
  uint64_t waits_by_kernel_poll; /**< waits for readiness by IOCB_CMD_POLL */
  uint64_t waits_by_epoll;       /**< waits for readiness by the epoll thread */
  uint64_t notified_signal;      /**< signals queued */
  uint64_t notified_thread;      /**< callbacks started */
  uint64_t notified_eventfd;     /**< eventfd additions */
  uint64_t notification_retries; /**< signals, eventfds that had to be tried again */
  uint64_t threads_started;      /**< threads of kaio's, ever */
  uint64_t threads;              /**< threads of kaio's, now */
  uint64_t request_bytes;        /**< memory mapped for requests, lists, vectors */
  uint64_t by_caller;            /**< cached, and read by the submitting call */
};

/** Fills `*statistics` with at most `size_bytes` (sizeof *statistics) and returns
 * 0, or -1 with EINVAL when statistics is NULL. Counters are read one by one,
 * not as one snapshot. Signal-safe. KAIO_STATS=1 prints them at exit, and
 * `aio-run --stats SECONDS` shows them as they grow. */
int kaio_get_statistics(struct kaio_statistics* statistics, size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
