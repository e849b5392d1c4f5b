/* SPDX-License-Identifier: MIT */
/*
 * Waiting: one thread leads, the others follow; nobody sleeps on although what he
 * waits for is done, or is in the ring with nobody to take it out.
 *
 *   here                 in the code
 *   wait(), follow()     Waiter::wait, follow (posix/wait/waiter.cc)
 *   queue, dequeue       futex_waitv in sleep_on_words; on_count(): futex_wait in
 *                        sleep_on_any, as with a timeout or too many words
 *   lead()               RingReaper::lead, sleep, Hold (posix/wait/ring_reaper.cc)
 *   promote()            RingReaper::promote
 *   call()               RingReaper::wake_leader: a write to the eventfd whose poll
 *                        arm() keeps in the ring
 *   mark()               AnyDone::on_ring, mark, done (posix/api/waits.cc)
 *   complete()           Completer::complete: publish, wake_sleepers
 *   put_aside, drain()   Dispatcher::on_result and drain (posix/request/deferred.h)
 *   submitter            submit_into_ring, submitted (posix/dispatch/submission.cc)
 *   worker               a pool thread
 *
 * A request is for its waiters in one of these places:
 *   starting   in a thread's hands, which submits it
 *   in_kernel  lazy: nothing but its event tells of its end
 *   in_pool    a pool thread will complete it
 *   over       completed
 *
 * Sequentially consistent, as the code is wherever one side writes, then looks at
 * what the other wrote. done() in the code reads the status with acquire: whoever
 * sleeps by it has marked the word before, or counted itself among the sleepers.
 *
 * holds: three with a request each in the ring: -DALIKE
 * holds: one waits for the pool alone: -DBYSTANDER
 * holds: one waits for the pool alone, on the count of completions: -DBYSTANDER -DON_COUNT=2
 * holds: one waits for ring and pool: -DMIXED
 * holds: one waits for ring and pool, on the count of completions: -DMIXED -DON_COUNT=0
 * holds: an answer that sends a request to the pool: -DREFUSED
 * holds: a request that is being submitted: -DSTARTING
 * holds: a submission that is refused: -DSTARTING -DREFUSED_SUBMISSION
 * holds: two for the same, one of them with a timeout: -DTIMEOUT
 * fails: no promotion when a leader leaves: -DALIKE -DNO_PROMOTION
 * fails: a follower counts itself after its last look: -DALIKE -DCOUNTED_LATE
 * fails: a follower that leaves passes nothing on: -DTIMEOUT -DNOTHING_PASSED_ON
 * fails: a bystander swallows the promotion: -DBYSTANDER -DBYSTANDER_NAMES_LEADER_WORD
 * fails: a bystander swallows the promotion of those on the count: -DBYSTANDER -DON_COUNT=2 -DBYSTANDER_KEEPS_PROMOTION
 * fails: the pool does not wake the leader: -DMIXED -DNO_CALL
 * fails: the leader is wakeable after its last look: -DMIXED -DWAKEABLE_LATE
 * fails: what is done is asked before what is in the ring: -DMIXED -DDONE_IS_ASKED_FIRST
 * fails: the waiter bit is looked at before the status is published: -DMIXED -DBIT_READ_FIRST
 * fails: a sleeper counts itself after its last look: -DBYSTANDER -DON_COUNT=2 -DSLEEPER_COUNTED_LATE
 * fails: whoever waits for a starting request believes it out of the ring: -DSTARTING -DSTARTING_IS_ELSEWHERE
 * fails: a refused submission is told before it shows: -DSTARTING -DREFUSED_SUBMISSION -DTOLD_BEFORE_IT_SHOWS
 * fails: two threads handle an event: -DALIKE -DNO_LOCK
 */

/* ---- Who waits for what ---- */

mtype = { starting, in_kernel, in_pool, over };

/* FIRST and SECOND: what waiter w lists. GOES: where request r is to begin with.
   ENDS: its event says that it is done; otherwise that it has to go to the pool. */
