// SPDX-License-Identifier: MIT
// What every conformance case is written with.
#pragma once

#include "support/aligned_buffer.h"
#include "support/callbacks.h"
#include "support/channel.h"
#include "support/checked.h"
#include "support/deadline.h"
#include "support/fd.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/request.h"
#include "support/signals.h"
#include "support/storage.h"
#include "support/temporary_file.h"
#include "support/watchdog.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>
#include <ostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace support {

// Of reads and writes alike.
enum class Direction { read, write };
inline std::ostream& operator<<(std::ostream& out, Direction direction) {
  return out << (direction == Direction::read ? "aio_read" : "aio_write");
}
inline std::vector<Direction> both_directions() { return {Direction::read, Direction::write}; }
inline int submit(Direction direction, aiocb* block) {
  return direction == Direction::read ? aio_read(block) : aio_write(block);
}

// 0 when the call succeeded, else its errno.
template <class Call>
int errno_of(Call call) {
  errno = 0;
  return call() == -1 ? errno : 0;
}

inline Fd open_path(const char* path, int flags) {
  return Fd{checked(::open(path, flags | O_CLOEXEC), path)};
}

}  // namespace support

using namespace support;
namespace data = boost::unit_test::data;
