/* SPDX-License-Identifier: MIT */
/*
 * Who is on a descriptor, in one word (posix/order/occupancy.h): requests that are only
 * counted, beside those in the list, and those held back by order or as fences. Nobody
 * starts before somebody that it has to wait for, and nobody is held for ever.
 *
 *   here                   in the code
 *   enter_unlisted()       Occupancy::enter_unlisted
 *   admit()                Dispatcher::admit_listed: order::enter, order::admit
 *   enlist()               order::enlist, before a request goes another way than the ring
 *   leave()                Occupancy::leave; then Completer::complete detaches, if listed or
 *                          somebody waits (record_lock.pml has what happens when the
 *                          mutex is taken)
 *   detach()               order::detach: who may start now
 *   stamp                  the order of the calls: of the steps by which they entered
 *
 * All transfers go in one direction. STREAM: they keep order; else the descriptor needs
 * none, which is known once somebody has had to ask, until the last one leaves. The last
 * request is a fence if there is one.
 *
 * holds: three transfers of a stream: -DREQUESTS=3 -DSTREAM
 * holds: three transfers of a file: -DREQUESTS=3
 * holds: two transfers of a file and a fence: -DREQUESTS=3 -DFENCE
 * holds: three transfers of a file and a fence: -DREQUESTS=4 -DFENCE
 * holds: two transfers of a stream and a fence: -DREQUESTS=3 -DSTREAM -DFENCE
 * fails: looks first, then raises awaited: -DREQUESTS=3 -DSTREAM -DRAISED_LATE
 * fails: the same, with a fence: -DREQUESTS=3 -DFENCE -DRAISED_LATE
 * fails: leaves in two steps: -DREQUESTS=3 -DFENCE -DTWO_STEPS
 * fails: forgets those in the queue: -DREQUESTS=3 -DSTREAM -DTURN_ONLY
 * fails: enters beside another, of which nothing is known: -DREQUESTS=3 -DSTREAM -DCROWDED
 * fails: whoever is alone does not take the turn: -DREQUESTS=3 -DSTREAM -DNO_TURN
 * fails: a fence looks at the list only: -DREQUESTS=3 -DFENCE -DLIST_ONLY
 */

#ifdef FENCE
#define IS_FENCE(which) ((which) == REQUESTS - 1)
#else
#define IS_FENCE(which) false
#endif

/* The word. Each step on it is one expression here. */
byte unlisted, listed;
bool turn, awaited, unordered;

bool locked; /* the record's mutex */
byte held_count;
bool held[REQUESTS], started[REQUESTS], outstanding[REQUESTS], in_list[REQUESTS];
byte stamp[REQUESTS];
byte next_stamp;
byte running;

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

inline enters(mine) {
  outstanding[mine] = true;
  stamp[mine] = next_stamp;
  next_stamp++
}

/* Of those in the list, or held, which came first? REQUESTS: none. */
inline find_oldest(of_held) {
  oldest = REQUESTS;
  i = 0;
  do
  :: i == REQUESTS -> break
  :: else ->
     if
     :: outstanding[i] && in_list[i] && (!of_held || held[i] && !IS_FENCE(i)) &&
        (oldest == REQUESTS || stamp[i] < stamp[oldest]) -> oldest = i
     :: else
     fi;
     i++
  od;
  i = 0
}

inline check_start(mine) {
  i = 0;
  do
  :: i == REQUESTS -> break
  :: else ->
#ifdef STREAM
     assert(!(!IS_FENCE(i) && i != mine && outstanding[i] && stamp[i] < stamp[mine]));
#else
     assert(!(IS_FENCE(mine) && i != mine && outstanding[i] && stamp[i] < stamp[mine]));
#endif
     i++
  od;
  i = 0
}

inline lower_if_nobody_waits() {
  if
  :: held_count == 0 -> awaited = false
  :: else
  fi
}

inline start_later(which) {
  d_step { held[which] = false; held_count-- };
  lower_if_nobody_waits();
  d_step { check_start(which) };
  started[which] = true
}

