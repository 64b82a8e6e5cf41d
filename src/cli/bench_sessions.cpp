#include "cli/bench_sessions.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/file_system.h"
#include "base/try.h"
#include "cli/console.h"
#include "cli/timed.h"
#include "eddy/engine.h"

namespace eddy {
namespace {

constexpr std::uint32_t kCells = 16;
constexpr std::size_t kAwake = 12;  // sessions that keep their cells; the others' are for forks

// Runs f and appends the seconds that it took.
template <class F>
Status add_timed(std::vector<double>& seconds, const F& f) {
  EDDY_TRY_ASSIGN(const double took, timed(f));
  seconds.push_back(took);
  return {};
}

double percentile(std::vector<double> seconds, std::size_t percent) {
  std::ranges::sort(seconds);
  return seconds[std::min(seconds.size() - 1, seconds.size() * percent / 100)];
}

// Files as large as a parked state, in the page cache, and together larger than the caches of most
// processors. They go with the object.
class CachedFiles {
 public:
  CachedFiles(std::string folder, std::size_t n_bytes)
      : folder_(std::move(folder)), buffer_(n_bytes, std::byte{1}) {}
  ~CachedFiles() {
    for (const int fd : files_) ::close(fd);
  }
  CachedFiles(const CachedFiles&) = delete;
  CachedFiles& operator=(const CachedFiles&) = delete;

  Status create() {
    constexpr std::size_t kBytes = 256 << 20, kMostFiles = 64;
    const std::size_t n_files = std::clamp<std::size_t>(kBytes / buffer_.size(), 1, kMostFiles);
    for (std::size_t i = 0; i < n_files; ++i) {
      const std::string path = fmt::format("{}/eddy_bench.{}.{}", folder_, ::getpid(), i);
      EDDY_TRY_ASSIGN(AtomicFile file, AtomicFile::create(posix_file_system(), path));
      EDDY_TRY(file.write(buffer_));
      EDDY_TRY(file.commit(Outlives::kProcess));
      const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) return file_error(path, "cannot open", -errno);
      files_.push_back(fd);
      ::unlink(path.c_str());
    }
    return {};
  }

  // The next file, into a buffer that was written before.
  Status read() {
    const int fd = files_[next_++ % files_.size()];
    for (std::size_t at = 0; at < buffer_.size();) {
      const ssize_t n = ::pread(fd, &buffer_[at], buffer_.size() - at, static_cast<off_t>(at));
      if (n <= 0) return file_error(folder_, "cannot read", n < 0 ? -errno : -EIO);
      at += static_cast<std::size_t>(n);
    }
    return {};
  }

 private:
  std::string folder_;
  std::vector<std::byte> buffer_;
  std::vector<int> files_;
  std::size_t next_ = 0;
};

class SessionsBench {
 public:
  SessionsBench(Engine& engine, std::uint32_t n) : engine_(engine), n_(n) {}

  // All read a prompt of their own, and are parked as cells run out.
  Status feed() {
    ProgressBar bar("reading");
    for (std::uint32_t i = 0; i < n_; ++i) {
      EDDY_TRY_ASSIGN(Session session, engine_.new_session());
      EDDY_TRY(session.feed(prompt(i)));
      EDDY_TRY_ASSIGN(Session fork, session.fork());
      EDDY_TRY_ASSIGN(const Digest128 digest, go_on(fork));
      expected_.push_back(digest);
      sessions_.push_back(std::move(session));
      bar.update(static_cast<double>(i) / n_);
    }
    for (Session& session : sessions_) EDDY_TRY(session.park());
    return {};
  }

