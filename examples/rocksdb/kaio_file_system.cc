// SPDX-License-Identifier: MIT
// RocksDB on kaio: a FileSystem for direct I/O that is used without a change to RocksDB or to the
// program, by preloading it and naming it:
//
//   LD_PRELOAD=libkaio-rocksdb.so db_bench --fs_uri=kaio:// --use_direct_reads ...
//
// The reads of a MultiGet go to the kernel as one batch, ReadAsync and Poll keep reads of an
// iterator under way, and what is written past the cache is written while RocksDB prepares what
// follows, and synced by a chain. Everything else, and what goes through the page cache, is the
// default file system's.
//
// Each thread has an engine of its own. RocksDB may poll in another thread than the one that
// read, so each use of an engine takes its mutex, which hardly ever is another thread's.
#include <kaio/engine.h>

#include <rocksdb/file_system.h>
#include <rocksdb/utilities/object_registry.h>

#include <cstring>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {

using rocksdb::FileOptions;
using rocksdb::FSReadRequest;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus status_of(const kaio::Result& result, const std::string& name) {
  if (result) return IOStatus::OK();
  const std::error_code error = result.error();
  if (error == std::errc::no_space_on_device) return IOStatus::NoSpace(name, error.message());
  return IOStatus::IOError(name, error.message());
}

// An engine, and operations of those who use it only as long as they hold the mutex.
struct SharedEngine {
  std::mutex mutex;
  kaio::Engine engine;
  std::vector<kaio::Operation> operations;
};

std::shared_ptr<SharedEngine> engine_of_this_thread() {
  thread_local const auto engine = std::make_shared<SharedEngine>();
  return engine;
}

// With the mutex held.
void wait_for(SharedEngine& shared, const kaio::Operation& operation) {
  while (!operation.is_idle()) shared.engine.wait();
}

// One of ReadAsync's reads: the handle that RocksDB keeps.
struct AsyncRead {
  std::shared_ptr<SharedEngine> shared = engine_of_this_thread();
  kaio::Operation operation;
  kaio::Result refusal;
  std::string name;
  FSReadRequest request;
  std::function<void(const FSReadRequest&, void*)> callback;
  void* callback_argument = nullptr;
  bool is_told = false;  // the callback has been called, or is not to be

  // Waits for it, and calls back in this thread.
  void finish() {
    if (is_told) return;
    is_told = true;
    const kaio::Result result = wait();
    request.result = Slice(request.scratch, result.size_bytes());
    request.status = status_of(result, name);
    callback(request, callback_argument);
  }
  void abort() {
    is_told = true;
    {
      const std::lock_guard lock(shared->mutex);
      shared->engine.cancel(operation);
    }
    wait();
  }

 private:
  kaio::Result wait() {
    const std::lock_guard lock(shared->mutex);
    wait_for(*shared, operation);
    return refusal ? operation.result() : refusal;
  }
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  RandomAccessFile(std::unique_ptr<rocksdb::FSRandomAccessFile>&& target, kaio::File&& file,
                   std::string name)
      : FSRandomAccessFileOwnerWrapper(std::move(target)), file_(std::move(file)),
        name_(std::move(name)) {}

  // One read alone is the default file system's: there is nothing to gain.
  IOStatus MultiRead(FSReadRequest* requests, size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    if (count < 2)
      return FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, debug);
    const std::shared_ptr<SharedEngine> shared = engine_of_this_thread();
    const std::lock_guard lock(shared->mutex);
    std::vector<kaio::Operation>& operations = shared->operations;
    if (operations.size() < count) operations.resize(count);
    for (size_t i = 0; i < count; ++i) {
      FSReadRequest& request = requests[i];
      const kaio::Refusal refusal = shared->engine.submit(
          operations[i].read(file_, request.scratch, request.len, request.offset));
      request.status = status_of(kaio::Result(refusal.reason()), name_);
    }
    for (size_t i = 0; i < count; ++i) {
      FSReadRequest& request = requests[i];
      if (!request.status.ok()) continue;
      wait_for(*shared, operations[i]);
      const kaio::Result result = operations[i].result();
      request.result = Slice(request.scratch, result.size_bytes());
      request.status = status_of(result, name_);
    }
    return IOStatus::OK();
  }

  IOStatus ReadAsync(FSReadRequest& request, const IOOptions&,
                     std::function<void(const FSReadRequest&, void*)> callback,
                     void* callback_argument, void** handle, rocksdb::IOHandleDeleter* deleter,
                     IODebugContext*) override {
    auto read = std::make_unique<AsyncRead>();
    read->name = name_;
    read->request = request;
    read->callback = std::move(callback);
    read->callback_argument = callback_argument;
    {
      const std::lock_guard lock(read->shared->mutex);
      kaio::Engine& engine = read->shared->engine;
      read->refusal =
          engine.submit(read->operation.read(file_, request.scratch, request.len, request.offset))
              .reason();
      engine.flush();
    }
    *handle = read.release();
    *deleter = [](void* made) { delete static_cast<AsyncRead*>(made); };
    return IOStatus::OK();
  }

 private:
  const kaio::File file_;
  const std::string name_;
};

