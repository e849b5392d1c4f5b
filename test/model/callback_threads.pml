/* SPDX-License-Identifier: MIT */
/*
 * SIGEV_THREAD: every callback begins, though any of them may block for ever, or end
 * its thread; and none begins twice.
 *
 *   here                 in the code (posix/notify/callback_threads.cc)
 *   kernel               what completes by the ring, and rings the doorbell
 *   pusher               run(), by a thread that completes what came another way
 *   passer               a thread that reaps once, whenever it comes by
 *   run_item()           run()
 *   reap()               owner_.reap(): posix/wait/ring_reaper.h, where the holder of the
 *                        lock looks again, and nobody waits for it
 *   worker               work(): run_all, wait_for_work, watch, listen, sleep, ~Presence
 *   keep_spare()         keep_spare, start_thread
 *   give_up()            give_up_on_busy, and what watch() does after it
 *   FOUND_AGAIN          stop_being_lost: counted[t] is whether a thread's give_ups_seen_
 *                        is an older one
 *   stands for time:     a watcher believes the others stuck only if they are, or, with
 *                        -DEARLY, at any time; when the queue is empty it may leave off
 *                        at any time, as after some quiet looks
 *
 * A look at both queues is one step here: incoming_ and queue_ are only looked at in an
 * order in which nothing on the way from the one to the other is missed, under the mutex.
 * Sequentially consistent, as all of it is in the code.
 *
 * In the beginning one thread runs callbacks, and has just found the queue empty; one
 * watches; with -DIDLE a third one is asleep, with -DALONE there is but the first, and
 * with -DQUIET the first one listens and the second is asleep.
 *
 * holds: the first thread has just been made: -DKERNEL=2 -DALONE
 * holds: by the ring, all quiet: -DKERNEL=2 -DQUIET
 * holds: by the ring and another way: -DKERNEL=1 -DPUSHED=1 -DQUIET
 * holds: somebody else reaps: -DKERNEL=1 -DPASSERS=1 -DQUIET
 * holds: another way: -DPUSHED=2 -DQUIET
 * holds: a thread is asleep: -DKERNEL=1 -DIDLE
 * holds: two threads hand over: -DPUSHED=1 -DPUSHERS=2 -DQUIET
 * holds: callbacks that end their thread: -DKERNEL=2 -DQUIET -DEXITS
 * holds: the threads may end, and the first request comes: -DKERNEL=1 -DQUIET -DENDS
 * holds: the threads may end, and it comes another way: -DPUSHED=1 -DQUIET -DENDS
 * holds: the only thread may end: -DKERNEL=1 -DALONE -DENDS
 * fails: a thread that ends does not look again: -DKERNEL=1 -DQUIET -DENDS -DNO_LOOK_WHEN_IT_ENDS
 * fails: a thread is looked for before the promise: -DKERNEL=1 -DQUIET -DENDS -DPROMISES_LATE
 * fails: whoever ends hands the listening over to nobody: -DKERNEL=1 -DQUIET -DENDS -DHANDS_NOTHING_OVER
 * fails: whether it is the first is asked before it is pushed: -DPUSHED=1 -DPUSHERS=2 -DIDLE -DASKS_BEFORE_IT_PUSHES
 * fails: whoever begins to run callbacks calls no watcher: -DKERNEL=1 -DPUSHED=1 -DQUIET -DNOBODY_WATCHES
 * fails: whoever has watched does not listen: -DKERNEL=2 -DQUIET -DSLEEPS_AFTER_WATCH
 * fails: no look at the queue before listening: -DPUSHED=1 -DALONE -DNO_LOOK_BEFORE_LISTENING
 * fails: whoever has heard the bell runs before it reaps: -DKERNEL=2 -DALONE -DRUNS_BEFORE_IT_REAPS
 * fails: whoever has heard the bell does not reap: -DKERNEL=2 -DIDLE -DHEARS_AND_SLEEPS
 * fails: the bell is rung before the event is there: -DKERNEL=1 -DRINGS_FIRST
 * fails: a wake-up for the one who would watch is lost: -DPUSHED=3 -DWOKEN_WITHOUT_A_CHANGE
 * fails: the pusher counts on those who run: -DPUSHED=2 -DCOUNTS_ON_RUNNERS
 * fails: the pusher looks before it pushes: -DPUSHED=2 -DLOOKS_FIRST
 * fails: no look at the queue after the watch: -DPUSHED=2 -DNO_LOOK_AFTER_WATCH
 * fails: a watcher never gives up on stuck ones: -DKERNEL=2 -DNEVER_GIVES_UP
 * fails: whoever is given up between two callbacks stays lost: -DKERNEL=2 -DEARLY -DRETURNS_BEFORE_THE_NEXT
 * fails: no spare is kept: -DKERNEL=2 -DALONE -DNO_SPARE
 */

