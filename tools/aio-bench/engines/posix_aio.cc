// SPDX-License-Identifier: MIT
#include "engines/posix_aio.h"

#include "base/errors.h"

#include <cstring>
#include <dlfcn.h>
#include <fmt/format.h>
#include <kaio/aio.h>
#include <string_view>

namespace aio_bench {

namespace {

// The shared object which holds the code at `address`.
std::string_view object_of(void* address) {
  Dl_info info{};
  return dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

bool belongs_to_libc(void* address) {
  const auto object = object_of(address);
  return object.find("/libc.so") != object.npos || object.find("/librt") != object.npos;
}

// A symbol looked up through the library's own handle is the library's own
// definition: interposition only changes what the global scope finds. The 64
// names are those that <aio.h> means with 64-bit off_t, which Meson asks for.
template <typename Function>
void find_in(void* library, const char* name, Function*& function) {
  void* const address = dlsym(library, name);
  if (address == nullptr || !belongs_to_libc(address))
    throw RunError("engine glibc: {} of the C library was not found: leave glibc out of --engine",
                   name);
  function = reinterpret_cast<Function*>(address);
}

PosixAio find_in_libc() {
  // Up to glibc 2.33 these functions were in librt.
  void* library = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  if (library != nullptr && dlsym(library, "aio_read64") == nullptr)
    library = dlopen("librt.so.1", RTLD_LAZY);
  if (library == nullptr)
    throw RunError("engine glibc: this C library is not glibc: leave glibc out of --engine");
  PosixAio functions{.name = "glibc"};
  find_in(library, "aio_read64", functions.read);
  find_in(library, "aio_write64", functions.write);
  find_in(library, "aio_fsync64", functions.sync);
  find_in(library, "aio_error64", functions.error);
  find_in(library, "aio_return64", functions.result);
  find_in(library, "aio_suspend64", functions.suspend);
  find_in(library, "aio_cancel64", functions.cancel);
  find_in(library, "lio_listio64", functions.list);
  return functions;
}

}  // namespace

const PosixAio& glibc_posix_aio() {
  static const PosixAio functions = find_in_libc();
  return functions;
}

const PosixAio& kaio_posix_aio() {
  static const PosixAio functions{.name = "kaio",
                                  .read = aio_read,
                                  .write = aio_write,
                                  .sync = aio_fsync,
                                  .error = aio_error,
                                  .result = aio_return,
                                  .suspend = aio_suspend,
                                  .cancel = aio_cancel,
                                  .list = lio_listio,
                                  .read_vector = aio_readv,
                                  .write_vector = aio_writev,
                                  .wait_complete = aio_waitcomplete};
  for (void* const address :
       {reinterpret_cast<void*>(functions.read), reinterpret_cast<void*>(functions.suspend)}) {
    if (belongs_to_libc(address))
      throw RunError(
          "engine kaio: aio_read is bound to {}, so this would measure the C library: run "
          "aio-bench as it was built, with libkaio-posix",
          object_of(address));
  }
  return functions;
}

}  // namespace aio_bench
