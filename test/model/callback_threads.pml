/* SPDX-License-Identifier: MIT */
/*
 * SIGEV_THREAD: every callback that is handed over begins, though any of them may
 * block for ever, or end its thread; and none begins twice.
 *
 *   here                 in the code (notify/callback_threads.cc)
 *   pusher               run(), by whatever thread completes
 *   worker               work(): run_queued, wait_for_work, watch, ~Presence
 *   keep_spare()         keep_spare, start_thread
 *   give_up()            give_up_on_busy, and what watch() does after it
 *   stands for time:     a watcher believes the others stuck only if they are; when
 *                        the queue is empty it may leave off at any time, as after
 *                        a hundred quiet looks
 *
 * A look at both queues is one step here: incoming_ and queue_ are only looked at in an
 * order in which nothing on the way from the one to the other is missed, under the mutex.
 * Sequentially consistent, as all of it is in the code.
 *
 * In the beginning one thread runs callbacks, and has just found the queue empty; one
 * watches; with -DIDLE a third one is asleep, with -DALONE there is but the first.
 *
 * holds: two callbacks: -DITEMS=2
 * holds: three callbacks and a thread asleep: -DITEMS=3 -DIDLE
 * holds: the first thread has just been made: -DITEMS=2 -DALONE
 * holds: callbacks that end their thread: -DITEMS=2 -DEXITS
 * holds: two threads hand over: -DITEMS=1 -DPUSHERS=2 -DIDLE
 * fails: whether it is the first is asked before it is pushed: -DITEMS=1 -DPUSHERS=2 -DIDLE -DASKS_BEFORE_IT_PUSHES
 * fails: a callback begins, others are queued, nobody watches: -DITEMS=3 -DIDLE -DNOBODY_WATCHES
 * fails: a wake-up for the one who would watch is lost: -DITEMS=3 -DIDLE -DWOKEN_WITHOUT_A_CHANGE
 * fails: the pusher counts on those who run: -DITEMS=2 -DCOUNTS_ON_RUNNERS
 * fails: the pusher looks before it pushes: -DITEMS=2 -DLOOKS_FIRST
 * fails: no look at the queue after the watch: -DITEMS=2 -DNO_LOOK_AFTER_WATCH
 * fails: a watcher never gives up on stuck ones: -DITEMS=2 -DNEVER_GIVES_UP
 * fails: no spare is kept: -DITEMS=2 -DALONE -DNO_SPARE
 */

#ifdef IDLE
#define BEGIN 3
#elif defined(ALONE)
#define BEGIN 1
#else
#define BEGIN 2
#endif
#define THREADS_MAX 3

#ifndef PUSHERS
#define PUSHERS 1
#endif

byte incoming, queue, taken;
#define QUEUED (queue + incoming)
byte thread_count, busy, lost, lost_before, idle, volunteers;
bool watching;
byte blocked;                  /* callbacks that never return */
byte next_thread;
bool changed[THREADS_MAX]; /* work_ is another than the thread has seen */
bool asleep[THREADS_MAX], woken[THREADS_MAX];

#define NOBODY_RUNS (busy <= lost)

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

inline start_thread() {
  atomic {
    if
    :: next_thread < THREADS_MAX -> thread_count++; run worker(next_thread); next_thread++
    :: else
    fi
  }
}

proctype pusher() {
  bool nobody, unwatched, first;
  byte count;
  do
  :: count == ITEMS -> break
  :: else ->
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
     :: !first -> goto next /* who pushed onto nothing wakes somebody */
     :: else
     fi;
     d_step { FOR_ALL(CHANGE) };
#ifndef LOOKS_FIRST
     nobody = NOBODY_RUNS;
     unwatched = !nobody && !watching;
#endif
     if
     :: nobody -> wake_one()
#ifndef COUNTS_ON_RUNNERS
     :: unwatched -> wake_one()
#endif
     :: else
     fi;
next:
     skip;
     d_step { nobody = false; unwatched = false; first = false; count++ }
  od
}

