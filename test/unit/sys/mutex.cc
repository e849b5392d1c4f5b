// SPDX-License-Identifier: MIT
#include "sys/mutex.h"

#include <boost/test/unit_test.hpp>

using kaio::sys::Mutex;
using kaio::sys::mutexes_held;

BOOST_AUTO_TEST_SUITE(mutexes)

// The analysis does not follow conditions in Boost's macros.
BOOST_AUTO_TEST_CASE(a_thread_counts_those_that_it_holds) {
  struct Both {
    Mutex first;
    Mutex second;
    void try_them() NO_THREAD_SAFETY_ANALYSIS {
      first.lock();
      BOOST_TEST(second.try_lock());
      BOOST_TEST(mutexes_held == 2u);
      BOOST_TEST(!second.try_lock());
      BOOST_TEST(mutexes_held == 2u);
      second.unlock();
      first.unlock();
      BOOST_TEST(mutexes_held == 0u);
    }
  };
  Both().try_them();
}

// In the child of a handler that forked while its thread held a mutex nothing is held any
// more; the frame that was interrupted unlocks the parent's mutex all the same.
BOOST_AUTO_TEST_CASE(one_that_was_forgotten_by_a_fork_does_not_make_the_count_underflow) {
  Mutex of_the_parent;
  of_the_parent.lock();
  mutexes_held = 0;
  of_the_parent.unlock();
  BOOST_TEST(mutexes_held == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
