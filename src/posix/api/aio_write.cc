// SPDX-License-Identifier: MIT
// aio_write(), and its relatives aio_writev() and aio_write2().
#include "kaio/aio.h"
#include "posix/api/export.h"
#include "posix/api/rw_flags.h"
#include "posix/api/straight.h"
#include "posix/api/submit.h"

KAIO_ENTRY(int, aio_write, aiocb* control_block) {
  return kaio::sys::without_cancellation_of_sleep(
      [control_block] { return kaio::write_straight(control_block); });
}
KAIO_ALIAS_64(aio_write);

KAIO_EXPORT int aio_writev(aiocb* control_block) {
  return kaio::submit_shielded(control_block, {.opcode = kaio::Opcode::write, .vectored = true});
}

KAIO_EXPORT int aio_write2(aiocb* control_block, int flags) {
  if (!kaio::are_write_flags(flags)) return kaio::fail(EINVAL);
  return kaio::submit_shielded(control_block, {.opcode = kaio::Opcode::write,
                                               .vectored = (flags & AIO_OP2_VECTORED) != 0,
                                               .rw_flags = kaio::rw_flags_of(flags)});
}