// Each write is under way while RocksDB fills its next buffer; it ends before the next one
// begins, as that may write the last block again.
class WritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableFile(std::unique_ptr<rocksdb::FSWritableFile>&& target, kaio::File&& file,
               std::string name)
      : FSWritableFileOwnerWrapper(std::move(target)), file_(std::move(file)),
        name_(std::move(name)), data_chain_(file_, kaio::Chain::Sync::data),
        full_chain_(file_, kaio::Chain::Sync::full) {}
  ~WritableFile() override { finish_write().PermitUncheckedError(); }

  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions&,
                            IODebugContext*) override {
    const IOStatus status = finish_write();
    if (!status.ok()) return status;
    if (buffer_.size() < data.size()) buffer_ = kaio::Buffer(data.size());
    std::memcpy(buffer_.data(), data.data(), data.size());
    const std::lock_guard lock(shared_->mutex);
    const kaio::Refusal refusal =
        shared_->engine.submit(write_.write(file_, buffer_.data(), data.size(), offset));
    shared_->engine.flush();
    is_written_ = !refusal;
    return status_of(kaio::Result(refusal.reason()), name_);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }

  IOStatus Sync(const IOOptions&, IODebugContext*) override { return sync(data_chain_); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(full_chain_); }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = finish_write();
    return status.ok() ? FSWritableFileOwnerWrapper::Truncate(size, options, debug) : status;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = finish_write();
    const IOStatus closed = FSWritableFileOwnerWrapper::Close(options, debug);
    return status.ok() ? closed : status;
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = finish_write();
    return status.ok() ? FSWritableFileOwnerWrapper::Flush(options, debug) : status;
  }

 private:
  IOStatus finish_write() {
    if (!is_written_) return IOStatus::OK();
    is_written_ = false;
    const std::lock_guard lock(shared_->mutex);
    wait_for(*shared_, write_);
    return status_of(write_.result(), name_);
  }

  IOStatus sync(kaio::Chain& chain) {
    const IOStatus status = finish_write();
    if (!status.ok()) return status;
    const std::lock_guard lock(shared_->mutex);
    if (const kaio::Refusal refusal = shared_->engine.submit(chain))
      return status_of(kaio::Result(refusal.reason()), name_);
    while (!chain.is_idle()) shared_->engine.wait();
    return status_of(chain.result(), name_);
  }

  const std::shared_ptr<SharedEngine> shared_ = engine_of_this_thread();
  const kaio::File file_;
  const std::string name_;
  kaio::Buffer buffer_;
  kaio::Operation write_;
  bool is_written_ = false;  // its outcome has not been asked for
  kaio::Chain data_chain_, full_chain_;
};

class FileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  static const char* kClassName() { return "kaio"; }
  const char* Name() const override { return kClassName(); }

  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* made,
                               IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewRandomAccessFile(name, options, made, debug);
    if (!status.ok() || !options.use_direct_reads) return status;
    try {
      kaio::File file(name.c_str(), {.flags = O_RDONLY, .direct = kaio::Direct::require});
      *made = std::make_unique<RandomAccessFile>(std::move(*made), std::move(file), name);
    } catch (const std::system_error& error) {
      return IOStatus::IOError(name, error.what());
    }
    return status;
  }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* made,
                           IODebugContext* debug) override {
    return direct(FileSystemWrapper::NewWritableFile(name, options, made, debug), name, options,
                  made);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* made,
                              IODebugContext* debug) override {
    return direct(FileSystemWrapper::ReopenWritableFile(name, options, made, debug), name, options,
                  made);
  }

  IOStatus Poll(std::vector<void*>& handles, size_t) override {
    for (void* handle : handles) static_cast<AsyncRead*>(handle)->finish();
    return IOStatus::OK();
  }
  IOStatus AbortIO(std::vector<void*>& handles) override {
    for (void* handle : handles) static_cast<AsyncRead*>(handle)->abort();
    return IOStatus::OK();
  }

 private:
  static IOStatus direct(IOStatus status, const std::string& name, const FileOptions& options,
                         std::unique_ptr<rocksdb::FSWritableFile>* made) {
    if (!status.ok() || !options.use_direct_writes || options.use_mmap_writes) return status;
    try {
      kaio::File file(name.c_str(), {.flags = O_WRONLY, .direct = kaio::Direct::require});
      *made = std::make_unique<WritableFile>(std::move(*made), std::move(file), name);
    } catch (const std::system_error& error) {
      return IOStatus::IOError(name, error.what());
    }
    return status;
  }
};

[[maybe_unused]] const auto registered =
    rocksdb::ObjectLibrary::Default() -> AddFactory<rocksdb::FileSystem>(
        rocksdb::ObjectLibrary::PatternEntry("kaio").AddSeparator("://", false),
        [](const std::string&, std::unique_ptr<rocksdb::FileSystem>* made, std::string*) {
          *made = std::make_unique<FileSystem>();
          return made->get();
        });

}  // namespace