#ifdef IDLE
#define BEGIN 3
#elif defined(ALONE)
#define BEGIN 1
#else
#define BEGIN 2
#endif
#define THREADS_MAX 3

#ifndef KERNEL
#define KERNEL 0
#endif
#ifndef PUSHED
#define PUSHED 0
#endif
#ifndef PUSHERS
#define PUSHERS 1
#endif
#ifndef PASSERS
#define PASSERS 0
#endif

byte ring, incoming, queue, taken;
byte promised; /* promised_; of interest only where threads may end */
#define QUEUED (queue + incoming)
bool reaping, rung, listening;
byte thread_count, busy, lost, idle, volunteers;
bool watching;
byte blocked;                  /* callbacks that never return */
byte next_thread;
bool runs[THREADS_MAX];    /* is busy */
bool counted[THREADS_MAX]; /* and one of the lost */
bool changed[THREADS_MAX]; /* work_ is another than the thread has seen; or it does not care */
bool asleep[THREADS_MAX], woken[THREADS_MAX];

#define NOBODY_RUNS (busy <= lost)
#define FOUND_AGAIN(t) lost = lost - counted[t]; counted[t] = false
#define LOSE(t) counted[t] = runs[t]

#ifdef EARLY
#define SEEM_STUCK true
#else
#define SEEM_STUCK (blocked == busy)
#endif

#define CHANGE(t) changed[t] = true
#define FOR_ALL(action) action(0); action(1); action(2)
#define WAKE(t) woken[t] = woken[t] || asleep[t]; asleep[t] = false

/* The watcher sleeps there as well, and may be who is woken. */
inline wake_one() {
  if
  :: watching -> skip
  :: atomic { asleep[0] -> asleep[0] = false; woken[0] = true }
  :: atomic { asleep[1] -> asleep[1] = false; woken[1] = true }
  :: atomic { asleep[2] -> asleep[2] = false; woken[2] = true }
  :: else
  fi
}

inline call_idle() {
  if
  :: listening -> rung = true
  :: else ->
#ifndef WOKEN_WITHOUT_A_CHANGE
     d_step { FOR_ALL(CHANGE) };
#endif
     wake_one()
  fi
}

inline call_watcher() {
#ifdef NOBODY_WATCHES
  skip
#else
  if
  :: watching
  :: else -> call_idle()
  fi
#endif
}

inline start_thread() {
  atomic {
    if
    :: next_thread < THREADS_MAX -> thread_count++; run worker(next_thread); next_thread++
    :: else
    fi
  }
}

inline run_item() {
#ifdef LOOKS_FIRST
  nobody = NOBODY_RUNS;
  unwatched = !watching;
#endif
#ifdef ASKS_BEFORE_IT_PUSHES
  first = (incoming == 0);
  incoming++;
#else
  d_step { first = (incoming == 0); incoming++ };
#endif
  if
  :: !first /* who pushed onto nothing wakes somebody */
  :: else ->
#ifndef LOOKS_FIRST
     nobody = NOBODY_RUNS;
     unwatched = !nobody && !watching;
#endif
#ifdef COUNTS_ON_RUNNERS
     unwatched = false;
#endif
     if
     :: nobody || unwatched -> call_idle()
     :: else
     fi
  fi;
  d_step { nobody = false; unwatched = false; first = false }
}

