// SPDX-License-Identifier: MIT
// Requests of every kind: begun, then (after whatever the test does) brought to
// their end and checked. For forked children: no Boost.Test in here.
#pragma once

#include "support/channel.h"
#include "support/request.h"
#include "support/temporary_file.h"

#include <functional>
#include <list>
#include <string>
#include <vector>

namespace fault {

class MixedIo {
 public:
  MixedIo();
  // Submits. A request may be refused with EAGAIN where `may_refuse` says so: by the call, or
  // later, as its status.
  void begin(bool may_refuse = false);
  // Transfers of files may end short, with what they have transferred.
  void allow_short() { may_be_short_ = true; }
  int short_count() const { return short_count_; }
  // Supplies what streams wait for, waits for all, and checks them.
  void end();
  // What went wrong, also told on stderr.
  int failures() const { return failures_; }
  int refused() const { return refused_; }

 private:
  struct Item {
    support::Request request;
    std::string what;
    ssize_t expected;
    std::function<bool()> content_is_right;
    off_t read_from = -1;  // where it reads a file
  };

  Item* submit(std::string what, support::Request request, int (*call)(aiocb*), ssize_t expected);
  void check(bool condition, const std::string& what);
  void wait_and_check(Item& item);
  // Supplies the readers, whatever is refused.
  void write_to(const support::Channel& channel);
  void begin_on_file(int fd, const std::string& name);
  void begin_on_streams();
  void notify_by_eventfd(support::Request& request);

  support::TemporaryFile file_;
  support::TemporaryFile direct_file_;  // direct writes would spoil cached pages
  support::TemporaryFile ram_file_;
  support::Fd buffered_;
  support::Fd direct_;
  support::Fd in_ram_;
  support::Fd event_;
  std::list<support::Channel> channels_;
  std::list<Item> items_;
  int notified_wanted_ = 0;
  int failures_ = 0;
  int refused_ = 0;
  int short_count_ = 0;
  bool may_refuse_ = false;
  bool may_be_short_ = false;
};

// A whole round, or several; 0 when all was right.
int mixed_rounds(int rounds = 1, bool may_refuse = false);

}  // namespace fault
