// SPDX-License-Identifier: MIT
#include "request.h"

namespace support {

Request Request::to_read(int fd, std::size_t size_bytes, off_t offset) {
  Request request{size_bytes};
  request->aio_fildes = fd;
  request->aio_buf = request.data();
  request->aio_nbytes = size_bytes;
  request->aio_offset = offset;
  request->aio_sigevent.sigev_notify = SIGEV_NONE;
  request->aio_lio_opcode = LIO_READ;
  return request;
}

Request Request::to_write(int fd, std::string_view content, off_t offset) {
  Request request = to_read(fd, content.size(), offset);
  content.copy(request.data(), content.size());
  request->aio_lio_opcode = LIO_WRITE;
  return request;
}

Request Request::over(int fd, void* memory, std::size_t size_bytes, off_t offset) {
  Request request = to_read(fd, 0, offset);
  request->aio_buf = memory;
  request->aio_nbytes = size_bytes;
  return request;
}

Request::~Request() {
  if (block_ == nullptr) return;
  if (in_progress(*this)) aio_cancel(block_->aio_fildes, *this);
  if (eventually([this] { return !in_progress(*this); }, std::chrono::seconds{1})) {
    aio_return(*this);  // nobody is to find it among the results not taken
    return;
  }
  (void)block_.release();
  (void)buffer_.release();
}

int wait_done(const aiocb* block, Duration limit) {
  if (!eventually([block] { return !in_progress(block); }, limit))
    throw NotDoneInTime{"a request is still in progress"};
  return aio_error(block);
}

void wait_all_done(const std::vector<Request>& requests, Duration limit) {
  for (const Request& request : requests) wait_done(request, limit);
}

std::vector<aiocb*> list_of(const std::vector<Request>& requests) {
  return {requests.begin(), requests.end()};
}

std::vector<const aiocb*> const_list_of(const std::vector<Request>& requests) {
  std::vector<const aiocb*> list;
  for (const Request& request : requests) list.push_back(request);
  return list;
}

}  // namespace support
