// SPDX-License-Identifier: MIT
#include "base/command_line.h"

#include "base/errors.h"
#include "base/output.h"
#include "base/names.h"
#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <sstream>
#include <utility>

namespace aio_bench {

namespace {

// As CLI11 has them: short ones of one letter, long ones, without their dashes.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* const option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

bool is_number_below_zero(const std::string& word) {
  return word.size() > 1 && word[0] == '-' &&
         (std::isdigit(static_cast<unsigned char>(word[1])) != 0 || word[1] == '.');
}

// The option that takes the word behind it as its value, if `word` is one's whole name.
const CLI::Option* option_before_value(const CLI::App& app, const std::string& word) {
  if (!word.starts_with('-') || word == "--") return nullptr;
  for (const CLI::Option* const option : app.get_options())
    if (option->get_items_expected_max() > 0 && option->check_name(word)) return option;
  return nullptr;
}

// To CLI11 `-b -1` is an option that lacks its value, and another one that is unknown. As
// no option begins with a digit, it is a value: and as such it is refused by name.
std::vector<std::string> with_values_below_zero(const CLI::App& app, int argument_count,
                                                const char* const* arguments) {
  std::vector<std::string> words(arguments + 1, arguments + argument_count);
  for (std::size_t i = 0; i + 1 < words.size() && words[i] != "--"; ++i) {
    if (!is_number_below_zero(words[i + 1]) || option_before_value(app, words[i]) == nullptr)
      continue;
    words[i] += (words[i].starts_with("--") ? "=" : "") + words[i + 1];
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
  return words;
}

// Of several values CLI11 is to take the last one, so that check_values() can say what is
// wrong with them.
void allow_several(CLI::App& app) {
  for (CLI::Option* const option : app.get_options([](CLI::Option*) { return true; }))
    if (option->get_items_expected_max() == 1 &&
        option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw)
      option->take_last();
}

std::string longest_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? option.get_name() : "--" + option.get_lnames().front();
}

std::string empty_text(const std::string& name) {
  return name + " is given '', an empty word: give a value, or leave it out";
}

std::string missing_text(const std::string& name, const CLI::Option& option,
                         const std::string& in_its_place) {
  return fmt::format("{} takes a value, {}: and {}", name, option.get_type_name(), in_its_place);
}

// CLI11 takes the word behind an option for its value, whatever that is.
bool is_option(const CLI::App& app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  return word.starts_with("--") ||
         (word.starts_with('-') && word.size() > 1 &&
          std::ranges::any_of(app.get_options(),
                              [&](const CLI::Option* one) { return one->check_name(name); }));
}

// What no option takes: an empty word, as `--json "$FILE"` is where FILE is not set, and
// another option, and a second value where there can be one.
void check_values(const CLI::App& app, const std::string& help) {
  for (const CLI::Option* const option : app.get_options()) {
    const std::vector<std::string>& values = option->results();
    const std::string name = longest_name(*option);
    if (option->get_items_expected_max() == 0) continue;
    if (std::ranges::find(values, "") != values.end()) throw UsageError(empty_text(name) + help);
    for (const std::string& value : values)
      if (!option->get_positional() && is_option(app, value))
        throw UsageError(
            missing_text(name, *option, fmt::format("what follows it is '{}'", value)) + help);
    if (values.size() < 2 || option->get_multi_option_policy() != CLI::MultiOptionPolicy::TakeLast)
      continue;
    const bool takes_list = option->get_type_name() == "LIST";
    throw UsageError("{} is given {}, with {}: {}{}", name,
                     values.size() == 2 ? "twice" : fmt::format("{} times", values.size()),
                     "'" + join(values, "' and '") + "'",
                     takes_list
                         ? fmt::format("give it once, with a list: {} {}", name, join(values, ","))
                         : "give it once",
                     help);
  }
}

// What CLI11 could not place. A word behind an unknown option may be meant as its value,
// and is no matter of its own.
std::string unknown_words(const CLI::App& app) {
  std::string options, others;
  for (const std::string& word : app.remaining()) {
    const std::string name = word.substr(0, word.find('='));
    if (word.starts_with('-') && word.size() > 1)
      options += fmt::format("{}{}: there is no such option{}", options.empty() ? "" : "; ", name,
                             advice(name, option_names(app)));
    else
      others += fmt::format("{}'{}' is one argument too many", others.empty() ? "" : "; ", word);
  }
  return options.empty() ? others : options;
}

// Which option is without its value: the last word, or one as in `--json=`.
std::string lacking_value(const CLI::App& app, int argument_count, const char* const* arguments) {
  for (int i = 1; i < argument_count; ++i) {
    const std::string word = arguments[i];
    if (word.ends_with('=') && option_before_value(app, word.substr(0, word.size() - 1)) != nullptr)
      return empty_text(word.substr(0, word.size() - 1));
  }
  const std::string last = arguments[argument_count - 1];
  const CLI::Option* const option = option_before_value(app, last);
  return option == nullptr ? "an option lacks its value"
                           : missing_text(last, *option, "none is there");
}

}  // namespace

CommandLine::CommandLine(const std::string& name, const std::string& description,
                         const std::string& behind, std::size_t column_width)
    : CLI::App(description, name) {
  set_help_flag("-h,--help", "this text");
  footer(behind);
  get_formatter()->column_width(column_width);
}

CLI::Option* CommandLine::word(const char* names, const char* argument, const char* description,
                               std::string& word) {
  return in_section(add_option(names, word, description)->type_name(argument));
}

CLI::Option* CommandLine::add_value(const char* names, const char* argument,
                                    const char* description, const char* otherwise, Reader reader) {
  Value& one = values_.emplace_back();
  one.word = otherwise;
  one.reader = std::move(reader);
  return one.option = word(names, argument, description, one.word);
}

void CommandLine::flag(const char* names, bool& is_given, const char* description) {
  in_section(add_flag(names, is_given, description));
}

bool CommandLine::read(int argument_count, const char* const* arguments) {
  allow_extras();
  allow_several(*this);
  const std::string help = ": see " + get_name() + " --help";
  try {
    std::vector<std::string> words = with_values_below_zero(*this, argument_count, arguments);
    std::ranges::reverse(words);  // as CLI11 wants them
    parse(std::move(words));
  } catch (const CLI::ArgumentMismatch&) {
    throw UsageError(lacking_value(*this, argument_count, arguments) + help);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(error.what() + help);
    std::ostringstream text;
    exit(error, text, text);
    print_out(text.str());
    return false;
  }
  if (!remaining().empty()) throw UsageError(unknown_words(*this) + help);
  check_values(*this, help);
  for (const Value& one : values_)
    if (!one.word.empty()) one.reader(longest_name(*one.option), one.word);
  return true;
}

CLI::Option* CommandLine::in_section(CLI::Option* option) const {
  return section_.empty() ? option : option->group(section_);
}

}  // namespace aio_bench
