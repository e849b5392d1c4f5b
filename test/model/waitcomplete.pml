/* SPDX-License-Identifier: MIT */
/*
 * aio_waitcomplete() while another thread submits: it waits for any request, also one
 * that is not yet submitted when it goes to sleep, and whose completion is lazy.
 *
 *   here                 in the code
 *   waiter               NextDone (posix/aio_waitcomplete.cc) in Waiter::wait, with its
 *                        TakerCount; lead, and follow with sleep_on_any and that one's
 *                        SleeperCount
 *   submitter            Dispatcher::submit up to io_submit, then its harvest; it then
 *                        does something else for ever
 *   worker               a pool thread, with -DPOOL; without, it is busy for ever
 *   next                 a result in Retrieval, put there by Completer::sent
 *
 * Sequentially consistent, as the counts in the code are.
 *
 * holds: one waits
 * holds: two wait: -DTWO
 * holds: two wait, one result comes from the pool: -DTWO -DPOOL
 * fails: nothing in flight is nothing to lead for: -DONLY_IF_IN_FLIGHT
 * fails: results are not announced: -DTWO -DPOOL -DNOT_ANNOUNCED
 * fails: a result of the pool does not call the leader: -DTWO -DPOOL -DNOT_CALLED
 * holds: without kernel AIO two wait for what the pool does: -DTWO -DNO_AIO
 * fails: a sleeper looks before it is counted: -DTWO -DNO_AIO -DCOUNTED_LATE
 * fails: a taker looks before it is counted: -DTWO -DNO_AIO -DTAKER_COUNTED_LATE
 */

#define FREE 255

byte results;           /* ended, not yet taken */
byte in_flight;
bool event;             /* in the ring */
byte owner = FREE, followers, sleepers, takers;
bool changed[2], asleep[2], woken[2];
bool callable, called;   /* Harvester::call_leader, see lead_follow.pml */
byte taken;

#ifdef TWO
#define WAITERS 2
#else
#define WAITERS 1
#endif

/* Every result that can be taken, if there is anybody to take it, changes the leadership
 * word and wakes who sleeps on it, and calls who leads. */
inline announce() {
#ifndef NOT_ANNOUNCED
  if
  :: takers != 0 ->
     if
     :: sleepers != 0 ->
        d_step { changed[0] = true; changed[1] = true };
        d_step { woken[0] = woken[0] || asleep[0]; woken[1] = woken[1] || asleep[1] }
     :: else
     fi;
#ifndef NOT_CALLED
     if
     :: callable -> called = true
     :: else
     fi
#else
     skip
#endif
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
     :: atomic { asleep[0] -> asleep[0] = false; woken[0] = true }
     :: atomic { asleep[1] -> asleep[1] = false; woken[1] = true }
     :: !asleep[0] && !asleep[1]
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

inline harvest(me) {
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
    :: results != 0 -> results--; got = true
    :: else
    fi
  }
}

proctype waiter(byte me) {
  bool got, could_lead;
#ifndef TAKER_COUNTED_LATE
  takers++;
#endif
  do
  :: harvest(me);
     take_result();
     if
     :: got -> break
     :: else
     fi;
     if
     :: LEADS ->
        if
        :: atomic { owner == FREE -> owner = me };
           callable = true;
           take_result();
           if
           :: !got && !event -> event || called /* io_getevents */
           :: else
           fi;
           called = false;
           take_events();
           callable = false;
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
     :: got || (could_lead && owner == FREE)
     :: else ->
#ifndef COUNTED_LATE
        sleepers++;
#endif
        take_result();
#ifdef COUNTED_LATE
        sleepers++;
#endif
#ifdef TAKER_COUNTED_LATE
        takers++;
#endif
        if
        :: got
        :: else ->
           if
           :: atomic { !changed[me] -> asleep[me] = true };
              woken[me];
              d_step { asleep[me] = false; woken[me] = false }
           :: else
           fi
        fi;
        sleepers--
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
     :: got -> break
     :: else
     fi
  od;
#ifndef TAKER_COUNTED_LATE
  takers--;
#endif
  taken++
}

#ifdef POOL
#define BY_KERNEL (WAITERS - 1)
#else
#define BY_KERNEL WAITERS
#endif

/* One after the other; the kernel ends them at any time. */
proctype submitter() {
  byte count;
  do
  :: count == BY_KERNEL -> break
  :: else ->
     in_flight++;
     run kernel();
     harvest(WAITERS);
     count++
  od
}

#if defined(POOL) || defined(NO_AIO)
proctype worker() {
  results++;
  announce()
}
#endif

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
    run worker();
    run worker()
#else
    run submitter();
#ifdef POOL
    run worker()
#endif
#endif
  };
  taken == WAITERS
}
