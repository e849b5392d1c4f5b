/* SPDX-License-Identifier: MIT */
/*
 * A thread that exists only while it is needed: no need is lost to one that ends, and there
 * are never two that serve.
 *
 *   here                 in the code (sys/lazy_thread.h)
 *   user                 whoever needs the thread: makes its need visible, ensure_running()
 *   served()             what the thread is there for; a need that it takes is met
 *   worker               enter(), run() of whoever derives, may_end(), is_replaced()
 *   state                LazyThread::state_: the phase, and the turn above it
 *   abandoner            abandon(), by a user who finds the thread asleep where nobody can
 *                        wake it (a doorbell that the program has closed)
 *   bell                 what the thread sleeps on; a number for each that was made
 *
 * Thread creation works, or fails at will (-DREFUSES): then ensure_running() says so, and
 * the user takes back its need. Sequentially consistent, as all of it is in the code.
 *
 * holds: one user, twice: -DUSERS=1 -DNEEDS=2
 * holds: two users: -DUSERS=2 -DNEEDS=2
 * holds: three users: -DUSERS=3 -DNEEDS=1
 * holds: the bell is lost once: -DUSERS=2 -DNEEDS=1 -DLOSES
 * holds: threads are refused: -DUSERS=2 -DNEEDS=2 -DREFUSES
 * holds: the bell is lost, and threads are refused: -DUSERS=2 -DNEEDS=1 -DLOSES -DREFUSES
 * fails: the thread does not look again when it has said that it ends: -DUSERS=1 -DNEEDS=2 -DNO_LOOK
 * fails: it looks before it says that it ends: -DUSERS=1 -DNEEDS=2 -DLOOKS_FIRST
 * fails: the need becomes visible after the question: -DUSERS=1 -DNEEDS=2 -DASKS_FIRST
 * fails: whoever starts one does not ask whether the last one goes on: -DUSERS=1 -DNEEDS=2 -DSTARTS_BLINDLY
 * fails: one that was abandoned ends though it has not been replaced: -DUSERS=2 -DNEEDS=1 -DLOSES -DREFUSES -DENDS_UNREPLACED
 * fails: one that was abandoned before it ran ends at once: -DUSERS=2 -DNEEDS=1 -DLOSES -DREFUSES -DENDS_UNBEGUN
 * fails: whoever resumes leaves it to a thread that is about to be made: -DUSERS=2 -DNEEDS=2 -DREFUSES -DRESUMES_WITHOUT_LOCK
 * fails: whoever resumes does not ask whether another was started: -DUSERS=2 -DNEEDS=2 -DRESUMES_BLINDLY
 */

#define ABSENT 0
#define STARTING 1
#define RUNNING 2

/* and those that were abandoned, until they notice */
#define ONE_SERVES assert(serving <= 1 + turn)

byte phase, turn;
bool locked;
byte needs, met;
byte serving; /* threads that run, and have not said that they end */
byte bell;    /* the one that users ring */
bool rung[3];
bool lost;

inline lock() { atomic { !locked -> locked = true } }

inline make_thread() {
  phase = STARTING;
  if
#ifdef REFUSES
  :: phase = ABSENT; made = false
#endif
  :: run worker()
  fi
}

inline ensure_running() {
  made = true;
  if
  :: phase == RUNNING
  :: else ->
     lock();
#ifdef STARTS_BLINDLY
     make_thread();
#else
     if
     :: phase != ABSENT
     :: else -> make_thread()
     fi;
#endif
     locked = false
  fi
}

proctype user() {
  byte count;
  bool made;
  do
  :: count == NEEDS -> break
  :: else ->
#ifdef ASKS_FIRST
     ensure_running();
     needs++;
     rung[bell] = true;
#else
     needs++;
#ifdef LOSES
     if /* the program has closed the number */
     :: atomic { lost -> lost = false; bell++ };
        lock();
        d_step { phase = ABSENT; turn++ };
        locked = false
     :: else
     fi;
#endif
     ensure_running();
     if
     :: made -> rung[bell] = true
     :: else ->
        atomic { /* unless the thread has met it meanwhile */
          if
          :: needs > 0 -> needs--; met++
          :: else
          fi
        }
     fi;
#endif
     count++
  od
}

#ifdef LOSES
proctype program() {
  lost = true
}
#endif

/* take_place() */
inline take_place(taken) {
  lock();
  if
  :: atomic { phase != RUNNING -> phase = RUNNING; mine = turn; serving++; ONE_SERVES }; taken = true
  :: phase == RUNNING -> taken = false
  fi;
  locked = false
}

proctype worker() {
  byte mine, sleeps_on;
  bool goes_on;
#ifdef ENDS_UNBEGUN
  if
  :: atomic { phase == STARTING -> phase = RUNNING; mine = turn; serving++; ONE_SERVES }
  :: else -> goto ended
  fi;
#else
  take_place(goes_on);
  if
  :: goes_on
  :: else -> goto ended /* it was abandoned before it ran, and another one has begun */
  fi;
#endif
  do
  :: atomic { needs > 0 -> needs--; met++ }
  :: turn != mine -> /* though there may be needs, which it cannot meet yet */
abandoned:
     serving--;
#ifdef ENDS_UNREPLACED
     goto ended;
#endif
     take_place(goes_on);
     if
     :: goes_on
     :: else -> goto ended
     fi
  :: needs == 0 && turn == mine ->
     sleeps_on = bell;
     if
     :: atomic { rung[sleeps_on] -> rung[sleeps_on] = false }
     :: true -> /* it has been idle for long */
#ifdef LOOKS_FIRST
        if
        :: needs > 0 -> goto again
        :: else
        fi;
#endif
        if
        :: atomic { phase == RUNNING && turn == mine -> phase = ABSENT; serving-- }
        :: else -> goto abandoned
        fi;
#if defined(NO_LOOK) || defined(LOOKS_FIRST)
        goto ended;
#endif
        if
        :: needs == 0 -> goto ended
        :: else
        fi;
#ifdef RESUMES_BLINDLY
        atomic { phase = RUNNING; serving++; ONE_SERVES };
        goes_on = true;
#else
#ifdef RESUMES_WITHOUT_LOCK
        if
        :: atomic { phase == ABSENT && turn == mine -> phase = RUNNING; serving++; ONE_SERVES };
           goes_on = true
        :: else -> goes_on = false
        fi;
#else
        take_place(goes_on);
#endif
#endif
        if
        :: goes_on
        :: else -> goto ended
        fi
     fi;
again:
     skip
  od;
ended:
  skip
}

init {
  byte i;
  atomic {
    for (i : 1 .. USERS) { run user() };
#ifdef LOSES
    run program()
#endif
  };
  met == USERS * NEEDS
}
