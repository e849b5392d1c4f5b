// SPDX-License-Identifier: MIT
// Who is on a descriptor, in one word: how many requests, and what the next one has to
// know before it may join them. A request that needs no order enters and leaves by one
// atomic step on it; nobody takes the record's mutex.
//
// Listed requests are in DescriptorRecord::all, where others can find them: those that
// wait, or hold somebody back, or go another way than straight into the ring. They enter
// with the mutex held. Unlisted ones are only counted, as far as they can be. They are on
// their way into the ring or in it; one whose answer takes it elsewhere is listed first
// (order::enlist). So whatever can be cancelled is listed.
//
// Unlisted may enter, with no question asked:
//   - a request that finds nobody here. It has the turn of its direction, because what the
//     descriptor is may not be known yet;
//   - one that goes in a direction that is known to need no order, while nobody waits for the
//     end of others (`awaited`). Reads that are under way with RWF_NOWAIT tell as much.
//
// Waiting. With the mutex held a request that may have to wait raises `awaited`, and
// then looks whether there is anybody to wait for. One that leaves gives up its turn and its
// place in the count by the same step that finds `awaited` raised or not. So either the
// one that waits sees that there is nobody, or the one that leaves knows that it must see
// to those that wait (order::detach_or_leave).
//
// What is known of the descriptor is forgotten by the step that takes the last one away,
// before that one's status is published: a program that sees its last request done may
// close the number. `epoch` tells whoever found out something slowly whether that happened.
//
// Both counters go round. `epoch` is compared within one call that has, or had, a request on
// the descriptor: to be fooled it would have to be preempted while the descriptor was used
// and left exactly 16,384 times, or a multiple, by requests that take two system calls each,
// and had become a stream besides. `fd_generation` is compared as long as a request is outstanding:
// to be taken for one of the present file, a request of a former one would have to outlast 128
// changes of the number that were noticed; it is still found out wherever identity is
// compared, and could let one request of a stream start early.
//
// test/model/occupancy.pml has this as a model that spin exhausts: to be changed together.
#pragma once

#include "core/traits.h"
#include "posix/request/request.h"

namespace kaio {

// Places in the word, from the lowest.
struct OccupancyLayout {
  static constexpr unsigned unlisted_width = 11, listed_width = 22, fd_generation_width = 7,
                            epoch_width = 14;
  static constexpr unsigned listed_shift = unlisted_width;
  static constexpr unsigned fd_generation_shift = listed_shift + listed_width;
  static constexpr unsigned epoch_shift = fd_generation_shift + fd_generation_width;
  static constexpr unsigned flags_shift = epoch_shift + epoch_width;
  static_assert(flags_shift + 10 == 64);

  static constexpr std::uint64_t unlisted_one = 1;
  static constexpr std::uint64_t listed_one = std::uint64_t{1} << listed_shift;
  static constexpr std::uint64_t fd_generation_one = std::uint64_t{1} << fd_generation_shift;
  static constexpr std::uint64_t epoch_one = std::uint64_t{1} << epoch_shift;
  static constexpr std::uint64_t flag_one = std::uint64_t{1} << flags_shift;

  static constexpr std::uint64_t unlisted_mask = listed_one - unlisted_one;
  static constexpr std::uint64_t listed_mask = fd_generation_one - listed_one;
  static constexpr std::uint64_t fd_generation_mask = epoch_one - fd_generation_one;
  static constexpr std::uint64_t epoch_mask = flag_one - epoch_one;
  static constexpr std::uint32_t listed_max = (1u << listed_width) - 1;
  static constexpr std::uint8_t fd_generation_max = (1u << fd_generation_width) - 1;

  static constexpr std::uint64_t known = flag_one, awaited = flag_one << 1;
  static constexpr std::uint64_t unordered_reads = flag_one << 2, unordered_writes = flag_one << 3;
  static constexpr std::uint64_t careful_reads = flag_one << 4, careful_writes = flag_one << 5;
  static constexpr std::uint64_t turn_reads = flag_one << 6, turn_writes = flag_one << 7;
  static constexpr std::uint64_t cached_reads = flag_one << 8;
  static constexpr std::uint64_t unlimited_writes = flag_one << 9;
  // What is known of a file, and not guessed.
  static constexpr std::uint64_t forgotten_with_file =
      unordered_reads | unordered_writes | unlimited_writes;
  static constexpr std::uint64_t guesses = careful_reads | careful_writes | cached_reads;

