// SPDX-License-Identifier: MIT
// Which of the many limits was met: each has another way to raise it, so that an advice
// that names the wrong one helps nobody. All texts begin with ": ", or are empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace aio_bench {

// All memory of the machine.
std::uint64_t machine_memory_bytes();

// After ENOMEM, or std::bad_alloc, when so much was wanted (0: it is not known): the
// limits of address space or data, or the memory itself.
std::string memory_advice(std::uint64_t wanted_bytes);

// After EAGAIN from the start of a thread: the user's or the control group's number of
// processes, the kernel's, or the memory for its stack.
std::string thread_advice();

// After EMFILE or ENFILE: the process's or the system's open files. "" for other errors.
std::string descriptor_advice(int error_number);

// After EAGAIN from io_setup() for so many requests: fs.aio-max-nr.
std::string kernel_aio_advice(std::uint64_t request_count);

// After EAGAIN from a POSIX AIO that has nothing in flight: whichever of these it was.
std::string exhaustion_advice(std::uint64_t request_count);

// After EFBIG: the limit of a file's size, or the file system's.
std::string file_size_advice();

}  // namespace aio_bench