inline give_up() {
  atomic { lost_before = taken; lost = busy };
  if
  :: busy < idle -> volunteers = busy
  :: else -> volunteers = idle
  fi;
  more = busy - volunteers;
  d_step { FOR_ALL(CHANGE) };
  d_step { FOR_ALL(WAKE) };
  do
  :: more == 0 -> break
  :: else -> start_thread(); more--
  od
}

inline run_queued() {
  do
  :: QUEUED == 0 -> break
  :: else ->
     busy++;
#ifndef NO_SPARE
     if /* keep_spare */
     :: busy < thread_count
     :: else -> start_thread()
     fi;
#endif
     do
     :: atomic {
          QUEUED > 0 ->
          if
          :: queue == 0 -> queue = incoming; incoming = 0
          :: else
          fi;
          queue--; taken++; number = taken
        };
#ifndef NOBODY_WATCHES
        if
        :: !watching ->
           if
           :: QUEUED > 0 ->
#ifndef WOKEN_WITHOUT_A_CHANGE
              d_step { FOR_ALL(CHANGE) };
#endif
              wake_one()
           :: else
           fi
        :: else
        fi;
#endif
        if
        :: true /* it returns */
        :: true -> blocked++;
end_blocked: false
#ifdef EXITS
        :: true -> goto ending
#endif
        fi;
        atomic {
          if
          :: number <= lost_before && lost > 0 -> lost--
          :: else
          fi;
          number = 0
        }
     :: QUEUED == 0 -> break
     od;
has_run:
     busy--
  od
}

proctype worker(byte me) {
  byte number, more;
  bool others_run, take_part;
  if
  :: me == 0 -> goto has_run
  :: me == 1 && BEGIN > 1 -> goto watches
  :: me == 2 && BEGIN == 3 -> goto sleeps
  :: else
  fi;
  do
  :: run_queued();
waiting:
     changed[me] = false;
     others_run = !NOBODY_RUNS;
     if
     :: QUEUED > 0 ->
        if
        :: !others_run -> take_part = true
        :: others_run ->
           atomic {
             if
             :: volunteers > 0 -> volunteers--; take_part = true
             :: else
             fi
           }
        fi
     :: else
     fi;
     if
     :: !take_part && others_run ->
        others_run = false;
        if
        :: atomic { !watching -> watching = true };
watches:
           if
           :: QUEUED > 0 && NOBODY_RUNS -> take_part = true
#ifndef NEVER_GIVES_UP
           :: QUEUED > 0 && !NOBODY_RUNS && blocked == busy &&
              thread_count <= busy + idle + 1 -> give_up(); take_part = true
#endif
           :: QUEUED == 0
           fi;
           watching = false;
           if
           :: take_part
           :: else ->
#ifdef NO_LOOK_AFTER_WATCH
              changed[me] = false
#else
              changed[me] = false;
              if
              :: QUEUED > 0 -> goto waiting
              :: else
              fi
#endif
           fi
        :: else
        fi
     :: else -> others_run = false
     fi;
     if
     :: take_part -> take_part = false
     :: else ->
        if
        :: atomic { !changed[me] -> asleep[me] = true; idle++ };
sleeps:
end_asleep:
           atomic { woken[me] -> woken[me] = false; idle-- }
        :: else
        fi;
        goto waiting
     fi
  od;
#ifdef EXITS
ending: /* ~Presence */
  atomic {
    if
    :: number <= lost_before && lost > 0 -> lost--
    :: else
    fi;
    number = 0
  };
  busy--;
  thread_count--;
  if
  :: QUEUED == 0
  :: else ->
     if
     :: thread_count == 0 -> start_thread()
     :: else
     fi;
     d_step { FOR_ALL(CHANGE) };
     wake_one()
  fi
#endif
}

init {
  byte i;
  atomic {
    next_thread = BEGIN;
    thread_count = BEGIN;
    busy = 1;
    watching = BEGIN > 1;
#ifdef IDLE
    asleep[2] = true;
    idle = 1;
#endif
    for (i : 0 .. BEGIN - 1) { run worker(i) };
    for (i : 1 .. PUSHERS) { run pusher() }
  };
  taken == ITEMS * PUSHERS
}