#define NONE 9
#if defined(ALIKE)
#define WAITERS 3
#define REQUESTS 3
#define GOES(r) in_kernel
#elif defined(TIMEOUT)
#define WAITERS 3
#define REQUESTS 2
#define FIRST(w) (w == 2 -> 1 : 0)
#define GOES(r) in_kernel
#define TIMED(w) (w == 1)
#define ON_COUNT 1 /* as every wait with a timeout */
#elif defined(BYSTANDER)
#define WAITERS 3
#define REQUESTS 3
#define GOES(r) (r == 2 -> in_pool : in_kernel)
#define WORKER
/* The bystander is there until the others are gone, and never leads. */
#define NO_CALLS
#define POOL_IS_READY (word[0] == 0 && word[1] == 0)
#elif defined(MIXED) /* request 0 never ends */
#define WAITERS 2
#define REQUESTS 3
#define SECOND(w) (w == 0 -> 2 : NONE)
#define GOES(r) (r == 2 -> in_pool : in_kernel)
#define NEVER(r) (r == 0)
#define WORKER
#elif defined(REFUSED)
#define WAITERS 2
#define REQUESTS 2
#define GOES(r) in_kernel
#define ENDS(r) (r != 0)
#define WORKER
#elif defined(STARTING)
#define WAITERS 2
#define REQUESTS 2
#define GOES(r) (r == 0 -> starting : in_kernel)
#define SUBMITTER
#define WORKER
#endif

#ifndef FIRST
#define FIRST(w) w
#endif
#ifndef POOL_IS_READY
#define POOL_IS_READY true
#endif
#ifndef SECOND
#define SECOND(w) NONE
#endif
#ifndef ENDS
#define ENDS(r) true
#endif
#ifndef NEVER
#define NEVER(r) false
#endif
#ifndef TIMED
#define TIMED(w) false
#endif
#if defined(WORKER) && !defined(NO_CALLS)
#define CALLS
#endif
#if defined(ON_COUNT)
#define on_count(w) (w == ON_COUNT)
#else
#define on_count(w) false
#endif

/* ---- The engine ---- */

#define FREE 255
#define NO_EVENT 255
#define CALL 254 /* the event of the call's poll */

#define IN_PROGRESS 1
#define WAITER 2

byte word[REQUESTS];     /* the status words */
mtype place[REQUESTS];
bool submitted[REQUESTS];
chan ring = [REQUESTS + 1] of { byte };

byte owner = FREE;
bool wakeable, armed, polling, called;
byte followers, sleepers;
bool changed[WAITERS];   /* the leader word is another than the waiter has seen */

/* The kernel's queues of futex sleepers. A thread stays in the other queues until
   it runs, and takes wake-ups there that were meant for somebody else. */
byte on_words[WAITERS];  /* bit r: sleeps on word[r] */
bool on_leader_word[WAITERS];
bool woken[WAITERS];

#if WAITERS > 2
#define FOR_ALL(action, r) action(0, r); action(1, r); action(2, r)
#else
#define FOR_ALL(action, r) action(0, r); action(1, r)
#endif
#define WAKE_FROM(w, r) woken[w] = woken[w] || (on_words[w] & (1 << r)) != 0
#define CHANGE(w, r) changed[w] = true
#define WAKE(w, r) woken[w] = woken[w] || on_leader_word[w]; on_leader_word[w] = false

inline wake_word(r) {
  d_step { FOR_ALL(WAKE_FROM, r) }
}

inline change_leader_word() {
  d_step { FOR_ALL(CHANGE, 0) }
}

inline wake_all_on_leader_word() {
  d_step { FOR_ALL(WAKE, 0) }
}

inline wake_one_on_leader_word() {
  if
  :: atomic { on_leader_word[0] -> on_leader_word[0] = false; woken[0] = true }
  :: atomic { on_leader_word[1] -> on_leader_word[1] = false; woken[1] = true }
#if WAITERS > 2
  :: atomic { on_leader_word[2] -> on_leader_word[2] = false; woken[2] = true }
#endif
  :: else
  fi
}

inline call(me) {
#if defined(CALLS) && !defined(NO_CALL)
  if
  :: wakeable && owner != me -> called = true
  :: else
  fi
#else
  skip
#endif
}

inline complete(me, r) {
#ifdef BIT_READ_FIRST
  before = word[r];
  word[r] = 0;
#else
  d_step {
    assert(word[r] & IN_PROGRESS); /* nothing completes twice */
    before = word[r];
    word[r] = 0
  };
#endif
  if
  :: before & WAITER -> before = 0; wake_word(r); call(me)
  :: else -> before = 0
  fi;
  if
  :: sleepers != 0 -> change_leader_word(); wake_all_on_leader_word(); call(me)
  :: else
  fi;
  place[r] = over
}

inline promote(all) {
#ifndef NO_PROMOTION
  if
  :: followers != 0 ->
     if
     :: owner == FREE ->
        change_leader_word();
        if
        :: all -> wake_all_on_leader_word()
        :: else -> wake_one_on_leader_word()
        fi
     :: else
     fi
  :: else
  fi
#else
  skip
#endif
}

