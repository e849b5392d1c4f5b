/* SPDX-License-Identifier: MIT */
/*
 * Progress: a request that is held back goes on when its reason has gone, though
 * the program never looks again and its predecessor is lazy.
 *
 *   here                 in the code
 *   submitter            Dispatcher::admit and submit_into_ring: request 0 goes to the
 *                        ring, request 1 is held back; then ApiScope's drain()
 *   BACKLOG              to_backlog, release_backlog: the ring has room for one
 *   ORDER                order::admit, detach: request 1 comes after request 0
 *   require_reaping()    RingReaper::require_reaping
 *   unlock()             RingReaper::Hold::~Hold, hand_over
 *   passer_by            a thread in aio_suspend() that leads, for a while, for
 *                        something else, or one that just reaps
 *   reaper               ReaperThread::run, sleep
 *   listens              RingReaper::reaper_listens
 *
 * The reaper's bounds in time (50 ms when it leads) are left out: it has to do without.
 * Sequentially consistent, as the code is: count and lock are seq_cst, the doorbell is
 * a system call.
 *
 * holds: held back by a full ring: -DBACKLOG
 * holds: held back by order: -DORDER
 * holds: held back by a full ring, two pass by: -DBACKLOG -DTWO_PASS_BY
 * fails: what is required does not signal the doorbell: -DORDER -DNO_DOORBELL
 * fails: the doorbell is signalled before it is counted: -DORDER -DSIGNALLED_BEFORE_COUNTED
 * fails: a leader leaves without a word though reaping is required: -DORDER -DNO_HAND_OVER
 * fails: what is required is looked at before the lock is given up: -DORDER -DREQUIRED_READ_FIRST
 * fails: the reaper sleeps without another look: -DORDER -DSLEEPS_AT_ONCE
 * fails: the reaper listens only when it sleeps: -DORDER -DLISTENS_LATE
 * fails: no look at the backlog after it was filled: -DBACKLOG -DNO_DRAIN
 * fails: what was held back is lazy: -DBACKLOG -DSTAYS_LAZY
 */

#define FREE 255
#define REAPER 9
#define ROOM 1

bool event[2];           /* in the ring */
bool submitted[2], pushed[2], done[2];
byte in_flight;
bool held;               /* request 1: in the backlog, or behind request 0 */
bool was_held;
short required;
bool doorbell, listens;
byte owner = FREE;

#define SOMETHING (event[0] || event[1])

inline submit_to_kernel(r) { submitted[r] = true }

inline handle(r) {
  in_flight--;
  assert(!done[r]);
#ifdef ORDER
  atomic { /* under the record's lock */
    done[r] = true;
    if
    :: r == 0 && held -> held = false; aside = true
    :: else
    fi
  }
#else
  done[r] = true
#endif
}

inline handle_all() {
  do
  :: atomic { event[0] -> event[0] = false }; handle(0)
  :: atomic { event[1] -> event[1] = false }; handle(1)
  :: !SOMETHING -> break
  od
}

inline signal_reaper() {
  if
  :: listens -> doorbell = true
  :: else
  fi
}

inline unlock() {
#ifdef REQUIRED_READ_FIRST
  reaping_required = required != 0;
  owner = FREE;
#else
  owner = FREE;
  reaping_required = required != 0;
#endif
#ifndef NO_HAND_OVER
  if
  :: reaping_required -> signal_reaper()
  :: else
  fi;
#endif
  reaping_required = false
}

inline reap(me) {
  do
  :: !SOMETHING -> break
  :: SOMETHING ->
     if
     :: atomic { owner == FREE -> owner = me }; handle_all(); unlock()
     :: else -> break
     fi
  od
}

inline go_on() { /* start_again, by somebody who is not the submitter */
  required--;
#ifndef STAYS_LAZY
  pushed[1] = true;
#endif
  submit_to_kernel(1)
}

inline drain() {
#ifdef BACKLOG
  do
  :: held && in_flight < ROOM ->
     atomic { got_it = held; held = false }; /* Backlog::pop */
     if
     :: got_it ->
        got_it = false;
        atomic { got_it = in_flight < ROOM; in_flight = in_flight + (in_flight < ROOM -> 1 : 0) };
        if
        :: got_it -> got_it = false; go_on()
        :: else -> required--; held = true; require_reaping(); break
        fi
     :: else
     fi
  :: else -> break
  od
#else
  if
  :: aside -> aside = false; in_flight++; go_on()
  :: else
  fi
#endif
}

inline require_reaping() {
#ifdef SIGNALLED_BEFORE_COUNTED
  if
  :: owner == FREE -> signal_reaper()
  :: else
  fi;
  required++
#else
  required++;
#ifndef NO_DOORBELL
  if
  :: owner == FREE -> signal_reaper()
  :: else
  fi
#endif
#endif
}

#define LOCALS bool aside, reaping_required, got_it, will_sleep

proctype submitter() {
  LOCALS;
  in_flight++;
  submit_to_kernel(0);
  reap(0);
  drain();
#ifdef BACKLOG
  atomic { got_it = in_flight < ROOM; in_flight = in_flight + (in_flight < ROOM -> 1 : 0) };
#else
  atomic { got_it = done[0]; held = !done[0]; in_flight = in_flight + (got_it -> 1 : 0) };
#endif
  if
  :: got_it -> got_it = false; submit_to_kernel(1)
  :: else ->
     was_held = true;
#ifdef BACKLOG
     held = true;
#endif
     require_reaping()
  fi;
#ifndef NO_DRAIN
  drain()
#endif
}

proctype passer_by(byte me) {
  LOCALS;
  if
  :: atomic { owner == FREE -> owner = me };
     if
     :: SOMETHING
     :: true /* a timeout, a signal */
     fi;
     handle_all();
     unlock();
     reap(me);
     drain()
  :: true
  fi
}

active proctype reaper() {
  LOCALS;
  do
  :: reap(REAPER);
     drain();
     if
     :: required != 0 ->
        if
        :: atomic { owner == FREE -> owner = REAPER };
           if
           :: required != 0 ->
end_leading:  SOMETHING
           :: else
           fi;
           handle_all();
           unlock();
           reap(REAPER);
           drain();
           listens = false;
           goto again
        :: else
        fi
     :: else
     fi;
#ifdef SLEEPS_AT_ONCE
     listens = true;
#endif
#ifdef LISTENS_LATE
     will_sleep = !will_sleep;
     if
     :: !will_sleep -> listens = true
     :: else -> goto again
     fi;
#endif
     if
     :: listens ->
end_asleep:
        atomic { doorbell -> doorbell = false };
        listens = false
     :: else -> listens = true
     fi;
again:
     skip
  od
}

active proctype kernel() {
end:
  do
  :: atomic { submitted[0] -> submitted[0] = false; event[0] = true };
     if
     :: pushed[0] -> doorbell = true
     :: else
     fi
  :: atomic { submitted[1] -> submitted[1] = false; event[1] = true };
     if
     :: pushed[1] -> doorbell = true
     :: else
     fi
  od
}

/* What was never held back is lazy, and may wait in the ring for the program. */
#define FINE (done[0] || event[0]) && (done[1] || (event[1] && !was_held))

init {
  atomic {
    run submitter();
    run passer_by(1);
#ifdef TWO_PASS_BY
    run passer_by(2)
#endif
  };
  FINE
}
