/* SPDX-License-Identifier: MIT */
/*
 * The reap lock and the ring: nobody waits for the lock, no event is left
 * behind, none is taken twice, whoever a signal handler interrupts.
 *
 *   here                 in the code
 *   reap()               RingReaper::reap, reap_now (posix/wait/ring_reaper.cc)
 *   hold, unlock         RingReaper::Hold
 *   take()               Ring::take (core/kernel/ring.h)
 *   submitter            io_submit that completes at once; or the reaper, woken by
 *                        the doorbell of an event
 *   handler              a signal handler, in the thread of `interrupted`, which
 *                        stands still meanwhile
 *
 * Sequentially consistent, as the code is at the lock and between the unlock and
 * the look. Weaker in the code: Ring::take moves the head with release and reads
 * the tail with acquire; the slot is not reused before that, by the kernel's own
 * barrier.
 *
 * holds: three pass by: -DEVENTS=3
 * holds: a handler, what it interrupts, and one more: -DEVENTS=3 -DHANDLER
 * fails: no look after the unlock: -DEVENTS=2 -DNO_LOOK_AFTER_UNLOCK
 * fails: a look before the unlock: -DEVENTS=2 -DLOOK_BEFORE_UNLOCK
 * fails: the head is stored, not exchanged: -DEVENTS=2 -DHANDLER -DSTORED_HEAD
 */

#define SLOTS (EVENTS + 1) /* as many as Context::reserve() lets in flight, and the free one */
#define FREE 255

byte slot[SLOTS];
byte head = EVENTS - 1, tail = EVENTS - 1; /* it soon begins again at 0 */
byte next_event;        /* the kernel has made so many */
byte handled[EVENTS];
byte owner = FREE;      /* the thread that holds the lock */
bool in_handler;        /* `interrupted` stands still */

#define FOLLOWING(place) (((place) + 1) % SLOTS)
#define EMPTY (head == tail)

/* The kernel, inside io_submit or at an interrupt. */
inline complete() {
  atomic {
    assert(FOLLOWING(tail) != head);
    slot[tail] = next_event;
    next_event++;
    tail = FOLLOWING(tail)
  }
}

inline take() {
  place = head;
  do
  :: place == tail -> got = FREE; break
  :: else ->
     event = slot[place];
#ifdef STORED_HEAD
     head = FOLLOWING(place); got = event; break
#else
     atomic {
       if
       :: head == place -> head = FOLLOWING(place); got = event; break
       :: else -> place = head
       fi
     }
#endif
  od
}

inline handle_all() {
  do
  :: take();
     if
     :: got == FREE -> break
     :: else -> assert(handled[got] == 0); handled[got]++
     fi
  od
}

inline reap(thread) {
  do
  :: EMPTY -> break
  :: else ->
     atomic {
       if
       :: owner == FREE -> owner = thread; acquired = true; nested = false
       :: else -> acquired = false; nested = owner == thread
       fi
     }
     if
     :: !acquired && !nested -> break
     :: else -> skip
     fi;
     handle_all();
#ifdef LOOK_BEFORE_UNLOCK
     looked_empty = EMPTY;
     if
     :: acquired -> owner = FREE
     :: else -> skip
     fi;
     if
     :: looked_empty -> break
     :: else -> skip
     fi
#else
     if
     :: acquired -> owner = FREE
     :: else -> skip
     fi
#ifdef NO_LOOK_AFTER_UNLOCK
     ; break
#endif
#endif
  od
}

/* What somebody does who passes by. */
inline submit_and_look(thread) {
  complete();
  reap(thread);
  running--
}

#define LOCALS byte place, event, got; bool acquired, nested, looked_empty

byte running;

proctype submitter(byte thread) { LOCALS; submit_and_look(thread) }

#ifdef HANDLER
proctype interrupted() provided (!in_handler) { LOCALS; submit_and_look(0) }

proctype handler() {
  LOCALS;
  in_handler = true;
  submit_and_look(0);
  in_handler = false
}
#endif

init {
  byte i;
  atomic {
    running = EVENTS;
#ifdef HANDLER
    run interrupted();
    run handler();
    for (i : 2 .. EVENTS - 1) { run submitter(i) }
#else
    for (i : 0 .. EVENTS - 1) { run submitter(i) }
#endif
  }
  running == 0;
  /* Everybody has gone: nothing is left that nobody will look for. */
  assert(EMPTY);
  for (i : 0 .. EVENTS - 1) { assert(handled[i] == 1) }
}
