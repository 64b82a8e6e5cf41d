#include "cli/bench_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/try.h"
#include "eddy/engine.h"

namespace eddy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Pos kPrompt = 300;       // tokens, no multiple of the log's window
constexpr Pos kLongPrompt = 4000;  // whose end changes
constexpr Pos kChanged = 10;

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

template <class F>
Result<double> timed(const F& f) {
  const auto start = Clock::now();
  EDDY_TRY(f());
  return std::chrono::duration<double>(Clock::now() - start).count();
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
  StateBench(Engine& engine, int n, TableFormat format, double copy_bytes_per_s)
      : engine_(engine), n_(n), format_(format), copy_bytes_per_s_(copy_bytes_per_s) {}

  Status run() {
    fmt::print("{}", format_header(format_, row("", 0, {})));
    EDDY_TRY_ASSIGN(Session session, fed(kPrompt, 1));
    EDDY_TRY(decode(session));
    for (const Pos n : {1, 4, 8, 16, 32, 64}) EDDY_TRY(rewind(session, n));
    EDDY_TRY(fork(session));
    EDDY_TRY(save_and_load(session));
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

  Status save_and_load(Session& session) {
    std::vector<std::byte> bytes;
    EDDY_TRY_ASSIGN(const double save_s, median(n_, [&] {
                      return timed([&]() -> Status {
                        EDDY_TRY_ASSIGN(bytes, session.save());
                        return {};
                      });
                    }));
    print("save", save_s, static_cast<double>(bytes.size()));
    EDDY_TRY_ASSIGN(Session other, engine_.new_session());
    EDDY_TRY_ASSIGN(const double load_s,
                    median(n_, [&] { return timed([&] { return other.load(bytes); }); }));
    print("load", load_s, static_cast<double>(bytes.size()));
    return {};
  }

  // The first token after a long prompt: cold, and when only its end is new.
  Status late_change() {
    const std::int64_t n_vocab = engine_.info().n_vocab;
    auto prompt = made_up(kLongPrompt, 2, n_vocab);
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
    print(fmt::format("first token after {} tokens", kLongPrompt), cold);
    EDDY_TRY_ASSIGN(const double same, median(n_, first_token));
    print(fmt::format("the same again ({:.0f}x sooner)", cold / same), same);
    EDDY_TRY_ASSIGN(const double changed, median(n_, [&] {
                      const auto end = made_up(kChanged, ++seed, n_vocab);
                      std::ranges::copy(end, prompt.end() - kChanged);
                      return first_token();
                    }));
    print(fmt::format("its last {} changed ({:.0f}x sooner)", kChanged, cold / changed), changed);
    return {};
  }

  Engine& engine_;
  int n_;
  TableFormat format_;
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

Result<ExitCode> bench_state(const ModelOptions& model, int repetitions, TableFormat format) {
  EngineOptions options = model.engine;
  options.n_seq_max = 3;
  EDDY_TRY_ASSIGN(Engine engine, Engine::open(model.path, options));
  EDDY_TRY_ASSIGN(const double copy_bytes_per_s, copy_speed(repetitions));
  StateBench bench(engine, repetitions, format, copy_bytes_per_s);
  EDDY_TRY(bench.run());
  EDDY_TRY_ASSIGN(const double wake_s, waking(model, repetitions));
  bench.print("a token of a parked conversation", wake_s);
  return ExitCode::kOk;
}

}  // namespace eddy
