/* SPDX-License-Identifier: MIT */
/*
 * aio_waitcomplete() while another thread submits: it waits for any request, also one
 * that is not yet submitted when it goes to sleep, and whose completion is lazy.
 *
 *   here                 in the code
 *   waiter               NextDone (posix/api/aio_waitcomplete.cc) in Waiter::wait, with its
 *                        TakerCount; lead, and follow with NextDone::words; without
 *                        futex_waitv, with -DNO_WAITV, with sleep_on_any and that one's
 *                        SleeperCount
 *   submitter            Dispatcher::submit up to io_submit; it reaps, and then
 *                        does something else for ever
 *   worker               a pool thread, with -DPOOL; without, it is busy for ever
 *   next                 a result in Retrieval, put there by Completer::sent
 *   announce             Completer::announce_result; in the code not for a result that is kept while
 *                        nobody has asked for results (Retrieval::Kept::here): whoever waits
 *                        has asked, and so collected those, before it is counted
 *   on_results,          where a sleeping thread is queued: the kernel takes it off the
 *   on_leader_word        word that it is woken by, it itself off the other one
 *
 * Sequentially consistent, as the counts in the code are.
 *
 * holds: one waits
 * holds: two wait: -DTWO
 * holds: two wait, one result comes from the pool: -DTWO -DPOOL
 * fails: nothing in flight is nothing to lead for: -DONLY_IF_IN_FLIGHT
 * fails: results are not announced: -DTWO -DPOOL -DNOT_ANNOUNCED
 * fails: a result of the pool does not wake the leader: -DTWO -DPOOL -DNOT_CALLED
 * holds: without kernel AIO two wait for what the pool does: -DTWO -DNO_AIO
 * fails: the words are read after the last look: -DTWO -DNO_AIO -DREAD_LATE
 * fails: a taker looks before it is counted: -DTWO -DNO_AIO -DTAKER_COUNTED_LATE
 * holds: one of two is cancelled, the other one gets the result: -DTWO -DNO_AIO -DGIVES_UP
 * holds: the same with the kernel: -DTWO -DPOOL -DGIVES_UP
 * fails: whoever is cancelled does not pass on what it was woken for: -DTWO -DNO_AIO -DGIVES_UP -DNOT_PASSED_ON
 * holds: two wait for one result: -DTWO -DFEW
 * holds: the same, without kernel AIO: -DTWO -DFEW -DNO_AIO
 * fails: whoever takes the last result does not tell the others: -DTWO -DFEW -DNO_AIO -DNOT_TOLD
 * holds: two wait, without futex_waitv: -DTWO -DPOOL -DNO_WAITV
 * holds: the same, without kernel AIO: -DTWO -DNO_AIO -DNO_WAITV
 * fails: the same, and a sleeper looks before it is counted: -DTWO -DNO_AIO -DNO_WAITV -DCOUNTED_LATE
 */

#define FREE 255

byte results;           /* ended, not yet taken */
byte in_flight;
bool event;             /* in the ring */
byte owner = FREE, followers, sleepers, takers, sleeping_takers;
bool changed[2];        /* one of the words that it sleeps on, since it read them */
bool on_results[2], on_leader_word[2], woken[2];
bool wakeable, called;   /* RingReaper::wake_leader, see lead_follow.pml */
byte outstanding;       /* Requests::any_to_retrieve */
byte left;

#ifdef TWO
#define WAITERS 2
#else
#define WAITERS 1
#endif

inline wake(i) {
  woken[i] = true
}

/* Every result that can be taken, if there is anybody to take it, wakes one who sleeps on
 * `results`; else whoever sleeps on the leader word, and wakes the leader. */
inline announce() {
#ifndef NOT_ANNOUNCED
  if
  :: takers != 0 ->
#ifndef NO_WAITV
     d_step { changed[0] = true; changed[1] = true };
#endif
     if
     :: sleeping_takers != 0 ->
        if
        :: atomic { on_results[0] -> on_results[0] = false; wake(0) }
        :: atomic { on_results[1] -> on_results[1] = false; wake(1) }
        :: atomic { !on_results[0] && !on_results[1] -> nobody_woken = true }
        fi
     :: else -> nobody_woken = true
     fi;
     if
     :: nobody_woken ->
        nobody_woken = false;
        if
        :: sleepers != 0 ->
           d_step { changed[0] = true; changed[1] = true };
           d_step {
             if
             :: on_leader_word[0] -> on_leader_word[0] = false; wake(0)
             :: else
             fi;
             if
             :: on_leader_word[1] -> on_leader_word[1] = false; wake(1)
             :: else
             fi
           }
        :: else
        fi;
#ifndef NOT_CALLED
        if
        :: wakeable -> called = true
        :: else
        fi
#else
        skip
#endif
     :: else
     fi
  :: else
  fi
#else
  skip
#endif
}

