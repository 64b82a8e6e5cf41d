#include "cli/bench_state.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/try.h"
#include "cli/timed.h"
#include "eddy/engine.h"
#include "engine/core.h"
#include "engine/open.h"
#include "engine/session_format.h"

namespace eddy {
namespace {

constexpr Pos kPrompt = 300;  // tokens, no multiple of the log's window
constexpr Pos kChanged = 10;  // tokens at the end of the long prompt

std::vector<Token> made_up(Pos n, std::int64_t seed, std::int64_t n_vocab) {
  std::vector<Token> tokens;
  for (Pos i = 0; i < n; ++i) {
    tokens.push_back(Token(static_cast<std::int32_t>((i * 7919 + seed * 104729 + 1) % n_vocab)));
  }
  return tokens;
}

// Seconds, the median of n measurements; a call returns the seconds that count.
Result<double> median(int n, const std::function<Result<double>()>& measure) {
  std::vector<double> seconds;
  for (int i = 0; i <= n; ++i) {
    EDDY_TRY_ASSIGN(const double s, measure());
    if (i > 0) seconds.push_back(s);  // the first warms up
  }
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

// Bytes per second of a copy from memory to memory.
Result<double> copy_speed(int n) {
  constexpr std::size_t kBytes = 64 << 20;
  std::vector<char> from(kBytes, 1), to(kBytes);
  EDDY_TRY_ASSIGN(const double seconds, median(n, [&] {
                    return timed([&]() -> Status {
                      std::memcpy(to.data(), from.data(), kBytes);
                      return {};
                    });
                  }));
  return static_cast<double>(kBytes) / seconds;
}

class StateBench {
 public:
  struct Params {
    std::shared_ptr<Engine::Core> core;
    StateBenchOptions options;
    double copy_bytes_per_s = 0;
  };
  explicit StateBench(Params params)
      : core_(std::move(params.core)),
        engine_(core_),
        n_(params.options.repetitions),
        format_(params.options.format),
        n_prompt_(params.options.n_prompt),
        copy_bytes_per_s_(params.copy_bytes_per_s) {}

  Status run() {
    fmt::print("{}", format_header(format_, row("", 0, {})));
    EDDY_TRY_ASSIGN(Session session, fed(kPrompt, 1));
    EDDY_TRY(decode(session));
    for (const Pos n : {1, 4, 8, 16, 32, 64}) EDDY_TRY(rewind(session, n));
    EDDY_TRY(fork(session));
    EDDY_TRY_ASSIGN(const auto bytes, save_and_load(session));
    EDDY_TRY(save_and_load_file(session));
    EDDY_TRY(checkpoint(bytes));
    return late_change();
  }

  void print(const std::string& test, double seconds, double n_bytes = 0) const {
    fmt::print("{}", format_row(format_, row(test, seconds, n_bytes)));
    std::fflush(stdout);
  }

 private:
  TableRow row(const std::string& test, double seconds, double n_bytes) const {
    const double speed = seconds > 0 ? n_bytes / seconds : 0;
    return {{"test", test},
            {"us", seconds * 1e6, 1},
            {"of_decoding", decode_s_ > 0 ? seconds / decode_s_ : 0, 3},
            {"gb_per_s", speed / 1e9, 2},
            {"of_copying", speed / copy_bytes_per_s_, 3}};
  }

  Result<Session> fed(Pos n_tokens, std::int64_t seed) {
    EDDY_TRY_ASSIGN(Session session, engine_.new_session());
    EDDY_TRY(session.feed(made_up(n_tokens, seed, engine_.info().n_vocab)));
    return session;
  }

  Status decode(Session& session) {
    constexpr std::int64_t kTokens = 16;
    const auto one_by_one = [&]() -> Status {
      EDDY_TRY(session.generate({.max_tokens = kTokens}));
      return {};
    };
    EDDY_TRY_ASSIGN(const double seconds, median(n_, [&] { return timed(one_by_one); }));
    decode_s_ = seconds / kTokens;
    print("decode a token", decode_s_);
    return {};
  }

  // Of n tokens, from places that lie differently to the anchors; as share of decoding them.
  Status rewind(Session& session, Pos n) {
    EDDY_TRY_ASSIGN(const double seconds, median(std::max(n_, 12), [&]() -> Result<double> {
                      EDDY_TRY(session.generate({.max_tokens = n + 5}));
                      return timed([&] { return session.rewind(n); });
                    }));
    print(fmt::format("rewind {} (of decoding them: {:.1f} %)", n,
                      100 * seconds / (static_cast<double>(n) * decode_s_)),
          seconds);
    return {};
  }

  Status fork(Session& session) {
    constexpr int kForks = 1000;
    EDDY_TRY_ASSIGN(const double seconds, median(n_, [&] {
                      return timed([&]() -> Status {
                        for (int i = 0; i < kForks; ++i) EDDY_TRY(session.fork());
                        return {};
                      });
                    }));
    print("fork, and end it", seconds / kForks);
    return {};
  }

  // As its columns say, next to a copy of the same bytes, which may fit a cache.
  Result<std::vector<std::byte>> save_and_load(Session& session) {
    std::vector<std::byte> bytes;
    EDDY_TRY_ASSIGN(const double save_s, median(n_, [&] {
                      return timed([&]() -> Status {
                        EDDY_TRY_ASSIGN(bytes, session.save());
                        return {};
                      });
                    }));
    const auto n_bytes = static_cast<double>(bytes.size());
    EDDY_TRY_ASSIGN(const double again_s,
                    median(n_, [&] { return timed([&] { return session.save(bytes); }); }));
    std::vector<std::byte> copy(bytes.size());
    EDDY_TRY_ASSIGN(const double copy_s, median(n_, [&] {
                      return timed([&]() -> Status {
                        std::memcpy(copy.data(), bytes.data(), bytes.size());
                        return {};
                      });
                    }));
    print("save", save_s, n_bytes);
    print("save into bytes of an earlier save", again_s, n_bytes);
    print("copy of as many bytes", copy_s, n_bytes);
    EDDY_TRY_ASSIGN(Session other, engine_.new_session());
    EDDY_TRY_ASSIGN(const double load_s,
                    median(n_, [&] { return timed([&] { return other.load(bytes); }); }));
    print("load", load_s, n_bytes);
    return bytes;
  }

  // A state into the prefix cache, and out of it into an empty sequence: without the tokens that a
  // session computes before and after.
  Status checkpoint(std::span<const std::byte> bytes) {
    if (!core_->cache) return {};
    EDDY_TRY_ASSIGN(const SessionRecord record, decode_session(bytes));
    EDDY_TRY_ASSIGN(const SeqId seq, core_->acquire());
    EDDY_TRY(core_->memory->state_read(record.state, seq));
    const auto n_read = static_cast<std::size_t>(core_->n_read(seq));
    const auto tokens = std::span(record.tokens);
    const PrefixCache::Place place = {core_->key, seq};
    EDDY_TRY_ASSIGN(const double store_s, median(n_, [&] {
                      return timed([&]() -> Status {
                        core_->cache->store(place, tokens.first(n_read), CaptureKind::kPrompt, 0,
                                            1);
                        return {};
                      });
                    }));
    PromptReport report;
    EDDY_TRY_ASSIGN(const double restore_s, median(n_, [&] {
                      core_->forget(seq);
                      return timed([&]() -> Status {
                        report = core_->cache->restore(place, tokens.first(n_read + 1), 0);
                        return {};
                      });
                    }));
    core_->release(seq);
    if (report.n_restored != static_cast<Pos>(n_read)) {
      return fail(ErrorCode::kFull, "the prefix cache has no room for a state");
    }
    const bool is_shared = core_->cache->stats().n_in_cells > 0;
    const auto n_bytes = is_shared ? 0 : static_cast<double>(record.state.size());
    print("checkpoint: store in the prefix cache", store_s, n_bytes);
    print("restore from there", restore_s, n_bytes);
    return {};
  }

  static Status write_file(const std::string& path, std::span<const std::byte> bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    file.close();
    return file ? Status() : fail(ErrorCode::kIo, "{}: cannot write", path);
  }

  // The same through a file that nobody waits for: it stays in the page cache.
  Status save_and_load_file(Session& session) {
    const std::string path =
        std::filesystem::temp_directory_path() / fmt::format("eddy-bench-{}", getpid());
    const auto remove = std::shared_ptr<void>(nullptr, [&](void*) { std::remove(path.c_str()); });
    std::vector<std::byte> bytes;
    EDDY_TRY_ASSIGN(const double save_s, median(n_, [&] {
                      return timed([&]() -> Status {
                        EDDY_TRY(session.save(bytes));
                        return write_file(path, bytes);
                      });
                    }));
    EDDY_TRY_ASSIGN(const double write_s,
                    median(n_, [&] { return timed([&] { return write_file(path, bytes); }); }));
    EDDY_TRY_ASSIGN(Session other, engine_.new_session());
    EDDY_TRY_ASSIGN(const double load_s, median(n_, [&] {
                      return timed([&]() -> Status {
                        EDDY_TRY_ASSIGN(const MappedFile file,
                                        MappedFile::open(posix_file_system(), path));
                        return other.load(file.bytes());
                      });
                    }));
    print("save to a file", save_s, static_cast<double>(bytes.size()));
    print("a file of as many bytes", write_s, static_cast<double>(bytes.size()));
    print("load from a file", load_s, static_cast<double>(bytes.size()));
    return {};
  }

  // The first token after a long prompt: cold, and when only its end is new.
  Status late_change() {
    const std::int64_t n_vocab = engine_.info().n_vocab;
    auto prompt = made_up(n_prompt_, 2, n_vocab);
    std::int64_t seed = 3;
    const auto first_token = [&]() -> Result<double> {
      return timed([&]() -> Status {
        EDDY_TRY_ASSIGN(Session session, engine_.new_session());
        EDDY_TRY(session.feed(prompt));
        EDDY_TRY(session.generate({.max_tokens = 1}));
        return {};
      });
    };
    EDDY_TRY_ASSIGN(const double cold, first_token());
    print(fmt::format("first token after {} tokens", n_prompt_), cold);
    EDDY_TRY_ASSIGN(const double same, median(n_, first_token));
    print(fmt::format("prefix hit: the same again ({:.0f}x sooner)", cold / same), same);
    EDDY_TRY_ASSIGN(const double changed, median(n_, [&] {
                      const auto end = made_up(kChanged, ++seed, n_vocab);
                      std::ranges::copy(end, prompt.end() - kChanged);
                      return first_token();
                    }));
    print(fmt::format("its last {} changed ({:.0f}x sooner)", kChanged, cold / changed), changed);
    return {};
  }

  std::shared_ptr<Engine::Core> core_;
  Engine engine_;
  int n_;
  TableFormat format_;
  Pos n_prompt_;
  double copy_bytes_per_s_;
  double decode_s_ = 0;
};

}  // namespace

// A token of a conversation whose state was parked; it parks another.
Result<double> waking(const ModelOptions& model, int n) {
  constexpr int kSessions = 64;
  EngineOptions options = model.engine;
  options.n_seq_max = kSessions;
  options.mem_size = 2;
  options.prefix_cache_bytes = 0;
  EDDY_TRY_ASSIGN(Engine engine, Engine::open(model.path, options));
  std::vector<Session> sessions;
  for (int i = 0; i < kSessions; ++i) {
    EDDY_TRY_ASSIGN(Session session, engine.new_session());
    EDDY_TRY(session.feed(made_up(3, i, engine.info().n_vocab)));
    sessions.push_back(std::move(session));
  }
  std::size_t next = 0;
  return median(std::max(n, kSessions), [&] {
    return timed([&]() -> Status {
      EDDY_TRY(sessions[next++ % sessions.size()].generate({.max_tokens = 1}));
      return {};
    });
  });
}

Result<ExitCode> bench_state(const ModelOptions& model, const StateBenchOptions& options) {
  if (options.n_prompt <= kChanged) {
    return fail(ErrorCode::kInvalidArgument, "a prompt of {} tokens, expected more than {}",
                options.n_prompt, kChanged);
  }
  EngineOptions engine = model.engine;
  engine.n_seq_max = 3;
  EDDY_TRY_ASSIGN(EngineParts parts, open_parts(model.path, engine));
  EDDY_TRY_ASSIGN(auto core, Engine::Core::create(std::move(parts), engine));
  EDDY_TRY_ASSIGN(const double copy_bytes_per_s, copy_speed(options.repetitions));
  StateBench bench(
      {.core = std::move(core), .options = options, .copy_bytes_per_s = copy_bytes_per_s});
  EDDY_TRY(bench.run());
  EDDY_TRY_ASSIGN(const double wake_s, waking(model, options.repetitions));
  bench.print("a token of a parked conversation", wake_s);
  return ExitCode::kOk;
}

}  // namespace eddy
