/* SPDX-License-Identifier: MIT */
/*
 * Long lists: threads that sleep on an event count of their own instead of on the words
 * of their requests (posix/wait/event_counts.h).
 *
 *   here               in the code
 *   waiter             AnyDone::mark, words (posix/api/waits.cc) in Waiter::follow; each
 *                      waits for request 0, the second one for request 1 as well
 *   ender              Completer::publish, wake_waiters
 *   says               the number in the status word
 *
 * Sequentially consistent, as the words are in the code.
 *
 * holds: each has an event count of its own
 * holds: two share one: -DSHARED
 * fails: the number of another is overwritten: -DOVERWRITTEN
 * fails: several are told by an event count that they do not sleep on: -DUNHEARD
 * fails: the event counts are looked at after the requests: -DSEEN_LATE
 */

#define NOBODY 0
#define SEVERAL 3
#define ENDED 4

byte says[2] = NOBODY;
byte events[4];
bool asleep[2], woken[2];

#ifdef SHARED
#define own(me) 1
#else
#define own(me) (me + 1)
#endif

inline see() {
  d_step { seen = events[own(me)]; seen_of_several = events[SEVERAL] }
}

/* One compare-and-exchange for each request. */
inline mark(request) {
  atomic {
    if
    :: says[request] == ENDED -> ended = true
    :: says[request] == NOBODY -> says[request] = own(me)
    :: says[request] == own(me) || says[request] == SEVERAL
#ifdef OVERWRITTEN
    :: else -> says[request] = own(me)
#else
    :: else -> says[request] = SEVERAL
#endif
    fi
  }
}

proctype waiter(byte me) {
  byte seen, seen_of_several;
  bool ended;
  do
  :: see();
     mark(0);
     if
     :: !ended && me == 1 -> mark(1)
     :: else
     fi;
     if
     :: ended -> break
     :: else
     fi;
#ifdef SEEN_LATE
     see();
#endif
     if
     :: atomic {
#ifdef UNHEARD
          events[own(me)] == seen ->
#else
          events[own(me)] == seen && events[SEVERAL] == seen_of_several ->
#endif
          asleep[me] = true
        };
        woken[me];
        d_step { asleep[me] = false; woken[me] = false }
     :: else
     fi
  od
}

proctype ender(byte request) {
  byte number;
  d_step { number = says[request]; says[request] = ENDED };
  if
  :: number != NOBODY ->
     events[number]++;
     d_step {
#ifdef UNHEARD
       woken[0] = woken[0] || (asleep[0] && number == own(0));
       woken[1] = woken[1] || (asleep[1] && number == own(1))
#else
       woken[0] = woken[0] || (asleep[0] && (number == own(0) || number == SEVERAL));
       woken[1] = woken[1] || (asleep[1] && (number == own(1) || number == SEVERAL))
#endif
     }
  :: else
  fi
}

init {
  atomic {
    run waiter(0);
    run waiter(1);
    run ender(0);
    run ender(1)
  }
}
