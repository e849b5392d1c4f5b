// SPDX-License-Identifier: MIT
// Proves of one direction of a stream: the bytes that reads took, one after the other in
// the order of their calls, are those that writes put in, in the order of theirs, each as
// far as its result says. Of messages: each read took one, cut to its length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <sys/types.h>

namespace random_test {

class StreamModel {
 public:
  struct Write {
    std::uint64_t version;
    std::size_t length;
    ssize_t result = -1;
  };
  struct Read {
    std::size_t length;
    ssize_t result = -1;
    std::string data;
  };

  explicit StreamModel(bool messages) : messages_(messages) {}
  // Both in the order of the calls: whoever calls holds the descriptor's order.
  Write& add_write(std::size_t length);
  Read& add_read(std::size_t length);
  // Nobody reads any more: what was left, of messages one at a time.
  void add_rest(std::string data);
  // As many bytes, or messages, were taken out as put in by what has ended.
  bool has_all() const;
  // While nothing is outstanding; forgets the past.
  void settle(const char* name);
  bool messages() const { return messages_; }

 private:
  void swap_two_parts();
  void describe_parts(const std::string& put) const;
  void settle_messages(const char* name) const;
  std::ptrdiff_t origin(const Read& read) const;
  void describe_messages() const;

  const bool messages_;
  std::deque<Write> writes_;
  std::deque<Read> reads_;
};

}  // namespace random_test
