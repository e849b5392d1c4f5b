/* SPDX-License-Identifier: MIT */
/**
 * @file kaio/prefixed.h
 * The functions of kaio/aio.h under names of their own.
 *
 * libkaio (-lkaio) holds the same engine as libkaio-posix, but defines none of the
 * names of <aio.h>: a program that links it keeps its C library's POSIX AIO, and
 * has kaio beside it. Each function does exactly what kaio/aio.h says of the one
 * whose name follows `kaio_`; an aiocb belongs to the library it was submitted to.
 */
#ifndef KAIO_PREFIXED_H
#define KAIO_PREFIXED_H

#include <kaio/aio.h>

struct aioinit; /* <aio.h> defines it with _GNU_SOURCE only */

#ifdef __cplusplus
extern "C" {
#endif

/** aio_read() of libkaio. */
int kaio_aio_read(struct aiocb* aiocbp);
/** aio_write() of libkaio. */
int kaio_aio_write(struct aiocb* aiocbp);
/** aio_fsync() of libkaio. */
int kaio_aio_fsync(int op, struct aiocb* aiocbp);
/** aio_error() of libkaio. */
int kaio_aio_error(const struct aiocb* aiocbp);
/** aio_return() of libkaio. */
ssize_t kaio_aio_return(struct aiocb* aiocbp);
/** aio_suspend() of libkaio. */
int kaio_aio_suspend(const struct aiocb* const list[], int nent, const struct timespec* timeout);
/** aio_cancel() of libkaio. */
int kaio_aio_cancel(int fildes, struct aiocb* aiocbp);
/** lio_listio() of libkaio. */
int kaio_lio_listio(int mode, struct aiocb* const list[], int nent, struct sigevent* sig);
/** aio_init() of libkaio. */
void kaio_aio_init(const struct aioinit* init);
/** aio_readv() of libkaio. */
int kaio_aio_readv(struct aiocb* aiocbp);
/** aio_writev() of libkaio. */
int kaio_aio_writev(struct aiocb* aiocbp);
/** aio_read2() of libkaio. */
int kaio_aio_read2(struct aiocb* aiocbp, int flags);
/** aio_write2() of libkaio. */
int kaio_aio_write2(struct aiocb* aiocbp, int flags);
/** aio_waitcomplete() of libkaio. */
ssize_t kaio_aio_waitcomplete(struct aiocb** aiocbp, const struct timespec* timeout);

#ifdef __cplusplus
}
#endif

#endif