inline promote() {
  if
  :: followers != 0 && owner == FREE ->
     d_step { changed[0] = true; changed[1] = true };
     if
     :: atomic { on_leader_word[0] -> on_leader_word[0] = false; wake(0) }
     :: atomic { on_leader_word[1] -> on_leader_word[1] = false; wake(1) }
     :: atomic { !on_leader_word[0] && !on_leader_word[1] -> skip }
     fi
  :: else
  fi
}

inline take_events() {
  if
  :: atomic { event -> event = false };
     in_flight--;
     results++;
     announce()
  :: else
  fi
}

inline reap(me) {
  do
  :: !event -> break
  :: event ->
     if
     :: atomic { owner == FREE -> owner = me }; take_events(); owner = FREE; promote()
     :: else -> break
     fi
  od
}

#if defined(NO_AIO)
#define LEADS false
#elif defined(ONLY_IF_IN_FLIGHT)
#define LEADS (in_flight != 0)
#else
#define LEADS true
#endif

inline take_result() {
  atomic {
    if
    :: results != 0 -> results--; outstanding--; got = true
    :: else -> none_left = outstanding == 0
    fi
  }
}

#if defined(POOL) || defined(NO_AIO)
proctype worker() {
  bool nobody_woken;
  results++;
  announce()
}
#endif

#ifdef NO_WAITV
#define SLEEPERS sleepers
#else
#define SLEEPERS sleeping_takers
#endif

proctype waiter(byte me) {
  bool got, none_left, could_lead, sleeps, nobody_woken, gives_up;
#ifndef TAKER_COUNTED_LATE
  takers++;
#endif
  do
  :: reap(me);
     take_result();
     if
     :: got || none_left -> break
     :: else
     fi;
     if
     :: LEADS ->
        if
        :: atomic { owner == FREE -> owner = me };
           wakeable = true;
           take_result();
           if
           :: !got && !none_left && !event ->
              if
              :: event || called /* io_getevents */
#ifdef GIVES_UP
              :: me == 1 -> gives_up = true
#endif
              fi
           :: else
           fi;
           if
           :: !gives_up -> called = false; take_events()
           :: else /* it unwinds */
           fi;
           wakeable = false;
           owner = FREE;
           promote();
           goto again
        :: else
        fi
     :: else
     fi;
     could_lead = LEADS;
     if
     :: could_lead -> followers++
     :: else
     fi;
     changed[me] = false;
     take_result();
     if
     :: got || none_left || (could_lead && owner == FREE)
     :: else ->
#ifndef COUNTED_LATE
        SLEEPERS++;
#endif
        take_result();
#ifdef COUNTED_LATE
        SLEEPERS++;
#endif
#ifdef READ_LATE
        changed[me] = false;
#endif
#ifdef TAKER_COUNTED_LATE
        takers++;
#endif
        if
        :: got || none_left
        :: else ->
           sleeps = true;
           if
           :: atomic {
                !changed[me] ->
#ifndef NO_WAITV
                on_results[me] = true;
                on_leader_word[me] = could_lead
#else
                on_leader_word[me] = true
#endif
              };
              if
              :: woken[me]
#ifdef GIVES_UP
              :: me == 1 -> gives_up = true
#endif
              fi;
              d_step { on_results[me] = false; on_leader_word[me] = false; woken[me] = false };
              sleeps = gives_up
           :: else
           fi
        fi;
        SLEEPERS--
#ifdef TAKER_COUNTED_LATE
        ; takers--
#endif
     fi;
     if
     :: could_lead -> could_lead = false; followers--; promote()
     :: else
     fi;
again:
     if
     :: got || none_left || gives_up -> break
     :: else
     fi
  od;
#ifndef TAKER_COUNTED_LATE
  takers--;
#endif
#ifndef NOT_PASSED_ON
  if
  :: sleeps -> announce()
  :: else
  fi;
#endif
#ifndef NOT_TOLD
  if
  :: !gives_up && outstanding == 0 -> announce()
  :: else
  fi;
#endif
  left++
#ifdef GIVES_UP
  /* And if it has not given up, another one ends. */
  ; if
  :: me == 1 && got -> outstanding++; run worker()
  :: else
  fi
#endif
}

#if defined(POOL) || defined(FEW)
#define BY_KERNEL (WAITERS - 1)
#else
#define BY_KERNEL WAITERS
#endif

/* One after the other; the kernel ends them at any time. */
proctype submitter() {
  byte count;
  bool nobody_woken;
  do
  :: count == BY_KERNEL -> break
  :: else ->
     in_flight++;
     run kernel();
     reap(WAITERS);
     count++
  od
}

proctype kernel() {
  atomic { !event -> event = true }
}

init {
  atomic {
    run waiter(0);
#ifdef TWO
    run waiter(1);
#endif
#ifdef NO_AIO
    outstanding++;
    run worker();
#if !defined(GIVES_UP) && !defined(FEW)
    outstanding++;
    run worker()
#endif
#else
    outstanding = BY_KERNEL;
    run submitter();
#ifdef POOL
    outstanding++;
    run worker()
#endif
#endif
  };
  left == WAITERS
}
