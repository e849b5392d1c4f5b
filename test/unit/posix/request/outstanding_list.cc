// SPDX-License-Identifier: MIT
#include "posix/request/outstanding_list.h"
#include "support/seed.h"
#include "unit/list_model.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using kaio::OutstandingList;
using kaio::Request;

BOOST_AUTO_TEST_SUITE(outstanding_list)

namespace {

// The same from both ends; a null pointer tells that it is not.
std::vector<Request*> content(const OutstandingList& list) {
  const std::vector<Request*> forward = unit::forward<Request>(list);
  std::vector<Request*> backward;
  for (Request* request = list.back(); request != nullptr; request = list.before(*request))
    backward.push_back(request);
  std::ranges::reverse(backward);
  return forward == backward ? forward : std::vector<Request*>{nullptr};
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_behaves_like_a_vector) {
  BOOST_TEST((unit::behaves_like_a_vector<Request, OutstandingList>(support::seed(), content)));
}

BOOST_AUTO_TEST_SUITE_END()