inline reap() {
  do
  :: ring == 0 -> break
  :: else ->
     if
     :: atomic { !reaping -> reaping = true }
     :: else -> break
     fi;
     do
     :: atomic { ring > 0 -> ring-- }; run_item()
     :: else -> break
     od;
     reaping = false
  od
}

/* The call that submits: promise(), ensure_running(). */
inline promise() {
#ifdef ENDS
#ifndef PROMISES_LATE
  promised++;
#endif
  if
  :: thread_count > busy
  :: else -> start_thread()
  fi;
#ifdef PROMISES_LATE
  promised++;
#endif
#endif
  skip
}

/* With what the kernel does for it. */
proctype kernel() {
  byte count;
  do
  :: count == KERNEL -> break
  :: else ->
     promise();
#ifdef RINGS_FIRST
     rung = true;
     ring++;
#else
     ring++;
     rung = true;
#endif
     count++
  od
}

proctype pusher() {
  bool nobody, unwatched, first;
  byte count;
  do
  :: count == PUSHED -> break
  :: else -> promise(); run_item(); count++
  od
}

proctype passer() {
  bool nobody, unwatched, first;
  reap()
}

inline give_up() {
  d_step { lost = busy; FOR_ALL(LOSE) };
  if
  :: busy < idle -> volunteers = busy
  :: else -> volunteers = idle
  fi;
  more = busy - volunteers;
  if
  :: listening -> rung = true
  :: else
  fi;
  d_step { FOR_ALL(CHANGE) };
  d_step { FOR_ALL(WAKE) };
  do
  :: more == 0 -> break
  :: else -> start_thread(); more--
  od
}

inline run_all() {
  do
  :: true ->
     d_step { busy++; runs[me] = true };
#ifndef NO_SPARE
     if /* keep_spare */
     :: busy < thread_count
     :: else -> start_thread()
     fi;
#endif
#ifndef RUNS_BEFORE_IT_REAPS
     reap();
#endif
     if
     :: QUEUED == 0 -> goto has_run
     :: else -> call_watcher()
     fi;
     do
     :: atomic {
          QUEUED > 0 ->
          if
          :: queue == 0 -> queue = incoming; incoming = 0
          :: else
          fi;
          queue--; taken++
        };
        if
        :: QUEUED > 0 -> call_watcher()
        :: else
        fi;
#ifndef RETURNS_BEFORE_THE_NEXT
        d_step { FOUND_AGAIN(me) };
#else
        counted[me] = false;
#endif
        if
        :: true /* it returns */
#ifdef RETURNS_BEFORE_THE_NEXT
           -> d_step { FOUND_AGAIN(me) }
#endif
        :: atomic { true -> blocked++ };
end_blocked: false
#ifdef EXITS
        :: true -> goto ending
#endif
        fi
     :: QUEUED == 0 ->
        reap();
        if
        :: QUEUED == 0 -> break
        :: else
        fi
     od;
has_run:
     atomic { FOUND_AGAIN(me); runs[me] = false; busy--; assert(lost <= busy) };
     if
     :: QUEUED == 0 -> break
     :: else
     fi
  od
}

