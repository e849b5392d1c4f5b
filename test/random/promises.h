// SPDX-License-Identifier: MIT
// What is checked beyond data and results, one name each, so that a check can be left
// out by name while the library is known to break it:
// KAIO_RANDOM_WITHOUT=list_is_last,eintr leaves out two.
#pragma once

namespace random_test {

enum class Promise {
  list_is_last,          // a list is told of after its elements' own notifications
  cancel_all_is_exact,   // aio_cancel(fd, NULL) leaves nothing that it calls cancelled or done
  eintr,                 // a handler without SA_RESTART ends aio_suspend with EINTR
  look_while_cancelled,  // handlers use kaio in a thread that is being cancelled
  whole_messages,        // no stream write is cut, or torn by another's
  short_when_cancelled,  // a cancelled stream write that has begun ends with what went
  cancel_of_waiting,     // a stream read that waits for data can always be cancelled
  own_end_after_close,   // a request whose descriptor was closed ends
  reused_number,         // and does nothing to the file that gets the number
  timeout,               // a timed wait does not end early
  fence,                 // aio_fsync ends after all that came before it
  count
};

bool expected(Promise promise);
// Those left out, for the report; "" for none.
const char* left_out();

}  // namespace random_test
