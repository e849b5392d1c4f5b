/* SPDX-License-Identifier: MIT */
/*
 * A thread that exists only while it is needed: no need is lost to one that ends, and there
 * are never two that serve.
 *
 *   here                 in the code (sys/lazy_thread.h)
 *   user                 whoever needs the thread: makes its need visible, ensure_running()
 *   served()             what the thread is there for; a need that it takes is met
 *   worker               enter(), run() of whoever derives, may_end()
 *   state                LazyThread::state_: the phase, and the turn above it
 *   abandoner            abandon(), by a user who finds the thread asleep where nobody can
 *                        wake it (a doorbell that the program has closed)
 *   bell                 what the thread sleeps on; a number for each that was made
 *
 * Thread creation always works here; where it does not, ensure_running() says so.
 * Sequentially consistent, as all of it is in the code.
 *
 * holds: one user, twice: -DUSERS=1 -DNEEDS=2
 * holds: two users: -DUSERS=2 -DNEEDS=2
 * holds: three users: -DUSERS=3 -DNEEDS=1
 * holds: the bell is lost once: -DUSERS=2 -DNEEDS=1 -DLOSES
 * fails: the thread does not look again when it has said that it ends: -DUSERS=1 -DNEEDS=2 -DNO_LOOK
 * fails: it looks before it says that it ends: -DUSERS=1 -DNEEDS=2 -DLOOKS_FIRST
 * fails: the need becomes visible after the question: -DUSERS=1 -DNEEDS=2 -DASKS_FIRST
 * fails: who starts one does not ask whether the last one goes on: -DUSERS=1 -DNEEDS=2 -DSTARTS_BLINDLY
 * fails: who resumes does not ask whether another was started: -DUSERS=2 -DNEEDS=2 -DRESUMES_BLINDLY
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

inline ensure_running() {
  if
  :: phase == RUNNING
  :: else ->
     atomic { !locked -> locked = true };
     if
     :: phase != ABSENT
     :: else ->
#ifdef STARTS_BLINDLY
        phase = STARTING;
        run worker()
#else
        if
        :: atomic { phase == ABSENT -> phase = STARTING }; run worker()
        :: else
        fi
#endif
     fi;
     locked = false
  fi
}

proctype user() {
  byte count;
  do
  :: count == NEEDS -> break
  :: else ->
#ifdef ASKS_FIRST
     ensure_running();
     needs++;
#else
     needs++;
#ifdef LOSES
     if /* the program has closed the number */
     :: atomic { lost -> lost = false; bell++ };
        atomic { !locked -> locked = true };
        d_step { phase = ABSENT; turn++ };
        locked = false
     :: else
     fi;
#endif
     ensure_running();
#endif
     rung[bell] = true;
     count++
  od
}

#ifdef LOSES
proctype program() {
  lost = true
}
#endif

proctype worker() {
  byte mine, sleeps_on;
  if
  :: atomic { phase == STARTING -> phase = RUNNING; mine = turn; serving++; ONE_SERVES }
  :: else -> goto ended /* it was abandoned before it ran, and another one has begun */
  fi;
  do
  :: atomic { needs > 0 -> needs--; met++ }
  :: needs == 0 ->
     if
     :: turn != mine -> goto abandoned
     :: else
     fi;
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
#ifndef NO_LOOK
#ifndef LOOKS_FIRST
        if
        :: needs == 0 -> break
        :: else
        fi;
#ifdef RESUMES_BLINDLY
        atomic { phase = RUNNING; serving++; ONE_SERVES }
#else
        if
        :: atomic { phase == ABSENT && turn == mine -> phase = RUNNING; serving++; ONE_SERVES }
        :: else -> break
        fi
#endif
#else
        break
#endif
#else
        break
#endif
     fi;
#ifdef LOOKS_FIRST
again:
     skip
#endif
  od;
  goto ended;
abandoned:
  serving--;
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
