// SPDX-License-Identifier: MIT
// Boost.Test without a main function of its own, compiled once.
#define BOOST_TEST_NO_MAIN
#define BOOST_TEST_ALTERNATIVE_INIT_API
#include <boost/test/included/unit_test.hpp>
