// SPDX-License-Identifier: MIT
#include "guarded_memory.h"

#include "trouble.h"

#include "support/aligned_buffer.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace random_test {
namespace {

using support::page_bytes;

// A guard, the aiocb's page, a guard, the buffer, a guard.
constexpr std::size_t block_page = page_bytes;
constexpr std::size_t buffer_place = 3 * page_bytes;
constexpr std::size_t all_bytes = buffer_place + GuardedMemory::buffer_bytes + page_bytes;
constexpr char untouched = 0x6b;

}  // namespace

GuardedMemory::GuardedMemory()
    : pages_(static_cast<char*>(
          ::mmap(nullptr, all_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
  if (pages_ == MAP_FAILED) throw std::bad_alloc{};
  ::mprotect(pages_ + block_page, page_bytes, PROT_READ | PROT_WRITE);
  ::mprotect(pages_ + buffer_place, buffer_bytes, PROT_READ | PROT_WRITE);
  // At the end of its page: what lies behind an aiocb is not touched either.
  block_place_ = (page_bytes - sizeof(aiocb)) / alignof(aiocb) * alignof(aiocb);
}

GuardedMemory::~GuardedMemory() { ::munmap(pages_, all_bytes); }

aiocb& GuardedMemory::block() const {
  return *reinterpret_cast<aiocb*>(pages_ + block_page + block_place_);
}

char* GuardedMemory::buffer(std::size_t size_bytes, bool aligned) const {
  char* end = pages_ + buffer_place + buffer_bytes;
  return aligned ? end - (size_bytes + 511) / 512 * 512 : end - size_bytes;
}

void GuardedMemory::retire(After how) {
  state_ = how;
  if (how == After::nothing) return;
  std::memset(pages_ + block_page, untouched, page_bytes);
  std::memset(pages_ + buffer_place, untouched, buffer_bytes);
  if (fault_now(Fault::late_write)) block().aio_nbytes = 1;
  if (how != After::no_access) return;
  ::mprotect(pages_ + block_page, page_bytes, PROT_NONE);
  ::mprotect(pages_ + buffer_place, buffer_bytes, PROT_NONE);
}

void GuardedMemory::prepare(const char* name) {
  if (state_ == After::nothing) return;
  ::mprotect(pages_ + block_page, page_bytes, PROT_READ | PROT_WRITE);
  ::mprotect(pages_ + buffer_place, buffer_bytes, PROT_READ | PROT_WRITE);
  const auto is_touched = [](char byte) { return byte != untouched; };
  const char* block_start = pages_ + block_page;
  const char* block_touched = std::find_if(block_start, block_start + page_bytes, is_touched);
  if (block_touched != block_start + page_bytes)
    report("%s: an aiocb was written to after its request had ended (byte %ld of it)", name,
           block_touched - block_start - static_cast<long>(block_place_));
  const char* buffer_start = pages_ + buffer_place;
  const char* buffer_end = buffer_start + buffer_bytes;
  const char* buffer_touched = std::find_if(buffer_start, buffer_end, is_touched);
  if (buffer_touched != buffer_end)
    report("%s: a buffer was written to after its request had ended (%ld bytes from its end)", name,
           buffer_end - buffer_touched);
  std::memset(&block(), 0, sizeof(aiocb));
  state_ = After::nothing;
}

}  // namespace random_test
