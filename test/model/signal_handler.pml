/* SPDX-License-Identifier: MIT */
/*
 * A signal handler that interrupts a leader anywhere, also on its way to sleep, and
 * takes what the leader would have been woken by: the leader does not sleep on.
 *
 *   here                 in the code
 *   lead()               RingReaper::lead, arm_wakeup, sleep (posix/wait/ring_reaper.cc)
 *   below_leads          Hold::over_leader_; RingReaper::OverLeader when it waits
 *   wake_below()         wake_interrupted_leader
 *   call()               RingReaper::wake_leader
 *   io_getevents         ends with EINTR only if the handler ran while it slept;
 *                        a handler that ran just before goes unnoticed
 *   deaf                 a call that could not be armed: the sleep is a short one
 *
 * The leader waits for request 0, which the ring brings, and request 1, which
 * somebody else completes. Its thread stands still while the handler runs.
 * Sequentially consistent; among themselves the handler and what it interrupted are
 * one thread, and need only the compiler to keep the order.
 *
 * holds: the handler takes the awaited event: -DRING_ENDS
 * holds: the handler takes the wake-up by a pool thread: -DPOOL_ENDS
 * holds: the handler completes what is waited for, as by aio_cancel: -DHANDLER_ENDS
 * holds: the handler waits itself, for a moment: -DRING_ENDS -DHANDLER_LEADS
 * holds: the handler waits itself while a pool thread calls: -DPOOL_ENDS -DHANDLER_LEADS
 * holds: a call that came too late for the leader before: -DPOOL_ENDS -DLATE_CALL
 * fails: a handler that reaps does not wake the leader: -DRING_ENDS -DNOT_WOKEN
 * fails: a handler that takes the call leaves none armed: -DPOOL_ENDS -DNOT_ARMED_AGAIN
 * fails: a thread does not call itself: -DHANDLER_ENDS -DNO_CALL_TO_ITSELF
 * fails: the call counts as armed after it was submitted: -DPOOL_ENDS -DLATE_CALL -DARMED_LATE
 * fails: a handler looks again after calling: -DPOOL_ENDS -DLOOKS_AGAIN
 * fails: a handler that led leaves nobody to call: -DPOOL_ENDS -DHANDLER_LEADS -DNOT_CALLABLE_AGAIN
 */

#define IN_PROGRESS 1
#define WAITER 2
#define LEADER 0
#define OTHER 1
#define NO_EVENT 255
#define CALL 254

byte word[2] = IN_PROGRESS;
chan ring = [2] of { byte };
byte handed = NO_EVENT; /* from io_getevents, seen by a handler too */
bool owned, wakeable, armed, polling;
#ifdef LATE_CALL
bool called = true;
#else
bool called;
#endif
bool sleeping; /* about to call io_getevents, in it, or just out of it */
bool in_handler, in_call, interrupted;

#define VISIBLE (handed != NO_EVENT || len(ring) > 0)

inline call(thread) {
#ifdef NO_CALL_TO_ITSELF
  if
  :: wakeable && !(owned && thread == LEADER) -> called = true
  :: else
  fi
#else
  if
  :: wakeable -> called = true
  :: else
  fi
#endif
}

inline complete(thread, r) {
  d_step {
    assert(word[r] & IN_PROGRESS);
    marked = (word[r] & WAITER) != 0;
    word[r] = 0
  };
  if
  :: marked -> marked = false; call(thread)
  :: else
  fi
}

inline handle_all() {
  do
  :: atomic { handed != NO_EVENT -> got = handed; handed = NO_EVENT }; handle()
  :: atomic { handed == NO_EVENT && len(ring) > 0 -> ring ? got }; handle()
  :: !VISIBLE -> break
  od
}

inline handle() {
  if
  :: got == CALL -> called = false; armed = false
  :: got != CALL -> complete(LEADER, got)
  fi;
  got = NO_EVENT
}

/* io_submit of the poll; it may be answered there and then, or by the kernel below. */
inline arm() {
  if
  :: !armed ->
#ifdef ARMED_LATE
     polling = true;
     armed = true
#else
     armed = true;
     polling = true
#endif
  :: else
  fi
}

inline mark(r) {
  d_step {
    if
    :: word[r] & IN_PROGRESS -> word[r] = word[r] | WAITER
    :: else -> enough = true
    fi
  }
}

proctype leader() provided (!in_handler) {
  byte got = NO_EVENT;
  bool marked, enough, deaf;
  do
  :: !(word[0] & IN_PROGRESS) || !(word[1] & IN_PROGRESS) -> break
  :: else ->
     owned = true;
     arm();
     wakeable = true;
     enough = false;
     mark(0);
     mark(1);
     if
     :: !enough && !VISIBLE ->
        deaf = !armed;
        sleeping = true;
        atomic { in_call = true; interrupted = false };
        if
        :: atomic { len(ring) > 0 -> ring ? handed; in_call = false }
        :: atomic { interrupted -> in_call = false }
        :: atomic { deaf -> in_call = false }
        fi;
        sleeping = false;
        deaf = false
     :: else
     fi;
     wakeable = false;
     handle_all();
     owned = false;
     do
     :: VISIBLE -> owned = true; handle_all(); owned = false
     :: else -> break
     od
  od
}

inline wake_below() {
  if
  :: below_leads ->
#ifdef NOT_CALLABLE_AGAIN
     skip;
#else
     wakeable = true;
#endif
#ifndef NOT_ARMED_AGAIN
     arm();
#endif
#ifndef NOT_WOKEN
     call(LEADER)
#endif
  :: else
  fi
}

/* Runs once, at any time. */
proctype handler() {
  byte got = NO_EVENT;
  bool marked, below_leads, acquired;
  byte rounds;
  atomic { in_handler = true; interrupted = in_call };
#ifdef HANDLER_ENDS
  if
  :: word[1] & IN_PROGRESS -> complete(LEADER, 1)
  :: else
  fi;
#endif
#ifdef HANDLER_LEADS
  if /* RingReaper::interrupted_here(): only a sleep may be led on */
  :: !owned || sleeping ->
#else
reap:
  if
  :: VISIBLE ->
#endif
     below_leads = owned && wakeable;
     rounds++;
     assert(rounds == 1); /* else it would call itself for ever */
     acquired = !owned;
     owned = true;
#ifdef HANDLER_LEADS
     wakeable = false;
     arm();
     wakeable = true;
     if
     :: VISIBLE
     :: atomic { len(ring) > 0 -> ring ? handed }
     :: true /* a timeout */
     fi;
     wakeable = false;
#endif
     handle_all();
     if
     :: acquired -> owned = false
     :: else
     fi;
     wake_below();
#ifdef LOOKS_AGAIN
     if
     :: VISIBLE -> goto reap
     :: else
     fi
#endif
  :: else
  fi;
  below_leads = false;
  acquired = false;
  atomic { interrupted = in_call; in_handler = false }
}

#ifdef POOL_ENDS
proctype worker() {
  bool marked;
  complete(OTHER, 1)
}
#endif

active proctype kernel() {
#ifdef RING_ENDS
  bool pending = true;
#endif
end:
  do
  :: atomic { polling && called -> polling = false; ring ! CALL }
#ifdef RING_ENDS
  :: atomic { pending -> pending = false; ring ! 0 }
#endif
  od
}

init {
  atomic {
    run leader();
    run handler();
#ifdef POOL_ENDS
    run worker()
#endif
  }
}
