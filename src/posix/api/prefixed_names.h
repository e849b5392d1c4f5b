// SPDX-License-Identifier: MIT
// Included before everything else when the functions are compiled for libkaio
// (include/kaio/prefixed.h): what is defined as aio_read becomes kaio_aio_read.
#pragma once

#include "kaio/aio.h"

#define KAIO_PREFIXED_NAMES

#define aio_read kaio_aio_read
#define aio_write kaio_aio_write
#define aio_fsync kaio_aio_fsync
#define aio_error kaio_aio_error
#define aio_return kaio_aio_return
#define aio_suspend kaio_aio_suspend
#define aio_cancel kaio_aio_cancel
#define lio_listio kaio_lio_listio
#define aio_init kaio_aio_init
#define aio_readv kaio_aio_readv
#define aio_writev kaio_aio_writev
#define aio_read2 kaio_aio_read2
#define aio_write2 kaio_aio_write2
#define aio_waitcomplete kaio_aio_waitcomplete