proctype worker(byte me) {
  byte more;
  bool nobody, unwatched, first, others_run, may_listen;
  if
  :: me == 0 && BEGIN > 0 -> goto begins
  :: me == 1 && BEGIN > 1 ->
#ifdef QUIET
     goto sleeps
#else
     goto watches
#endif
  :: me == 2 && BEGIN == 3 -> goto sleeps
  :: else -> goto waiting
  fi;
  do
  :: run_all();
waiting:
     skip;
     changed[me] = false;
     atomic { others_run = !NOBODY_RUNS; may_listen = !others_run };
     if
     :: QUEUED > 0 && !others_run -> goto again
     :: QUEUED > 0 && others_run ->
        if
        :: atomic { volunteers > 0 -> volunteers-- }; goto again
        :: else
        fi
     :: else
     fi;
     if
     :: others_run ->
        if
        :: atomic { !watching -> watching = true; changed[me] = true };
watches:
           do
           :: QUEUED > 0 && NOBODY_RUNS -> watching = false; goto again
#ifndef NEVER_GIVES_UP
           :: QUEUED > 0 && !NOBODY_RUNS && SEEM_STUCK &&
              thread_count <= busy + idle + 1 -> give_up(); watching = false; goto again
#endif
           :: QUEUED == 0 ->
              reap();
              if
              :: QUEUED == 0 -> break
              :: else
              fi
           od;
           watching = false;
           changed[me] = false;
#ifndef NO_LOOK_AFTER_WATCH
           if
           :: QUEUED > 0 -> goto waiting
           :: else
           fi;
#endif
#ifndef SLEEPS_AFTER_WATCH
           may_listen = true
#endif
        :: else
        fi
     :: else
     fi;
     if
     :: may_listen ->
        if
        :: atomic { !listening -> listening = true; changed[me] = true; idle++ };
           if
#ifndef NO_LOOK_BEFORE_LISTENING
           :: QUEUED > 0 -> idle--
#endif
           :: else ->
listens:
end_listening:
              if
              :: atomic { rung -> rung = false; idle-- }
#ifdef ENDS
              :: promised == 0 && QUEUED == 0 -> /* it has been idle for long */
                 idle--;
                 listening = false;
#ifndef HANDS_NOTHING_OVER
                 call_idle();
#endif
                 goto idle_ending
#endif
              fi
           fi;
           listening = false;
           if
           :: NOBODY_RUNS -> goto again
           :: else ->
#ifndef HEARS_AND_SLEEPS
              reap();
#endif
              goto waiting
           fi
        :: else
        fi
     :: else
     fi;
     if /* sleep */
     :: atomic { !changed[me] -> asleep[me] = true; changed[me] = true; idle++ };
sleeps:
end_asleep:
        if
        :: atomic { woken[me] -> woken[me] = false; idle-- }
#ifdef ENDS
        :: atomic { promised == 0 && QUEUED == 0 && asleep[me] -> asleep[me] = false; idle-- };
           goto idle_ending
#endif
        fi
     :: else
     fi;
     goto waiting;
again:
     skip;
     d_step { changed[me] = true; others_run = false; may_listen = false }
  od;
begins:
#ifdef QUIET
  goto listens;
#else
  goto has_run;
#endif
#if defined(EXITS) || defined(ENDS)
ending: /* ~Presence */
  atomic { FOUND_AGAIN(me); runs[me] = false; busy--; assert(lost <= busy) };
idle_ending:
  thread_count--;
  if
#ifdef ENDS
  :: promised == 0 && QUEUED == 0
#ifdef NO_LOOK_WHEN_IT_ENDS
  :: true
#endif
  :: else -> goto goes_on
  fi;
  goto gone;
goes_on:
  if
#endif
  :: thread_count <= busy -> start_thread()
  :: thread_count > busy && (NOBODY_RUNS || QUEUED > 0) -> call_idle()
  :: else
  fi;
gone:
  skip
#endif
}

init {
  byte i;
  atomic {
    next_thread = BEGIN;
    thread_count = BEGIN;
    FOR_ALL(CHANGE);
#ifdef QUIET
    listening = true;
    asleep[1] = true;
    idle = 2;
#else
    busy = 1;
    runs[0] = true;
    watching = BEGIN > 1;
#endif
#ifdef IDLE
    asleep[2] = true;
    idle = 1;
#endif
    for (i : 0 .. BEGIN - 1) { run worker(i) };
    if
    :: KERNEL > 0 -> run kernel()
    :: else
    fi;
    if
    :: PUSHED > 0 -> for (i : 1 .. PUSHERS) { run pusher() }
    :: else
    fi;
    if
    :: PASSERS > 0 -> run passer()
    :: else
    fi
  };
  taken == KERNEL + PUSHED * PUSHERS
}
