// SPDX-License-Identifier: MIT
// aio_read(), and its relatives aio_readv() and aio_read2().
#include "kaio/aio.h"
#include "posix/api/export.h"
#include "posix/api/rw_flags.h"
#include "posix/api/straight.h"
#include "posix/api/submit.h"

KAIO_ENTRY(int, aio_read, aiocb* control_block) {
  return kaio::sys::without_cancellation_of_sleep(
      [control_block] { return kaio::read_straight(control_block); });
}
KAIO_ALIAS_64(aio_read);

KAIO_EXPORT int aio_readv(aiocb* control_block) {
  return kaio::submit_shielded(control_block, {.opcode = kaio::Opcode::read, .vectored = true});
}

KAIO_EXPORT int aio_read2(aiocb* control_block, int flags) {
  if (!kaio::are_read_flags(flags)) return kaio::fail(EINVAL);
  return kaio::submit_shielded(control_block, {.opcode = kaio::Opcode::read,
                                               .vectored = (flags & AIO_OP2_VECTORED) != 0,
                                               .rw_flags = kaio::rw_flags_of(flags)});
}