/* With the mutex held: must_wait. */
inline look(mine) {
  d_step {
    if
    :: IS_FENCE(mine) ->
       find_oldest(false);
#ifdef LIST_ONLY
       must_wait = oldest != mine
#else
       must_wait = unlisted != 0 || oldest != mine
#endif
    :: else ->
#ifdef STREAM
       find_oldest(true);
#ifdef TURN_ONLY
       must_wait = turn
#else
       must_wait = turn || oldest != REQUESTS
#endif
#else
       must_wait = false
#endif
    fi;
    oldest = 0
  }
}

inline detach() {
  if
  :: held_count == 0 -> skip
  :: else ->
     d_step { find_oldest(true) };
     if
     :: oldest != REQUESTS && !turn -> turn = true; has_turn_given(oldest); start_later(oldest)
     :: else
     fi;
#ifdef FENCE
     d_step { find_oldest(false) };
     if
     :: oldest == REQUESTS - 1 && held[oldest] && unlisted == 0 -> start_later(oldest)
     :: else
     fi;
#endif
     oldest = 0
  fi
}

bool has_turn[REQUESTS];
inline has_turn_given(which) { has_turn[which] = true }

proctype request(byte mine) {
  byte i, oldest;
  bool must_wait, entered, others_wait;

  /* enter_unlisted() */
  atomic {
    if
    :: !IS_FENCE(mine) &&
       !awaited && /* else it would do no harm, but a fence might wait for ever new ones */
       unordered -> unlisted++; entered = true; enters(mine)
    :: !IS_FENCE(mine) &&
#ifdef CROWDED
       !unordered -> unlisted++; turn = true; has_turn[mine] = true; entered = true; enters(mine)
#else
       !unordered && unlisted + listed == 0 ->
         unlisted++; entered = true; enters(mine);
#ifndef NO_TURN
         turn = true; has_turn[mine] = true
#endif
#endif
    :: else
    fi
  };

  if
  :: entered -> d_step { check_start(mine) }; started[mine] = true
  :: else ->
     /* admit() */
     lock();
     d_step { listed++; in_list[mine] = true; enters(mine) };
#ifndef STREAM
     /* Whoever has somebody beside it asks what the descriptor is. */
     atomic {
       if
       :: unlisted + listed > 1 -> unordered = true
       :: else
       fi
     };
#endif
#ifdef RAISED_LATE
     look(mine);
     if
     :: must_wait -> awaited = true
     :: else
     fi;
#else
     look(mine);
     if
     :: must_wait -> awaited = true; look(mine)
     :: else
     fi;
#endif
     if
     :: must_wait -> d_step { held_count++; held[mine] = true }
     :: else ->
        lower_if_nobody_waits();
        if
        :: !IS_FENCE(mine) && !turn -> turn = true; has_turn[mine] = true
        :: else
        fi;
        d_step { check_start(mine) };
        started[mine] = true
     fi;
     unlock()
  fi;

  started[mine];

  /* enlist(), or not */
  if
  :: !in_list[mine] ->
     lock();
     d_step { in_list[mine] = true; unlisted--; listed++ };
     unlock()
  :: true
  fi;

  /* leave() */
#ifdef TWO_STEPS
  others_wait = awaited;
#endif
  atomic {
    if
    :: in_list[mine] -> listed--
    :: else -> unlisted--
    fi;
    if
    :: has_turn[mine] -> turn = false
    :: else
    fi;
    outstanding[mine] = false;
    if
    :: unlisted + listed == 0 -> turn = false; unordered = false
    :: else
    fi;
#ifndef TWO_STEPS
    others_wait = awaited
#endif
  };
  if
  :: others_wait || in_list[mine] -> lock(); detach(); unlock()
  :: else
  fi;
  running--
}

init {
  byte i;
  atomic {
    do
    :: i < REQUESTS -> running++; run request(i); i++
    :: else -> break
    od
  };
  running == 0;
  assert(held_count == 0 && unlisted == 0 && listed == 0)
}