  static constexpr std::uint64_t unordered(bool to_read) {
    return to_read ? unordered_reads : unordered_writes;
  }
  static constexpr std::uint64_t careful(bool to_read) {
    return to_read ? careful_reads : careful_writes;
  }
  static constexpr std::uint64_t turn(bool to_read) { return to_read ? turn_reads : turn_writes; }
};

class Occupancy : private OccupancyLayout {
 public:
  // A view of the word.
  class View {
   public:
    explicit constexpr View(std::uint64_t bits) noexcept : bits_(bits) {}
    // No word of a descriptor that somebody has entered.
    static constexpr View none() noexcept { return View(0); }
    constexpr bool is_none() const noexcept { return bits_ == 0; }
    constexpr std::uint32_t unlisted() const noexcept {
      return static_cast<std::uint32_t>(bits_ & unlisted_mask);
    }
    constexpr std::uint32_t listed() const noexcept {
      return static_cast<std::uint32_t>((bits_ & listed_mask) >> listed_shift);
    }
    constexpr std::uint32_t total() const noexcept { return unlisted() + listed(); }
    constexpr bool empty() const noexcept { return (bits_ & (unlisted_mask | listed_mask)) == 0; }
    constexpr std::uint8_t fd_generation() const noexcept {
      return static_cast<std::uint8_t>((bits_ & fd_generation_mask) >> fd_generation_shift);
    }
    constexpr std::uint16_t epoch() const noexcept {
      return static_cast<std::uint16_t>((bits_ & epoch_mask) >> epoch_shift);
    }
    constexpr bool is_known() const noexcept { return (bits_ & known) != 0; }
    constexpr bool reads_are_cached() const noexcept { return (bits_ & cached_reads) != 0; }
    // RLIMIT_FSIZE does not matter to what is written.
    constexpr bool writes_are_unlimited() const noexcept { return (bits_ & unlimited_writes) != 0; }
    constexpr bool is_unordered(bool to_read) const noexcept {
      return (bits_ & unordered(to_read)) != 0;
    }
    // Whether one of that direction may enter unlisted, if it needs nothing besides.
    constexpr bool lets_in(bool to_read) const noexcept {
      return (bits_ & (awaited | careful(to_read))) == 0 && (is_unordered(to_read) || empty());
    }
    constexpr bool has_turn(bool to_read) const noexcept { return (bits_ & turn(to_read)) != 0; }

   private:
    std::uint64_t bits_;
  };

  // seq_cst: what has been raised is raised before this look.
  View now() const noexcept { return View(word_.load(std::memory_order_seq_cst)); }

  // Without the mutex. False: by the record's mutex and list. `known_only`: also if it is
  // not known what the descriptor is, though it would not matter now.
  bool enter_unlisted(Request& request, bool known_only) noexcept {
    const bool to_read = request.operation.is_read();
    const View now = enter(to_read, known_only ? known : 0, 0);
    if (now.is_none()) return false;
    request.listed = false;
    request.has_turn = !now.is_unordered(to_read);
    request.fd_generation = now.fd_generation() & fd_generation_max;
    return true;
  }
  // The same for one that makes its first attempt with that, and of which nothing else is to be
  // noted. Returns how it is then. A read does not enter if reads are probably of a file that is
  // cached.
  View enter_to_read(Request& request, Attempt attempt) noexcept {
    return note(request, attempt, true, enter(true, 0, cached_reads));
  }
  // `unlimited`: only if writes are known to be.
  View enter_to_write(Request& request, Attempt attempt, bool unlimited) noexcept {
    return note(request, attempt, false, enter(false, unlimited ? unlimited_writes : 0, 0));
  }

  // Before the status is published. True: somebody waits for the end of others.
  bool leave(const Request& request) noexcept {
    return leave(word_.load(std::memory_order_relaxed), request,
                 request.listed ? listed_one : unlisted_one);
  }
  bool leave_unlisted(const Request& request) noexcept {
    std::uint64_t bits = word_.load(std::memory_order_relaxed);
    if ((bits & (unlisted_mask | listed_mask)) == unlisted_one &&
        word_.compare_exchange_strong(bits, left_empty(bits), std::memory_order_seq_cst,
                                      std::memory_order_relaxed))
      return false;
    return leave(bits, request, unlisted_one);
  }

  // Reads are probably of a file that is cached. No mutex needed.
  void guess_cached_reads(bool are) noexcept { guess(cached_reads, are); }

  // A read with RWF_NOWAIT is under way: the descriptor is no stream, which would have
  // answered at once, one way or the other. By whom it is, or was: `epoch`, seen before. Does
  // not overrule what somebody has asked the kernel. No mutex needed.
  void know_reads_unordered(std::uint16_t epoch) noexcept {
    std::uint64_t bits = word_.load(std::memory_order_relaxed);
    do {
      if ((bits & (known | unordered_reads)) != 0 || View(bits).empty() ||
          View(bits).epoch() != epoch)
        return;
    } while (!word_.compare_exchange_weak(bits, bits | unordered_reads, std::memory_order_relaxed,
                                          std::memory_order_relaxed));
  }

  // All below with the record's mutex held.

