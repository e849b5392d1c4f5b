// SPDX-License-Identifier: MIT
// What the commands share in reading their arguments.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>

namespace aio_bench {

// The options of a command, and what makes values of the words that are given for them.
class CommandLine : public CLI::App {
 public:
  // `behind`: what the help ends with, whose descriptions begin at this column.
  CommandLine(const std::string& name, const std::string& description, const std::string& behind,
              std::size_t column_width = 26);

  // The heading of the options that are added from now on.
  void section(const char* title) { section_ = title; }
  CLI::Option* word(const char* names, const char* argument, const char* description,
                    std::string& word);
  // Of what is given, or else of `otherwise` unless that is "", `target` becomes what
  // `parser` makes of the option's name, the word, and `bounds`.
  template <typename Target, typename Parser, typename... Bounds>
  CLI::Option* value(const char* names, const char* argument, const char* description,
                     const char* otherwise, Target& target, Parser parser, Bounds... bounds) {
    return add_value(
        names, argument, description, otherwise,
        [&target, parser, bounds...](const std::string& option, const std::string& word) {
          target = parser(option, word, bounds...);
        });
  }
  void flag(const char* names, bool& is_given, const char* description);

  // Reads the values in the order in which they were added. False when the arguments only
  // asked for help or the version, which was printed. Throws UsageError, for an unknown
  // option with the one that is nearest to it.
  bool read(int argument_count, const char* const* arguments);

 private:
  using Reader = std::function<void(const std::string& option, const std::string& word)>;

  struct Value {
    std::string word;
    Reader reader;
    CLI::Option* option = nullptr;
  };

  CLI::Option* add_value(const char* names, const char* argument, const char* description,
                         const char* otherwise, Reader reader);
  CLI::Option* in_section(CLI::Option* option) const;

  std::string section_;
  std::deque<Value> values_;  // which the options point to
};

}  // namespace aio_bench
