/* SPDX-License-Identifier: MIT */
/*
 * Cancelling a read that is polled by the kernel, or about to be: it ends at once, and
 * once, whatever its poll does; the slot is used again only when the kernel has no poll
 * for it any more; no poll of a cancelled read stays.
 *
 *   here                 in the code
 *   dispatcher           an answer that would block: Dispatcher::poll_by_kernel (waiting.cc)
 *   ring_reaper          the poll's event: Dispatcher::on_result, end_poll
 *   canceller            Canceller::visit, Dispatcher::take_from_poll
 *   free, release_poll   Requests::free and release_poll (posix/order/requests.h)
 *   locked               the record's lock, under which a canceller sees the request
 *                        and completion takes it out
 *   life                 the slot's generation
 *
 * in_poll is the kernel's: the poll has been submitted and its event not been posted.
 * Data may come, or not. Sequentially consistent; in the code the state changes hands
 * by compare-and-exchange, and io_submit and io_cancel order the rest.
 *
 * holds: one cancels
 * holds: two cancel: -DCANCELLERS=2
 * holds: the kernel refuses the poll: -DREFUSED
 * holds: two cancel a poll that is refused: -DREFUSED -DCANCELLERS=2
 * fails: no look at the state after the poll is submitted: -DNO_SECOND_LOOK
 * fails: the canceller does not end the poll: -DNO_IO_CANCEL
 * fails: the event does not ask whose the request is: -DEVENT_WITHOUT_ASKING
 * fails: a refused poll does not ask whose the request is: -DREFUSED -DREFUSAL_WITHOUT_ASKING
 * fails: the slot is freed although its poll is pending: -DFREED_AT_ONCE
 * fails: the poll is noted after the state: -DNOTED_LATE
 */

#ifndef CANCELLERS
#define CANCELLERS 1
#endif

mtype = { starting, polling, finished, gone };
mtype state = starting;
mtype = { none, pending, orphaned };
mtype poll = none;
bool in_poll, submitting = true, event, locked;
byte life, ends, frees;
byte running;
bool was_cancelled;

inline take(ours) { atomic { ours = state == polling; if :: ours -> state = starting :: else fi } }

/* The slot can be used again; another request does so at once. */
inline reuse() {
  atomic {
    frees++;
    assert(frees == 1);
    assert(!in_poll && !event && !submitting); /* an event would be taken for the next one's */
    life = 1;
    state = gone
  }
}

/* The end of the request, its notification and aio_return(), and Requests::free(). */
inline complete() {
  atomic { ends++; assert(ends == 1 && life == 0) };
  state = finished;
  atomic { !locked -> skip }; /* leaves its record */
#ifdef FREED_AT_ONCE
  reuse();
#else
  if
  :: atomic { poll == pending -> poll = orphaned }
  :: atomic { poll == none -> skip }; reuse()
  fi
#endif
}

inline release_poll(was) {
  atomic { was = poll; poll = none };
  if
  :: was == orphaned -> reuse()
  :: else
  fi
}

inline io_cancel() { atomic { if :: in_poll -> in_poll = false; event = true :: else fi } }

proctype dispatcher() {
  bool ours;
  mtype was;
#ifndef NOTED_LATE
  poll = pending;
#endif
  state = polling;
#ifdef NOTED_LATE
  poll = pending;
#endif
#ifdef REFUSED
  submitting = false;
#ifdef REFUSAL_WITHOUT_ASKING
  ours = true;
#else
  take(ours);
#endif
  release_poll(was);
  if
  :: ours -> complete() /* by the watcher, say */
  :: else
  fi;
#else
  atomic { submitting = false; in_poll = true };
#ifndef NO_SECOND_LOOK
  if
  :: state != polling -> io_cancel()
  :: else
  fi;
#endif
#endif
  running--
}

/* Data comes, or never does. */
active proctype kernel() {
end:
  if
  :: true
  :: atomic { in_poll -> in_poll = false; event = true }
  fi
}

/* Whoever reaps. */
active proctype ring_reaper() {
  bool ours;
  mtype was;
end:
  do
  :: atomic { event -> event = false };
#ifdef EVENT_WITHOUT_ASKING
     ours = true;
#else
     take(ours);
#endif
     release_poll(was);
     if
     :: ours -> complete() /* reads what is there */
     :: else
     fi
  od
}

proctype canceller() {
  bool ours;
  do
  :: atomic { !locked -> locked = true };
     if
     :: life != 0 || state == finished || state == gone -> locked = false; break
     :: else ->
        take(ours);
        if
        :: ours ->
#ifndef NO_IO_CANCEL
           io_cancel();
#endif
           locked = false;
           was_cancelled = true;
           complete();
           break
        :: else -> locked = false; /* in motion: looks again */
           state == polling || state == finished || state == gone
        fi
     fi
  od;
  running--
}

init {
  byte i;
  atomic {
    running++;
    run dispatcher();
    for (i : 1 .. CANCELLERS) { running++; run canceller() }
  };
  running == 0;
  ends == 1;  /* ended, and not twice */
  frees == 1; /* and the kernel has let go of it: no poll is left behind */
  assert(!in_poll && poll == none)
}
