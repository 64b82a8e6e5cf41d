// A store in a folder: bytes each second that go in and come out, for the state of a model of 130m
// parameters (20 MB). EDDY_BENCH_FOLDER says where; default: the folder for temporary files.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "memory/dir_store.h"

namespace eddy {
namespace {

constexpr std::size_t kBytes = 20'000'000;
constexpr std::int64_t kKept = 8;  // contents that stand in the store at a time

std::vector<std::byte> content() {
  std::vector<std::byte> bytes(kBytes);
  std::uint64_t x = 1;
  for (std::byte& b : bytes) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    b = static_cast<std::byte>(x >> 56);
  }
  return bytes;
}

// A store that goes with its object.
class Store {
 public:
  Store() {
    const char* const place = std::getenv("EDDY_BENCH_FOLDER");
    folder_ =
        (place != nullptr ? std::filesystem::path(place) : std::filesystem::temp_directory_path()) /
        "eddy_store_bench";
    std::filesystem::remove_all(folder_);
    auto opened = DirStore::open(posix_file_system(), folder_);
    if (opened) store_ = std::make_unique<DirStore>(std::move(*opened));
  }
  ~Store() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  bool put(std::int64_t i, const std::vector<std::byte>& bytes) {
    return store_ && store_->put({.name = std::to_string(i % kKept)}, bytes).ok();
  }
  bool has(std::int64_t i, const std::vector<std::byte>& bytes) {
    const auto stored = store_->get(std::to_string(i % kKept));
    return stored && stored->bytes.size() == bytes.size() &&
           std::memcmp(stored->bytes.data(), bytes.data(), bytes.size()) == 0;
  }
  DirStore& operator*() { return *store_; }

 private:
  std::string folder_;
  std::unique_ptr<DirStore> store_;
};

void finish(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kBytes));
}

// A content that is new each time: digest, write, sync, rename, sync, commit.
void put_new(benchmark::State& state) {
  Store store;
  std::vector<std::byte> bytes = content();
  std::int64_t i = 0;
  if (!store.put(i, bytes) || !store.has(i, bytes)) state.SkipWithError("put");
  for (auto _ : state) {
    ++i;
    std::memcpy(bytes.data(), &i, sizeof(i));
    if (!store.put(i, bytes)) state.SkipWithError("put");
  }
  if (!store.has(i, bytes)) state.SkipWithError("get");
  finish(state);
}
BENCHMARK(put_new)->Unit(benchmark::kMillisecond)->UseRealTime();

// One that is there: digest, comparison, commit.
void put_known(benchmark::State& state) {
  Store store;
  const std::vector<std::byte> bytes = content();
  std::int64_t i = 0;
  if (!store.put(i, bytes)) state.SkipWithError("put");
  for (auto _ : state) {
    if (!store.put(++i, bytes)) state.SkipWithError("put");
  }
  if (!store.has(i, bytes)) state.SkipWithError("get");
  finish(state);
}
BENCHMARK(put_known)->Unit(benchmark::kMillisecond)->UseRealTime();

// From the page cache: mapping and digest.
void get(benchmark::State& state) {
  Store store;
  const std::vector<std::byte> bytes = content();
  if (!store.put(0, bytes) || !store.has(0, bytes)) state.SkipWithError("put");
  for (auto _ : state) {
    auto stored = (*store).get("0");
    if (!stored) state.SkipWithError("get");
    benchmark::DoNotOptimize(stored);
  }
  finish(state);
}
BENCHMARK(get)->Unit(benchmark::kMillisecond)->UseRealTime();

// What the machine does at best: the digest alone, and a copy.
void digest_alone(benchmark::State& state) {
  const std::vector<std::byte> bytes = content();
  for (auto _ : state) benchmark::DoNotOptimize(checksum128(bytes));
  finish(state);
}
BENCHMARK(digest_alone)->Unit(benchmark::kMillisecond);

void copy(benchmark::State& state) {
  const std::vector<std::byte> from = content();
  std::vector<std::byte> to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
  }
  finish(state);
}
BENCHMARK(copy)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace eddy

BENCHMARK_MAIN();