  // Returns how it was before.
  View enter_listed(Request& request) noexcept {
    request.listed = true;
    request.has_turn = false;
    const View before(word_.fetch_add(listed_one, std::memory_order_seq_cst));
    request.fd_generation = before.fd_generation() & fd_generation_max;
    return before;
  }
  // One that has entered is listed from now on.
  void list(Request& request) noexcept {
    request.listed = true;
    word_.fetch_add(listed_one - unlisted_one, std::memory_order_seq_cst);
  }

  void take_turn(Request& request) noexcept {
    request.has_turn = true;
    word_.fetch_or(turn(request.operation.is_read()), std::memory_order_seq_cst);
  }

  void raise_awaited() noexcept { word_.fetch_or(awaited, std::memory_order_seq_cst); }
  void lower_awaited() noexcept { word_.fetch_and(~awaited, std::memory_order_seq_cst); }

  // Transfers of that direction are to be looked at more closely.
  void guess_careful(bool to_read, bool is) noexcept { guess(careful(to_read), is); }

  // What the descriptor is has been found out, since `asked` was seen. False: too late,
  // those that were here then have left.
  bool know(const DescriptorTraits& traits, View asked) noexcept {
    std::uint64_t bits = word_.load(std::memory_order_seq_cst);
    std::uint64_t next = 0;
    do {
      if (View(bits).empty() || View(bits).epoch() != asked.epoch()) return false;
      next = (bits & ~forgotten_with_file) | known;
      if (has_no_size_limit(traits.kind)) next |= unlimited_writes;
      if (!traits.is_stream()) {
        if (!traits.refuses_nowait_reads) next |= unordered(true);
        if (!traits.append && !traits.refuses_nowait_writes) next |= unordered(false);
      }
      // Those who find it known find the traits by the mutex. The order is for those who
      // find their direction unordered without it.
    } while (!word_.compare_exchange_weak(bits, next, std::memory_order_seq_cst,
                                          std::memory_order_seq_cst));
    return true;
  }

  // The number is another file now; nothing is known of it, and nobody has the turn.
  void begin_fd_generation() noexcept {
    std::uint64_t bits = word_.load(std::memory_order_seq_cst);
    std::uint64_t next = 0;
    do {
      next = bits & ~(fd_generation_mask | known | forgotten_with_file | turn_reads | turn_writes);
      next |= (bits + fd_generation_one) & fd_generation_mask;
    } while (!word_.compare_exchange_weak(bits, next, std::memory_order_seq_cst,
                                          std::memory_order_seq_cst));
  }

 private:
  static View note(Request& request, Attempt attempt, bool to_read, View now) noexcept {
    if (!now.is_none())
      static_cast<Progress&>(request) = Progress{
          .attempt = attempt,
          .has_turn = !now.is_unordered(to_read),
          .fd_generation = static_cast<std::uint8_t>(now.fd_generation() & fd_generation_max)};
    return now;
  }

  // It enters only if each flag of `needed` is there, and none of `refused`. Returns how it is
  // then, or none.
  View enter(bool to_read, std::uint64_t needed, std::uint64_t refused) noexcept {
    std::uint64_t bits = word_.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
      if ((bits & (awaited | careful(to_read) | refused)) != 0) return View::none();
      if ((bits & needed) != needed) return View::none();
      if ((bits & unordered(to_read)) != 0) {
        if ((bits & unlisted_mask) == unlisted_mask) return View::none();
        next = bits + unlisted_one;
      } else {
        if (!View(bits).empty()) return View::none();
        next = (bits | turn(to_read)) + unlisted_one;
      }
      // acquire pairs with the release in leave(): a request that is alone here comes after all
      // that the others did.
    } while (!word_.compare_exchange_weak(bits, next, std::memory_order_acquire,
                                          std::memory_order_relaxed));
    return View(next);
  }

  // The word when the last one has left: what is known is forgotten, and who had the turn.
  static constexpr std::uint64_t left_empty(std::uint64_t bits) noexcept {
    // Where the epoch goes round it carries into the flag above it.
    static_assert(known == epoch_mask + epoch_one);
    return ((bits & (fd_generation_mask | guesses | epoch_mask)) + epoch_one) & ~known;
  }

  bool leave(std::uint64_t bits, const Request& request, std::uint64_t one) noexcept {
    std::uint64_t next = 0;
    do {
      next = bits - one;
      if (View(next).empty()) {
        next = left_empty(bits);
      } else if (request.has_turn && View(bits).fd_generation() == request.fd_generation) {
        next &= ~turn(request.operation.is_read());
      }
      // seq_cst: before the look at who waits, and at who has the mutex.
    } while (!word_.compare_exchange_weak(bits, next, std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
    return (next & awaited) != 0;
  }

  // Guesses outlive the requests, and the file.
  void guess(std::uint64_t what, bool is) noexcept {
    if (is) {
      word_.fetch_or(what, std::memory_order_relaxed);
    } else {
      word_.fetch_and(~what, std::memory_order_relaxed);
    }
  }

  std::atomic<std::uint64_t> word_{0};
};

}  // namespace kaio
