// SPDX-License-Identifier: MIT
#include "posix/wait/retrieval.h"

#include <algorithm>
#include <span>

namespace kaio {
namespace {

// Claims for `claim` each request whose result is kept and which `is_meant`, and
// calls use(Request&) with it.
template <class IsMeant, class Use>
void claim_kept(Requests& requests, std::uint32_t claim, IsMeant&& is_meant, Use&& use) {
  const std::uint32_t slot_count = requests.slab.slot_count();
  for (std::uint32_t slot = 0; slot < slot_count; ++slot) {
    Request* request = requests.slab.at(slot);
    if (request == nullptr) continue;
    std::uint32_t now = request->claim.load(std::memory_order_acquire);
    if ((now & claim::mask) == claim::kept && is_meant(*request) &&
        request->claim.compare_exchange_strong(now, (now & ~claim::mask) | claim))
      use(*request);
  }
}

}  // namespace

void Retrieval::take_later(Request& request, std::uint32_t generation, std::uint32_t now) noexcept {
  while (now != (generation | claim::taken) && (now & ~claim::mask) == generation)
    if (request.claim.compare_exchange_strong(now, generation | claim::taken)) {
      if (now == (generation | claim::kept)) requests_.free(request);
      return;
    }
}

void Retrieval::forget_old() noexcept {
  const std::uint32_t slot_count = requests_.slab.slot_count();
  if (all_wanted_.load(std::memory_order_relaxed) ||
      slot_count < forget_from_slots_.load(std::memory_order_relaxed))
    return;
  const std::uint64_t ended = end_count_.load(std::memory_order_relaxed);
  std::uint32_t forgotten_count = 0;
  claim_kept(
      requests_, claim::taken,
      [ended](const Request& request) {
        return ended - request.end_number() > limits::unclaimed_max;
      },
      [this, &forgotten_count](Request& request) {
        requests_.free(request);
        ++forgotten_count;
      });
  // Looking at all of them for little is not worth it again soon.
  if (forgotten_count < slot_count / 4)
    forget_from_slots_.store(2 * slot_count, std::memory_order_relaxed);
}

void Retrieval::collect_kept() noexcept {
  const std::uint32_t slot_count = requests_.slab.slot_count();
  const std::size_t size_bytes = slot_count * sizeof(Request*);
  auto* kept = slot_count == 0 ? nullptr : static_cast<Request**>(sys::map_pages(size_bytes));
  const std::size_t kept_max = kept == nullptr ? 0 : slot_count;
  std::size_t kept_count = 0;
  const auto keep = [&](Request& request) NO_THREAD_SAFETY_ANALYSIS {
    if (kept_count == kept_max) {
      append(request);  // no memory to sort it in
    } else {
      kept[kept_count++] = &request;
    }
  };
  claim_kept(
      requests_, claim::retained, [](const Request&) { return true; }, keep);
  const std::span<Request*> in_order(kept, kept_count);
  std::ranges::sort(in_order, {}, [](const Request* request) { return request->end_number(); });
  for (Request* request : in_order) append(*request);
  if (kept != nullptr) sys::unmap_pages(kept, size_bytes);
}

}  // namespace kaio
