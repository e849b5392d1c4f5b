/* SPDX-License-Identifier: MIT */
/*
 * Ending without waiting: a completer that finds the record's mutex taken leaves its
 * request to the holder. No finished request stays in the record with nobody to
 * take it out, none is taken out, or notified, twice.
 *
 *   here                 in the code
 *   completer            Completer::complete: order::detach_or_leave, then send
 *   detach_or_leave()    the same (posix/order/order.cc)
 *   release()            RecordLock::release
 *   holder               whoever holds a RecordLock: admission, cancellation; later
 *                        the same frame holds a leaf mutex, and drains when it leaves
 *   handler              a completer in a signal handler that interrupted the holder,
 *                        which stands still: it must not wait
 *   left                 DescriptorRecord::finished, a stack taken as a whole
 *   aside, drain()       posix/request/deferred.h: the thread's own, drained by its
 *                        outermost frame, Dispatcher::drain -> notify
 *
 * Sequentially consistent. In the code unlock is a release, push and the looks are
 * seq_cst, and a full fence stands between unlock and look, and between push and
 * try_lock: what this model takes for granted.
 *
 * holds: two completers and a holder: -DCOMPLETERS=2
 * holds: three completers: -DCOMPLETERS=3 -DNO_HOLDER
 * holds: a handler interrupts the holder: -DCOMPLETERS=2 -DHANDLER
 * fails: no look after the unlock: -DCOMPLETERS=2 -DNO_LOOK
 * fails: a look before the unlock: -DCOMPLETERS=2 -DLOOK_BEFORE_UNLOCK
 * fails: one attempt at the lock only: -DCOMPLETERS=2 -DONE_ATTEMPT
 * fails: what was left is read, not taken: -DCOMPLETERS=3 -DNO_HOLDER -DREAD_NOT_TAKEN
 * fails: the completer goes on with what it left: -DCOMPLETERS=2 -DGOES_ON
 * fails: the handler waits for the lock: -DCOMPLETERS=2 -DHANDLER -DHANDLER_WAITS
 * fails: a frame that a handler interrupted leaves without draining: -DCOMPLETERS=2 -DHANDLER -DNO_FRAME
 */

byte left;       /* bit r: request r lies there */
bool locked;
byte detached[COMPLETERS], notified[COMPLETERS];
bool in_handler;
byte running;

#define LOCALS byte taken, aside, r; bool got_it

inline detach(which) {
  assert(locked);
  assert(detached[which] == 0);
  detached[which]++
}

inline notify(which) {
  assert(notified[which] == 0);
  assert(detached[which] == 1);
  notified[which]++
}

inline take_all() {
#ifdef READ_NOT_TAKEN
  taken = left;
  left = 0;
#else
  atomic { taken = left; left = 0 };
#endif
  r = 0;
  do
  :: taken == 0 -> break
  :: taken & (1 << r) ->
     detach(r);
     d_step { aside = aside | (1 << r); taken = taken & ~(1 << r) }
  :: !(taken & (1 << r)) && taken != 0 -> r++
  od;
  r = 0
}

inline try_lock() {
  atomic {
    got_it = !locked;
    locked = true
  }
}

inline release() {
  do
  :: take_all();
#ifdef LOOK_BEFORE_UNLOCK
     got_it = left == 0;
     locked = false;
     if
     :: got_it -> break
     :: else
     fi;
#else
     locked = false;
#endif
#ifdef NO_LOOK
     break
#else
     if
     :: left == 0 -> break
     :: else
     fi;
     try_lock();
     if
     :: !got_it -> break
     :: else
     fi
#endif
  od;
  got_it = false
}

inline detach_or_leave(mine) {
#ifdef HANDLER_WAITS
  atomic { !locked -> locked = true; got_it = true };
#else
  try_lock();
#endif
  if
  :: got_it -> detach(mine); release(); notify(mine)
  :: else ->
     atomic { assert(!(left & (1 << mine))); left = left | (1 << mine) };
#ifndef ONE_ATTEMPT
     try_lock();
     if
     :: got_it -> release()
     :: else
     fi;
#endif
#ifdef GOES_ON
     notify(mine)
#else
     skip
#endif
  fi
}

inline drain() {
  r = 0;
  do
  :: aside == 0 -> break
  :: aside & (1 << r) -> notify(r); aside = aside & ~(1 << r)
  :: !(aside & (1 << r)) && aside != 0 -> r++
  od;
  r = 0
}

proctype completer(byte mine) {
  LOCALS;
  detach_or_leave(mine);
  drain();
  running--
}

#ifndef NO_HOLDER
byte set_aside; /* by the handler, for the thread that it interrupted */
bool in_leaf;   /* that thread holds another mutex of ours: deferred::must_put_aside */

proctype holder() provided (!in_handler) {
  LOCALS;
  atomic { !locked -> locked = true };
  skip; /* admission */
  release();
  drain();
  in_leaf = true; /* for example Retrieval::next */
  in_leaf = false;
#ifndef NO_FRAME
  atomic { aside = set_aside; set_aside = 0 };
  drain();
#endif
  running--
}
#endif

#ifdef HANDLER
proctype handler(byte mine) {
  LOCALS;
  in_handler = true;
  detach_or_leave(mine);
  if
  :: in_leaf -> d_step { set_aside = aside; aside = 0 }
  :: else -> drain()
  fi;
  in_handler = false;
  running--
}
#endif

init {
  byte i;
  atomic {
#ifndef NO_HOLDER
    running++;
    run holder();
#endif
#ifdef HANDLER
    running++;
    run handler(0);
    i = 1;
#endif
    do
    :: i < COMPLETERS -> running++; run completer(i); i++
    :: else -> break
    od
  };
  running == 0;
  i = 0;
  do
  :: i < COMPLETERS -> assert(detached[i] == 1 && notified[i] == 1); i++
  :: else -> break
  od
}
