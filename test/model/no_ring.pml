/* SPDX-License-Identifier: MIT */
/*
 * The reap lock where the ring cannot be read: only io_getevents tells what is
 * there, so who finds the lock taken leaves a word, and the holder asks again.
 *
 *   here                 in the code
 *   reap()               RingReaper::reap_now (posix/wait/ring_reaper.cc)
 *   missed               RingReaper::missed_
 *   queue                the kernel's; asking it is one system call
 *
 * Sequentially consistent, as the code is at the lock and at missed_.
 *
 * holds: three pass by: -DEVENTS=3
 * fails: whoever finds the lock taken just goes: -DEVENTS=2 -DJUST_GOES
 * fails: the word is taken back after the kernel was asked: -DEVENTS=2 -DCLEARED_LATE
 * fails: the word is left, and the lock is not looked at again: -DEVENTS=2 -DNOT_LOOKED_AGAIN
 */

#define FREE 255

byte queue;
byte owner = FREE;
bool missed;
byte in_flight, running;

inline get_events() { d_step { got = queue; queue = 0 } }

inline reap(me) {
  do
  :: in_flight == 0 -> break
  :: else ->
     if
     :: atomic { owner == FREE -> owner = me };
#ifndef CLEARED_LATE
        missed = false;
#endif
        do
        :: get_events();
           if
           :: got == 0 -> break
           :: else -> in_flight = in_flight - got; got = 0
           fi
        od;
#ifdef CLEARED_LATE
        missed = false;
#endif
        owner = FREE;
        if
        :: missed
        :: else -> break
        fi
     :: else ->
#ifdef JUST_GOES
        break
#else
        missed = true;
#ifdef NOT_LOOKED_AGAIN
        break
#else
        if
        :: owner != FREE -> break
        :: else
        fi
#endif
#endif
     fi
  od
}

proctype submitter(byte me) {
  byte got;
  in_flight++;
  queue++;
  reap(me);
  running--
}

init {
  byte i;
  atomic {
    running = EVENTS;
    for (i : 1 .. EVENTS) { run submitter(i) }
  };
  running == 0;
  assert(queue == 0 && in_flight == 0)
}
