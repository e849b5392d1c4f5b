// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include "posix/api/export.h"
#include "posix/api/submit.h"

KAIO_ENTRY(int, aio_fsync, int operation, aiocb* control_block) {
  if (operation != O_SYNC && operation != O_DSYNC) return kaio::fail(EINVAL);
  if (::fcntl(control_block->aio_fildes, F_GETFL) < 0) return kaio::fail(EBADF);
  return kaio::submit_shielded(
      control_block,
      {.opcode = operation == O_SYNC ? kaio::Opcode::fsync : kaio::Opcode::fdatasync});
}
KAIO_ALIAS_64(aio_fsync);
