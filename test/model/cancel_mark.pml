/* SPDX-License-Identifier: MIT */
/*
 * Cancelling a read that is, or will be, polled: whoever marks it sees it end. No
 * poll stays although its request is marked, no other request is cancelled instead.
 *
 *   here                 in the code
 *   dispatcher           an answer that would block: Dispatcher::wait_ready, then
 *                        poll_by_kernel, or Watcher::watch (route/ways.cc)
 *   answer()             Dispatcher::answered, process_readiness (route/answers.cc)
 *   canceller            Canceller::visit, mark, settle (route/cancel.cc)
 *   in_record            the record's lock, under which a canceller sees the request
 *                        and completion takes it out
 *   life                 the slot's generation: the slot is used again, by a read that
 *                        nobody cancels
 *
 * The stream never becomes ready: only a cancelled poll ends. Sequentially consistent;
 * in the code the mark is an exchange, the state is stored and read seq_cst, and
 * io_submit and io_cancel order the rest.
 *
 * holds: polled by the kernel
 * holds: polled by the kernel, and the slot is used again: -DREUSED
 * holds: watched by epoll: -DWATCHED
 * holds: two cancel: -DCANCELLERS=2
 * fails: no second look after the poll is submitted: -DNO_SECOND_LOOK
 * fails: no second look after the watch began: -DWATCHED -DNO_SECOND_LOOK
 * fails: the mark is not followed by a look at the watcher: -DWATCHED -DWATCH_NOT_LOOKED_AT
 * fails: the second look comes before the state: -DLOOK_BEFORE_STATE
 * fails: the canceller looks at the state before it marks: -DSTATE_READ_FIRST
 * fails: a poll that was ended does not look for the mark: -DNO_LOOK_AT_ANSWER
 * fails: the mark is not wiped off for the next life: -DREUSED -DMARK_KEPT
 */

#ifndef CANCELLERS
#define CANCELLERS 1
#endif

mtype = { in_kernel, polling, watched, starting, finished };
mtype state = in_kernel; /* the first attempt: not there yet, or being handled */
bool wanted;             /* cancel_wanted */
bool in_poll;            /* the kernel, or epoll, has it */
bool event;              /* that of a poll which was ended */
byte life, cancelled_life = 255;
bool locked;             /* the record */
byte running;

inline complete_cancelled() {
  assert(life == 0); /* the one that was to be cancelled */
  atomic { assert(state != finished); state = finished; cancelled_life = life }
}

inline end_poll() {
  atomic { in_poll -> in_poll = false; event = true }
}

inline io_cancel() {
  if
  :: end_poll()
  :: else /* not found */
  fi
}

inline unwatch(done) { /* Watcher::remove, under the watcher's mutex */
  atomic {
    done = state == watched;
    if
    :: done -> state = starting; in_poll = false
    :: else
    fi
  }
}

/* Brings it into the poll, once more after each poll that ended for nothing. */
inline wait_ready() {
  if
  :: wanted -> complete_cancelled()
  :: else ->
     mine = life;
#ifdef WATCHED
     atomic { state = watched; in_poll = true };
#ifndef NO_SECOND_LOOK
     if
     :: life == mine && wanted ->
        unwatch(removed);
        if
        :: removed -> complete_cancelled()
        :: else
        fi
     :: else
     fi
#endif
#else
#ifdef LOOK_BEFORE_STATE
     looked = wanted;
#endif
     state = polling;
     in_poll = true;
#ifndef LOOK_BEFORE_STATE
     looked = wanted && life == mine;
#endif
#ifndef NO_SECOND_LOOK
     if
     :: looked -> io_cancel()
     :: else
     fi
#endif
#endif
     skip
  fi
}

proctype dispatcher() {
  byte mine;
  bool removed, looked;
  state = starting;
  wait_ready();
  running--
}

/* Whoever harvests. */
active proctype harvester() {
  byte mine;
  bool removed, looked;
end:
  do
  :: atomic { event -> event = false };
     state = starting;
#ifndef NO_LOOK_AT_ANSWER
     if
     :: wanted -> complete_cancelled()
     :: else -> wait_ready()
     fi
#else
     state = in_kernel; /* tries once more, in vain */
     state = starting;
     looked = wanted;
     looked = false;
     state = polling;
     in_poll = true
#endif
#ifdef REUSED
     ;
     if
     :: state == finished && life == 0 ->
        atomic { !locked -> skip }; /* leaves its record */
        life = 1;
#ifndef MARK_KEPT
        wanted = false;
#endif
        state = starting;
        wait_ready()
     :: else
     fi
#endif
  od
}

proctype canceller() {
  bool removed, was_polling, marked;
  do
  :: atomic { !locked -> locked = true };
     removed = false;
     marked = false;
     if
     :: life != 0 || state == finished -> locked = false; break
     :: else ->
        if
        :: state == watched ->
           unwatch(removed);
           locked = false;
           if
           :: removed -> complete_cancelled(); break
           :: else
           fi
        :: state == polling || state == in_kernel ->
#ifdef STATE_READ_FIRST
           was_polling = state == polling;
#endif
           atomic { marked = !wanted; wanted = true };
#ifndef STATE_READ_FIRST
           was_polling = state == polling;
#endif
           if
           :: marked && was_polling -> io_cancel()
#if defined(WATCHED) && !defined(WATCH_NOT_LOOKED_AT)
           :: marked && state == watched -> unwatch(removed)
#endif
           :: else
           fi;
           locked = false;
           if
           :: removed -> complete_cancelled()
           :: else -> life != 0 || state == finished /* settle(); or marked before */
           fi;
           break
        :: else -> locked = false /* in motion: looks again */
        fi
     fi
  od;
  running--
}

init {
  byte i;
  atomic {
    running++;
    run dispatcher();
    for (i : 1 .. CANCELLERS) { running++; run canceller() }
  };
  running == 0;
  assert(cancelled_life == 0)
}