inline handle(me, event) {
  if
  :: event == CALL -> called = false; armed = false
  :: event != CALL && ENDS(event) -> complete(me, event)
  :: event != CALL && !ENDS(event) -> d_step { place[event] = starting; aside = event }
  fi;
  event = NO_EVENT
}

inline handle_all(me) {
  do
  :: got != NO_EVENT -> handle(me, got)
  :: atomic { got == NO_EVENT && len(ring) > 0 -> ring ? got }
  :: got == NO_EVENT && len(ring) == 0 -> break
  od
}

inline unlock() {
  wakeable = false;
  owner = FREE;
  promote(false)
}

#ifdef NO_LOCK
#define CAN_LOCK true
#else
#define CAN_LOCK owner == FREE
#endif

inline reap(me) {
  do
  :: len(ring) == 0 -> break
  :: len(ring) > 0 ->
     if
     :: atomic { CAN_LOCK -> owner = me }; handle_all(me); unlock()
     :: else -> break
     fi
  od
}

/* Only one request is ever put aside. */
inline drain() {
  if
  :: aside != NO_EVENT -> d_step { place[aside] = in_pool; aside = NO_EVENT }
  :: else
  fi
}

/* ---- A waiter ---- */

inline look_if_done(me) {
  enough = !(word[FIRST(me)] & IN_PROGRESS);
  if
  :: !enough && SECOND(me) != NONE -> enough = !(word[SECOND(me)] & IN_PROGRESS)
  :: else
  fi
}

#ifdef STARTING_IS_ELSEWHERE
#define COUNTS_AS_RING(r) (place[r] == in_kernel)
#else
#define COUNTS_AS_RING(r) (place[r] == in_kernel || place[r] == starting)
#endif

inline look_at_place(r) {
  if
  :: word[r] & IN_PROGRESS ->
     d_step {
       some = some || COUNTS_AS_RING(r);
       others = others || place[r] != in_kernel
     }
  :: else
  fi
}

inline look_at_places(me) {
  look_at_place(FIRST(me));
  if
  :: SECOND(me) != NONE -> look_at_place(SECOND(me))
  :: else
  fi
}

inline mark_one(r) {
  d_step {
    if
    :: word[r] & IN_PROGRESS -> word[r] = word[r] | WAITER
    :: else -> enough = true
    fi
  }
}

inline mark(me) {
  mark_one(FIRST(me));
  if
  :: !enough && SECOND(me) != NONE -> mark_one(SECOND(me));
     if
     :: !enough -> look_if_done(me)
     :: else
     fi
  :: else
  fi
}

/* With the lock. */
inline lead(me) {
#ifdef CALLS
  if
  :: !armed -> d_step { polling = true; armed = true }
  :: else
  fi;
#ifndef WAKEABLE_LATE
  wakeable = true;
#endif
#endif
#ifdef DONE_IS_ASKED_FIRST
  look_if_done(me);
#endif
  look_at_places(me);
  if
  :: enough
  :: !enough && (others || !some) -> mark(me)
  :: !enough && some && !others -> skip;
#ifndef DONE_IS_ASKED_FIRST
     look_if_done(me)
#endif
  fi;
  d_step { some = false; others = false };
#ifdef WAKEABLE_LATE
  wakeable = true;
#endif
  if
  :: !enough && len(ring) == 0 ->
     if /* io_getevents, which hands over one event */
     :: ring ? got
     :: TIMED(me) -> timed_out = true
     fi
  :: else -> enough = false
  fi;
  handle_all(me);
  unlock();
  reap(me)
}

#ifdef BYSTANDER_NAMES_LEADER_WORD
#define NAMES_LEADER_WORD true
#else
#define NAMES_LEADER_WORD could_lead
#endif

/* The kernel queues us on each word that it finds as expected. */
#define AS_EXPECTED(r) (r == NONE || word[r] == (IN_PROGRESS | WAITER))
inline sleep_on_words(me) {
  if
  :: atomic {
       AS_EXPECTED(FIRST(me)) && (SECOND(me) == NONE || AS_EXPECTED(SECOND(me))) &&
         !(NAMES_LEADER_WORD && changed[me]) ->
       on_words[me] = (1 << FIRST(me)) | (SECOND(me) == NONE -> 0 : 1 << SECOND(me));
       on_leader_word[me] = NAMES_LEADER_WORD
     };
     if
     :: woken[me]
     :: TIMED(me) -> timed_out = true
     fi
  :: else
  fi;
  d_step { woken[me] = false; on_words[me] = 0; on_leader_word[me] = false }
}

