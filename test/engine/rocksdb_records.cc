// SPDX-License-Identifier: MIT
// Numbered records in RocksDB, by the file system of examples/rocksdb: for kill_log.py, in the
// same words as the write-ahead log.
//
//   rocksdb_records write DIRECTORY RECORDS COMMITTERS
//       Puts one after the other, synced, and says each number.
//   rocksdb_records check DIRECTORY
//       Reads all by MultiGet and by iterators, and says the last number.
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr const char* file_system = "kaio://";

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "rocksdb_records: %s\n", what.c_str());
  std::exit(1);
}

void require(const rocksdb::Status& status, const char* what) {
  if (!status.ok()) fail(what + (": " + status.ToString()));
}

std::string key_of(unsigned long number) {
  char text[24];
  std::snprintf(text, sizeof text, "%020lu", number);
  return text;
}

std::string value_of(unsigned long number) {
  return std::string(number * 7919 % 3000 + 1, static_cast<char>('a' + number % 26));
}

struct Database {
  explicit Database(const char* directory) {
    rocksdb::ConfigOptions configuration;
    require(rocksdb::Env::CreateFromUri(configuration, "", file_system, &options.env, &env),
            file_system);
    options.create_if_missing = true;
    options.use_direct_reads = true;
    options.use_direct_io_for_flush_and_compaction = true;
    options.write_buffer_size = 256 * 1024;  // so that tables are written all the time
    options.target_file_size_base = 256 * 1024;
    options.max_bytes_for_level_base = 1024 * 1024;
    options.compression = rocksdb::kNoCompression;
    rocksdb::BlockBasedTableOptions table;
    table.no_block_cache = true;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* opened = nullptr;
    require(rocksdb::DB::Open(options, directory, &opened), "open");
    database.reset(opened);
  }

  // By an iterator, with its reads under way ahead of it.
  unsigned long check_all() {
    rocksdb::ReadOptions read;
    read.async_io = true;
    read.verify_checksums = true;
    unsigned long number = 0;
    const std::unique_ptr<rocksdb::Iterator> place(database->NewIterator(read));
    for (place->SeekToFirst(); place->Valid(); place->Next()) {
      ++number;
      if (place->key() != key_of(number) || place->value() != value_of(number))
        fail("record " + std::to_string(number) + " reads as " + place->key().ToString());
    }
    require(place->status(), "iterator");
    check_by_multi_get(number);
    return number;
  }

  void check_by_multi_get(unsigned long last_number) {
    constexpr unsigned long batch = 64;
    for (unsigned long first = 1; first <= last_number; first += batch) {
      std::vector<std::string> keys;
      for (unsigned long i = first; i < first + batch && i <= last_number; ++i)
        keys.push_back(key_of(i));
      const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
      std::vector<rocksdb::PinnableSlice> values(keys.size());
      std::vector<rocksdb::Status> statuses(keys.size());
      database->MultiGet(rocksdb::ReadOptions(), database->DefaultColumnFamily(), keys.size(),
                         slices.data(), values.data(), statuses.data(), true);
      for (unsigned long i = 0; i < keys.size(); ++i) {
        require(statuses[i], "MultiGet");
        if (values[i] != value_of(first + i)) fail("MultiGet of " + keys[i]);
      }
    }
  }

  unsigned long last_number() {
    const std::unique_ptr<rocksdb::Iterator> place(database->NewIterator(rocksdb::ReadOptions()));
    place->SeekToLast();
    return place->Valid() ? std::strtoul(place->key().ToString().c_str(), nullptr, 10) : 0;
  }

  rocksdb::Options options;
  std::shared_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> database;
};

void write_records(const char* directory, unsigned long count) {
  Database database(directory);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const unsigned long first = database.last_number() + 1;
  for (unsigned long number = first; number < first + count; ++number) {
    require(database.database->Put(synced, key_of(number), value_of(number)), "put");
    std::printf("%lu\n", number);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string_view command = argument_count > 1 ? arguments[1] : "";
  if (command == "write" && argument_count == 5) {
    write_records(arguments[2], std::strtoul(arguments[3], nullptr, 10));
  } else if (command == "check" && argument_count == 3) {
    std::printf("%lu\n", Database(arguments[2]).check_all());
  } else {
    std::fputs("usage: rocksdb_records write DIRECTORY RECORDS COMMITTERS | check DIRECTORY\n",
               stderr);
    return 2;
  }
}
