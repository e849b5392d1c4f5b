/* SPDX-License-Identifier: MIT */
/*
 * A leader whose handler leaves its sleep by siglongjmp(), or that gets no processor for so
 * long that it is taken for gone: others take the lock from it, and no event is lost, or
 * handled by two, or twice.
 *
 *   here                 in the code
 *   lead()               RingReaper::lead, sleep (posix/wait/ring_reaper.cc)
 *   io_getevents         hands one event over, into the place that it was given
 *   take_back            RingReaper::take_back, Hold::is_back
 *   pass_by(), steal     reap_now, Hold::acquire_from, is_leader_gone, which here may say
 *                        so of every leader that sleeps beside an event
 *   replace()            replace_gone_leader
 *   deliver_late()       deliver_late
 *
 * Sequentially consistent, as the code is at the lock.
 *
 * holds: leaders that are slow: -DEVENTS=3
 * holds: leaders that jump away: -DEVENTS=3 -DJUMPS
 * holds: leaders that are slow, and jump away when they have been replaced: -DEVENTS=2 -DJUMPS -DLATE
 * fails: a leader goes on as if it had the lock still: -DEVENTS=2 -DNOT_TAKEN_BACK
 * fails: whoever takes over keeps the place: -DEVENTS=3 -DSAME_PLACE
 * fails: whoever takes over leaves behind what was handed over: -DEVENTS=2 -DJUMPS -DLEFT_BEHIND
 * fails: a leader that has lost the lock keeps its event: -DEVENTS=2 -DNOT_DELIVERED
 * fails: nobody looks at the places from before: -DEVENTS=2 -DJUMPS -DLATE -DONLY_HERE
 */

#define NONE 255
#define ASLEEP 16
#define THREADS 3
#define PLACES (EVENTS * 2 + THREADS)

chan ring = [EVENTS] of { byte };
byte handed[PLACES] = NONE;
byte here;             /* the place that the leader gives to io_getevents */
byte owner = NONE;
byte handled[EVENTS];
byte holders;          /* threads that act as if they had the lock */
byte left = EVENTS;    /* events that the kernel has not made yet */
byte running = THREADS;

#define VISIBLE (handed[here] != NONE || len(ring) > 0)
#define ASLEEP_BUT(me) (owner != NONE && owner >= ASLEEP && owner != ASLEEP + me)

inline handle(event) {
  atomic { assert(holders == 1); assert(handled[event] == 0); handled[event]++; event = NONE }
}

/* One that is slow may get an event when it has been replaced, and jump away then. */
inline handle_all() {
#ifndef ONLY_HERE
  place = 0;
  do
  :: place == here -> break
  :: place != here ->
     atomic { got = handed[place]; handed[place] = NONE };
     if
     :: got != NONE -> handle(got)
     :: else
     fi;
     place++
  od;
  place = 0;
#endif
  do
  :: atomic { handed[here] != NONE -> got = handed[here]; handed[here] = NONE }; handle(got)
  :: atomic { handed[here] == NONE && len(ring) > 0 -> ring ? got }; handle(got)
  :: else -> break
  od
}

inline unlock() {
  atomic { holders--; owner = NONE }
}

inline replace() {
#ifndef SAME_PLACE
  atomic {
#ifndef LEFT_BEHIND
    handed[here + 1] = handed[here];
    handed[here] = NONE;
#endif
    here++
  }
#else
  skip
#endif
}

/* False: another thread has it, and is no leader that may be gone. */
inline lock(me) {
  if
  :: atomic { owner == NONE -> owner = me; holders++; acquired = true }
  :: atomic { ASLEEP_BUT(me) && VISIBLE -> owner = me; holders++; acquired = true }; replace()
  :: acquired = false
  fi
}

inline pass_by(me) {
  lock(me);
  if
  :: acquired -> handle_all(); unlock(); acquired = false
  :: else
  fi
}

inline deliver_late(me) {
#ifndef NOT_DELIVERED
  do
  :: handed[space] == NONE -> break
  :: else ->
     lock(me);
     if
     :: acquired ->
        atomic { got = handed[space]; handed[space] = NONE };
        if
        :: got != NONE -> handle(got)
        :: else
        fi;
        unlock();
        acquired = false
     :: else
     fi
  od
#else
  skip
#endif
}

inline lead(me) {
  if
  :: atomic { owner == NONE -> owner = me; holders++ };
     if
     :: VISIBLE -> handle_all(); unlock()
     :: else ->
        space = here;
        atomic { holders--; owner = ASLEEP + me };
        if
        :: atomic { len(ring) > 0 -> assert(handed[space] == NONE); ring ? handed[space] }
        :: true /* a signal, or its time is up */
        fi;
#ifdef JUMPS
        if
#ifdef LATE
        :: gone = true
#else
        :: atomic { owner == ASLEEP + me -> gone = true }
#endif
        :: true
        fi;
#endif
        if
        :: gone
        :: else ->
#ifdef NOT_TAKEN_BACK
           atomic { owner = me; holders++ };
           handle_all();
           unlock()
#else
           atomic {
             if
             :: owner == ASLEEP + me -> owner = me; holders++; lost = false
             :: else -> lost = true
             fi
           };
           if
           :: lost -> deliver_late(me)
           :: else -> handle_all(); unlock()
           fi
#endif
        fi
     fi
  :: owner != NONE
  fi
}

proctype thread(byte me) {
  byte got = NONE, place, space, rounds;
  bool acquired, lost, gone;
  do
  :: rounds == 2 || gone -> break
  :: else -> rounds++;
     if
     :: lead(me)
     :: pass_by(me)
     fi
  od;
  running--
}

active proctype kernel() {
  do
  :: atomic { left > 0 -> left--; ring ! left }
  :: left == 0 -> break
  od
}

init {
  byte i, place, got = NONE;
  bool acquired;
  atomic { for (i : 0 .. THREADS - 1) { run thread(i) } };
  running == 0 && left == 0;
  /* One more passes by, and finds a leader that is gone, or nobody. */
  do
  :: VISIBLE -> pass_by(THREADS)
  :: else -> break
  od;
#ifdef LATE /* another one comes for an event of its own */
  owner = THREADS;
  holders++;
  handle_all();
#endif
  for (i : 0 .. EVENTS - 1) { assert(handled[i] == 1) }
}