inline sleep_on_any(me) {
#ifndef SLEEPER_COUNTED_LATE
  sleepers++;
#endif
  look_if_done(me);
#ifdef SLEEPER_COUNTED_LATE
  sleepers++;
#endif
  if
  :: !enough ->
     if
     :: atomic { !changed[me] -> on_leader_word[me] = true };
        if
        :: woken[me]
        :: TIMED(me) -> timed_out = true
        fi
     :: else
     fi;
     d_step { woken[me] = false; on_leader_word[me] = false }
  :: else -> enough = false
  fi;
  sleepers--
}

inline count_me() {
  if
  :: could_lead -> followers++
  :: else
  fi
}

inline follow(me) {
  look_at_places(me);
  d_step { could_lead = some; some = false; others = false };
#ifndef COUNTED_LATE
  count_me();
#endif
  changed[me] = false;
  mark(me);
  if
  :: !enough && !(could_lead && owner == FREE) ->
#ifdef COUNTED_LATE
     count_me();
#endif
     if
     :: on_count(me) -> sleep_on_any(me)
     :: else -> sleep_on_words(me)
     fi
  :: else -> enough = false;
#ifdef COUNTED_LATE
     count_me();
#endif
  fi;
  if
  :: could_lead -> could_lead = false;
     followers--;
#ifndef NOTHING_PASSED_ON
     promote(false)
#endif
  :: else -> skip;
#ifndef BYSTANDER_KEEPS_PROMOTION
     if
     :: on_count(me) -> promote(true)
     :: else
     fi
#endif
  fi
}

inline wait(me) {
  do
  :: reap(me);
     drain();
     look_if_done(me);
     if
     :: enough || timed_out -> break
     :: else
     fi;
     look_at_places(me);
     if
     :: some -> d_step { some = false; others = false };
        if
        :: atomic { CAN_LOCK -> owner = me }; lead(me); drain()
        :: else -> follow(me)
        fi
     :: else -> d_step { some = false; others = false }; follow(me)
     fi
  od
}

#define LOCALS byte before; byte aside = NO_EVENT; byte got = NO_EVENT

proctype waiter(byte me) {
  LOCALS;
  bool enough, some, others, could_lead, timed_out;
  wait(me);
  enough = false
}

#ifdef WORKER
#define FOR_WORKER(r) (place[r] == in_pool && POOL_IS_READY)

inline work() {
#ifdef CALLS /* whoever sees it starting leads, and wants to be woken */
  place[mine] = starting;
#endif
  complete(WAITERS, mine);
  mine = 0;
  reap(WAITERS); /* Dispatcher::carried_out */
  drain()
}

proctype worker() {
  LOCALS;
  byte mine;
end:
  do
  :: atomic { FOR_WORKER(0) -> mine = 0 }; work()
  :: atomic { FOR_WORKER(1) -> mine = 1 }; work()
#if REQUESTS > 2
  :: atomic { FOR_WORKER(2) -> mine = 2 }; work()
#endif
  od
}
#endif

#ifdef SUBMITTER
proctype submitter() {
  LOCALS;
  place[0] = in_kernel;
#ifdef REFUSED_SUBMISSION
#ifdef TOLD_BEFORE_IT_SHOWS
  call(WAITERS + 1);
  place[0] = starting;
#else
  place[0] = starting;
  call(WAITERS + 1);
#endif
  place[0] = in_pool
#else
  submitted[0] = true;
  reap(WAITERS + 1);
  drain()
#endif
}
#endif

/* Where waiters are alike it is enough to try one order of their completions. */
#if defined(ALIKE) || defined(BYSTANDER)
#define IN_TURN(before) !submitted[before]
#else
#define IN_TURN(before) true
#endif

active proctype kernel() {
end:
  do
  :: atomic { polling && called -> polling = false; ring ! CALL }
  :: atomic { submitted[0] && !NEVER(0) -> submitted[0] = false; ring ! 0 }
  :: atomic { submitted[1] && IN_TURN(0) -> submitted[1] = false; ring ! 1 }
#if REQUESTS > 2
  :: atomic { submitted[2] && IN_TURN(1) -> submitted[2] = false; ring ! 2 }
#endif
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. REQUESTS - 1) {
      word[i] = IN_PROGRESS;
      place[i] = GOES(i);
      submitted[i] = place[i] == in_kernel
    };
    for (i : 0 .. WAITERS - 1) { run waiter(i) };
#ifdef WORKER
    run worker();
#endif
#ifdef SUBMITTER
    run submitter()
#endif
  }
}
