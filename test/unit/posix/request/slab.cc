// SPDX-License-Identifier: MIT
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 sees a null object in Slab::allocate() that its own index rules out.
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif

#include "posix/order/requests.h"

#include <boost/test/unit_test.hpp>

#include <climits>
#include <memory>
#include <set>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(slab)

namespace {

struct Thing {
  std::uint32_t slot = 0;
  std::atomic<std::uint32_t> next_free{0};
  std::atomic<int> owners{0};
};

}  // namespace

BOOST_AUTO_TEST_CASE(all_of_the_capacity_can_be_had_and_no_more) {
  kaio::Slab<Thing, 16, 4> slab;
  std::set<Thing*> things;
  std::set<std::uint32_t> slots;
  for (int i = 0; i < 64; ++i) {
    Thing* thing = slab.allocate();
    BOOST_REQUIRE(thing != nullptr);
    things.insert(thing);
    slots.insert(thing->slot);
    BOOST_TEST(slab.at(thing->slot) == thing);
  }
  BOOST_TEST(things.size() == 64u);
  BOOST_TEST(*slots.rbegin() == 63u);
  BOOST_TEST(slab.allocate() == nullptr);
  BOOST_TEST(slab.mapped_bytes() == 64 * sizeof(Thing));
  slab.free(**things.begin());
  BOOST_TEST(slab.allocate() == *things.begin());
  BOOST_TEST(slab.allocate() == nullptr);
}

BOOST_AUTO_TEST_CASE(what_never_was_is_not_found) {
  kaio::Slab<Thing, 16, 4> slab;
  BOOST_TEST(slab.at(0) == nullptr);
  slab.allocate();
  BOOST_TEST(slab.at(15) != nullptr);
  BOOST_TEST(slab.at(16) == nullptr);
  BOOST_TEST(slab.at(64) == nullptr);
  BOOST_TEST(slab.at(UINT32_MAX) == nullptr);
}

BOOST_AUTO_TEST_CASE(reserving_maps_at_once_what_is_allocated_later) {
  kaio::Slab<Thing, 16, 8> slab;
  slab.reserve(40);
  BOOST_TEST(slab.mapped_bytes() == 48 * sizeof(Thing));
  slab.reserve(128);
  BOOST_TEST(slab.mapped_bytes() == 128 * sizeof(Thing));
}

BOOST_AUTO_TEST_CASE(no_two_threads_ever_have_the_same_object) {
  auto slab = std::make_unique<kaio::Slab<Thing, 8, 64>>();
  std::atomic<int> doubled{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      std::vector<Thing*> mine;
      for (int round = 0; round < 40000; ++round) {
        if ((round * 7 + i) % 13 < 7 && mine.size() < 120) {
          Thing* thing = slab->allocate();
          if (thing == nullptr) {
            ++refused;
            continue;
          }
          if (thing->owners.fetch_add(1) != 0) ++doubled;
          mine.push_back(thing);
        } else if (!mine.empty()) {
          mine.back()->owners.fetch_sub(1);
          slab->free(*mine.back());
          mine.pop_back();
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(doubled.load() == 0);
  BOOST_TEST(refused.load() == 0);
}

BOOST_AUTO_TEST_CASE(a_request_is_found_by_slot_and_generation_only_while_it_lives) {
  auto requests = std::make_unique<kaio::Requests>();
  kaio::Request* request = requests->slab.allocate();
  BOOST_REQUIRE(request != nullptr);
  const std::uint32_t slot = request->slot;
  const std::uint32_t generation = request->generation();
  BOOST_TEST(requests->find(slot, generation) == request);
  BOOST_TEST(requests->find(slot, generation + 4) == nullptr);
  BOOST_TEST(requests->find(slot + 1000, generation) == nullptr);
  BOOST_TEST(requests->find(UINT32_MAX, generation) == nullptr);
  request->claim.fetch_or(kaio::claim::retained);
  BOOST_TEST(requests->find(slot, generation) == request);
  requests->free(*request);
  BOOST_TEST(requests->find(slot, generation) == nullptr);
  BOOST_TEST(requests->slab.allocate() == request);
  BOOST_TEST(requests->find(slot, generation) == nullptr);
  BOOST_TEST(requests->find(slot, request->generation()) == request);
}

BOOST_AUTO_TEST_CASE(a_vector_is_copied_whatever_its_length_and_its_place_used_again) {
  auto store = std::make_unique<kaio::IovecStore>();
  for (const std::size_t count : {0u, 1u, 14u, 15u, 16u, 17u, 1023u, 1024u}) {
    std::vector<iovec> source(count);
    for (std::size_t i = 0; i < count; ++i)
      source[i] = {.iov_base = reinterpret_cast<void*>(i + 1), .iov_len = i * 3};
    iovec* copy = store->copy(source.data(), count);
    BOOST_REQUIRE(copy != nullptr);
    bool alike = true;
    for (std::size_t i = 0; i < count; ++i)
      alike =
          alike && copy[i].iov_base == source[i].iov_base && copy[i].iov_len == source[i].iov_len;
    BOOST_TEST(alike);
    store->free(copy, count);
    BOOST_TEST(store->copy(source.data(), count) == copy);
    store->free(copy, count);
  }
  const std::size_t mapped = store->mapped_bytes();
  for (int i = 0; i < 1000; ++i) {
    iovec one{};
    store->free(store->copy(&one, 1), 1);
  }
  BOOST_TEST(store->mapped_bytes() == mapped);
}

BOOST_AUTO_TEST_CASE(every_descriptor_number_has_a_record_of_its_own) {
  auto table = std::make_unique<kaio::DescriptorTable>();
  BOOST_TEST(table->at(-1) == nullptr);
  BOOST_TEST(table->at(INT_MIN) == nullptr);
  std::set<kaio::DescriptorRecord*> records;
  const std::vector<int> numbers = {0, 1, 1023, 65535, 65536, 1 << 20, (1 << 30) + 5, INT_MAX};
  for (const int fd : numbers) {
    kaio::DescriptorRecord* record = table->at(fd);
    BOOST_TEST(record != nullptr);
    if (record == nullptr) continue;
    BOOST_TEST(record->occupancy.now().empty());
    BOOST_TEST(table->at(fd) == record);
    records.insert(record);
  }
  BOOST_TEST(records.size() == numbers.size());
  BOOST_TEST(table->at(1) == table->at(0) + 1);
}

BOOST_AUTO_TEST_CASE(threads_that_touch_a_record_first_together_find_the_same_one) {
  for (int round = 0; round < 50; ++round) {
    auto table = std::make_unique<kaio::DescriptorTable>();
    kaio::DescriptorRecord* found[4] = {};
    std::vector<std::thread> threads;
    for (auto& one : found) threads.emplace_back([&] { one = table->at(70000); });
    for (std::thread& thread : threads) thread.join();
    for (const auto* one : found) BOOST_REQUIRE(one == found[0]);
  }
}

BOOST_AUTO_TEST_SUITE_END()
