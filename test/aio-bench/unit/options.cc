// SPDX-License-Identifier: MIT
#include "run/options.h"

#include "base/errors.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>
#include <string>
#include <vector>

using namespace aio_bench;

BOOST_AUTO_TEST_SUITE(options)

namespace {

Options parse(const std::vector<std::string>& words) {
  std::vector<const char*> arguments{"aio-bench"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  const auto options = parse_options(static_cast<int>(arguments.size()), arguments.data());
  BOOST_REQUIRE(options.has_value());
  return *options;
}

std::string complaint_about(const std::vector<std::string>& words) {
  try {
    parse(words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

struct Wrong {
  std::vector<std::string> words;
  std::string says;
};

std::ostream& operator<<(std::ostream& out, const Wrong& wrong) {
  for (const std::string& word : wrong.words) out << word << ' ';
  return out;
}

const std::vector<Wrong> wrong_lines{
    {{"--dept", "4"}, "did you mean '--depth'"},
    {{"--jsno=x"}, "did you mean '--json'"},
    {{"-Z"}, "-Z: there is no such option"},
    {{"--engine", "kaoi"}, "did you mean 'kaio'"},
    {{"--load", "radnread"}, "did you mean 'randread'"},
    {{"--cache", "buffred"}, "did you mean 'buffered'"},
    {{"--notify", "sigal"}, "did you mean 'signal'"},
    {{"--depth", "0"}, "--depth: '0'"},
    {{"--depth"}, "--depth"},
    {{"--block-size", "4x"}, "--block-size: '4x'"},
    {{"--repeats", "none"}, "--repeats: 'none'"},
    {{"--seconds", "1", "--amount", "1m"}, "give one of them"},
    {{"--rate", "5", "--poisson", "5"}, "give one of them"},
    {{"--size", "1k"}, "smaller than one block"},
    {{"--amount", "4k", "-j", "2"}, "for each of 2 jobs"},
    {{"--engine", "libaio", "--notify", "signal"}, "libaio only knows suspend,poll,list,eventfd"},
    {{"--engine", "glibc", "--vectors", "2"}, "glibc has no vectors"},
    {{"--vectors", "3"}, "does not divide"},
    {{"--notify", "waitcomplete", "-j", "2"}, "waitcomplete"},
    {{"--notify", "signal", "-j", "64"}, "--notify signal"},
    {{"--cold", "--cache", "direct"}, "--cold"},
    {{"--cold", "--load", "write"}, "--cold is about reads"},
    {{"--cold", "--ramp-up", "1"}, "--ramp-up"},
    {{"--extend"}, "--extend grows a scratch file"},
    {{"--extend", "--load", "write", "/dev/null"}, "would destroy"},
    {{"--dsync"}, "--dsync is about writes"},
    {{"--fsync", "4"}, "--fsync is about writes"},
    {{"--write"}, "are for a target that exists"},
    {{"--force"}, "are for a target that exists"},
    {{"/a", "--force"}, "do not fit loads that only read"},
    {{"/a", "--load", "write"}, "add --write --destroy=/a"},
    {{"/a", "--load", "randrw", "--write"}, "add --write --destroy=/a"},
    {{"/a", "--load", "write", "--destroy", "/a"}, "add --write --destroy=/a"},
    {{"/a", "/b", "--load", "write", "--write", "--destroy=/a"}, "add --write --destroy=/b"},
    {{"/a", "--load", "write", "--write", "--destroy=/ab"}, "not one of the targets"},
    {{"/a", "--load", "randread,write"}, "would destroy"},
    {{"/a", "/a"}, "named twice"},
    {{"-d", "8", "--depth", "16"}, "--depth is given twice, with '8' and '16'"},
    {{"-b", "-1"}, "--block-size: '-1' is not a size"},
    {{"-d", "1.."}, "--depth: '1..' is half a range"},
    {{"--json", ""}, "--json is given '', an empty word"},
};

}  // namespace

BOOST_DATA_TEST_CASE(what_makes_no_sense_is_said, boost::unit_test::data::make(wrong_lines),
                     wrong) {
  const std::string complaint = complaint_about(wrong.words);
  BOOST_TEST(complaint.find(wrong.says) != complaint.npos, "said: '" << complaint << "'");
}

BOOST_AUTO_TEST_CASE(without_arguments_it_is_every_engine_on_a_scratch_file_in_about_a_minute) {
  const Options options = parse({});
  BOOST_TEST(options.has_scratch_file());
  BOOST_TEST(options.engine_names.size() == 7u);
  BOOST_TEST((options.depths == std::vector<unsigned>{1, 8, 32}));
  BOOST_TEST(!options.has_writes());
  // 6 engines at 3 depths, and one at one.
  const double seconds = 19 * options.repeats * (options.seconds + options.ramp_up_seconds);
  BOOST_TEST(seconds < 65);
}

BOOST_AUTO_TEST_CASE(engines_that_cannot_do_it_are_left_out_when_none_was_named) {
  BOOST_TEST((parse({"-n", "thread"}).engine_names == std::vector<std::string>{"glibc", "kaio"}));
  BOOST_TEST((parse({"-n", "waitcomplete"}).engine_names == std::vector<std::string>{"kaio"}));
  BOOST_TEST(parse({"--vectors", "2"}).engine_names.size() == 6u);
}

BOOST_AUTO_TEST_CASE(writing_takes_both_words_for_each_target) {
  const Options options = parse(
      {"/a", "/b", "--load", "randread,randrw:10", "--write", "--destroy=/b", "--destroy", "/a"});
  BOOST_TEST(options.has_writes());
  BOOST_TEST(options.has_reads());
}

BOOST_AUTO_TEST_CASE(what_goes_through_the_area_once_has_no_ramp_up) {
  BOOST_TEST(parse({}).ramp_up_seconds > 0);
  BOOST_TEST(parse({"--cold"}).ramp_up_seconds == 0);
  BOOST_TEST(parse({"--amount", "1m"}).ramp_up_seconds == 0);
  BOOST_TEST(parse({"--amount", "1m", "--ramp-up", "2"}).ramp_up_seconds == 2);
}

BOOST_AUTO_TEST_SUITE_END()