  // All go on, in another order.
  Status resume(CachedFiles& files) {
    ProgressBar bar("going on");
    std::vector<std::uint32_t> order(n_);
    for (std::uint32_t i = 0; i < n_; ++i) order[i] = i;
    std::ranges::shuffle(order, std::mt19937(1));
    std::deque<std::uint32_t> awake;
    for (const std::uint32_t i : order) {
      Session& session = sessions_[i];
      EDDY_TRY(add_timed(read_s_, [&] { return files.read(); }));
      const bool is_short = awake.size() == kAwake;
      if (is_short) {
        EDDY_TRY(add_timed(park_s_, [&] { return sessions_[awake.front()].park(); }));
        awake.pop_front();
      }
      EDDY_TRY(add_timed(resume_s_, [&]() -> Status {
        EDDY_TRY(session.fork());  // needs the state, and costs nothing else
        return {};
      }));
      if (is_short) both_s_.push_back(park_s_.back() + resume_s_.back());
      awake.push_back(i);
      EDDY_TRY_ASSIGN(const Digest128 digest, go_on(session));
      if (digest != expected_[i]) {
        return fail(ErrorCode::kMismatch, "session {} went on with other bits", i);
      }
      bar.update(static_cast<double>(resume_s_.size()) / n_);
    }
    return {};
  }

  void print(TableFormat format, std::uint64_t n_bytes) const {
    const auto row = [&](const char* test, const std::vector<double>& seconds) {
      const double p50 = percentile(seconds, 50), p99 = percentile(seconds, 99);
      return TableRow{{"test", test},
                      {"sessions", std::int64_t{n_}},
                      {"mb", static_cast<double>(n_bytes) / 1e6, 2},
                      {"p50_us", p50 * 1e6, 0},
                      {"p99_us", p99 * 1e6, 0},
                      {"gb_per_s", static_cast<double>(n_bytes) / p50 / 1e9, 2},
                      {"p99_of_reading", p99 / percentile(read_s_, 99), 2}};
    };
    fmt::print("{}", format_header(format, row("", read_s_)));
    fmt::print("{}", format_row(format, row("read a file from the page cache", read_s_)));
    fmt::print("{}", format_row(format, row("resume", resume_s_)));
    if (park_s_.empty()) return;
    fmt::print("{}", format_row(format, row("park", park_s_)));
    fmt::print("{}", format_row(format, row("park another and resume", both_s_)));
  }

  const Session& first() const { return sessions_.front(); }

 private:
  // Different for each session.
  std::vector<Token> prompt(std::uint32_t i) const {
    const auto n_vocab = static_cast<std::uint32_t>(engine_.info().n_vocab);
    return {Token(static_cast<std::int32_t>(i % n_vocab)),
            Token(static_cast<std::int32_t>((i / n_vocab + i * 31) % n_vocab))};
  }

  // A token more; all that the session is then.
  static Result<Digest128> go_on(Session& session) {
    EDDY_TRY(session.generate({.max_tokens = 1}));
    EDDY_TRY_ASSIGN(const auto bytes, session.save());
    return checksum128(bytes);
  }

  Engine& engine_;
  std::uint32_t n_;
  std::vector<Session> sessions_;
  std::vector<Digest128> expected_;  // by session
  std::vector<double> read_s_, resume_s_, park_s_, both_s_;
};

}  // namespace

Result<ExitCode> bench_sessions(const ModelOptions& model, std::uint32_t n_sessions,
                                TableFormat format) {
  EngineOptions options = model.engine;
  options.n_seq_max = n_sessions + 1;
  options.mem_size = kCells;
  options.prefix_cache_bytes = 0;
  EDDY_TRY_ASSIGN(Engine engine, Engine::open(model.path, options));
  SessionsBench bench(engine, n_sessions);
  EDDY_TRY(bench.feed());
  const std::uint64_t n_bytes = bench.first().place().n_bytes;
  const std::string folder = options.park_folder.empty()
                                 ? std::filesystem::temp_directory_path().string()
                                 : options.park_folder;
  CachedFiles files(folder, n_bytes);
  EDDY_TRY(files.create());
  EDDY_TRY(bench.resume(files));
  bench.print(format, n_bytes);
  return ExitCode::kOk;
}

}  // namespace eddy
