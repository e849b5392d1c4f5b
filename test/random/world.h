// SPDX-License-Identifier: MIT
// The files and streams that all actors share, with their models, and the moments at
// which nothing is outstanding and everything has to be exactly as it should.
#pragma once

#include "item.h"

#include "support/fd.h"
#include "support/loop_device.h"
#include "support/temporary_file.h"

#include <deque>
#include <memory>

namespace random_test {

class World {
 public:
  explicit World(Chance& chance);

  Target& pick(Chance& chance) { return targets_[chance.below(targets_.size())]; }
  std::deque<Target>& targets() { return targets_; }
  // While the actors pause: ends every request, looks at all that was left.
  void settle();
  void describe();

 private:
  struct Stream {
    Target* reader;
    Target* writer;
    StreamModel model;
    explicit Stream(bool messages) : model(messages) {}
  };

  Target& add(Target::Kind kind, std::string name, int fd);
  void add_files(Chance& chance);
  void add_file(std::string name, support::Fd fd, std::string content, bool grows, bool direct);
  void add_stream(Chance& chance, unsigned kind);
  void add_direction(const std::string& name, int reader, int writer, bool messages,
                     std::size_t length_max);
  void settle_stream(Stream& stream);
  bool take_rest(Stream& stream, int patience_ms);
  void settle_counter(Target& target);

  std::deque<support::TemporaryFile> temporary_;
  std::unique_ptr<support::LoopDevice> loop_;
  std::deque<support::Fd> fds_;
  std::deque<FileModel> file_models_;
  AppendModel append_model_;
  Counter counter_;
  std::deque<Stream> streams_;
  std::deque<Target> targets_;
};

}  // namespace random_test
