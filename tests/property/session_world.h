// Sessions of an engine and an obvious model of them, side by side: SessionWorld applies an
// operation to both and compares them.
//
// The model is a list of tokens for each session. What an answer says, and what state a list of
// tokens leads to, is asked of an engine that knows nothing of what is tested here: one sequence,
// one cell, nothing stored, parked or taken back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/support/temporary_folder.h"
#include "eddy/engine.h"

namespace eddy::test {

struct SessionWorldConfig {
  std::string architecture;
  std::uint32_t n_seqs = 6;
  std::uint32_t n_cells = 3;
  std::uint32_t n_rewind = 32;
  std::uint32_t n_cache_cells = 2;
  std::uint64_t n_cache_bytes = std::uint64_t{1} << 20;
  bool parks_in_folder = false;
};

enum class Act : std::uint8_t {
  kOpen,      // session `seat`, empty
  kPrompt,    // the first n tokens of text number `other`, as those of a session of its own
  kFeed,      // n more tokens
  kGenerate,  // n tokens, guessing some of them
  kTogether,  // `other` sessions from `seat` on are fed and answer
  kFork,      // seat -> other
  kRewind,    // by n
  kTurn,      // marks one
  kPark,
  kSave,        // as blob
  kLoad,        // blob number `other`
  kCheckpoint,  // of `seat`
  kRestore,     // checkpoint number `other` into `seat`
  kForget,      // checkpoint number `other`
  kReset,
  kEvaluate,  // n tokens
  kCrash,     // saved bytes are all that is left
};
constexpr int kActs = static_cast<int>(Act::kCrash) + 1;

struct Step {
  Act act = Act::kOpen;
  std::uint32_t seat = 0;
  std::uint32_t other = 0;
  std::uint32_t n = 1;
  bool is_cancelled = false;     // before it begins
  std::int32_t fail_alloc = -1;  // allocation that fails
  std::uint32_t salt = 0;        // of tokens
};

std::string to_string(const Step& step);

// n steps with random arguments; equal seeds make equal ones.
std::vector<Step> random_steps(const SessionWorldConfig& config, std::uint64_t seed, std::size_t n);

class SessionWorld {
 public:
  explicit SessionWorld(const SessionWorldConfig& config);

  // Applies a step to both; empty, or how they differ.
  std::string apply(const Step& step);

  CacheStats cache_stats() const { return engine_->cache_stats(); }

 private:
  using Tokens = std::vector<Token>;
  struct Seat {
    std::optional<Session> session;
    Tokens tokens;
    bool is_cancelled = false;  // and maybe nobody has heeded it yet
  };
  struct Blob {
    std::vector<std::byte> bytes;
    Tokens tokens;
  };
  struct Kept {
    SessionCheckpoint checkpoint;
    Tokens tokens;
  };

  Engine open(EngineOptions options) const;
  Engine open_tested() const;
  Seat& seat(std::uint32_t i);  // opens a session if there is none
  void reset(Seat& at);
  void prompt(const Step& step);
  void feed(Seat& at, const Tokens& tokens, const Step& step);
  void cancel(Seat& at, const Step& step);
  void generate(const Step& step);
  void together(const Step& step);
  void fork(const Step& step);
  void rewind(const Step& step);
  void park(const Step& step);
  void save(const Step& step);
  void load(const Step& step);
  void checkpoint(const Step& step);
  void restore(const Step& step);
  void evaluate(const Step& step);
  void crash();

  Tokens made_up(std::uint32_t salt, std::size_t n) const;
  // What an answer of at most n_most tokens to these is; the plain engine's.
  Tokens answer_to(const Tokens& tokens, std::int64_t n_most);
  // The answer was this far, and no further than n_most.
  void expect_answer(Seat& at, std::int64_t n_most, bool is_whole);
  void compare_state(Seat& at);

  void expect(bool condition, const std::string& what);
  template <class F>
  auto with_failing_allocation(const Step& step, const F& f);

  SessionWorldConfig config_;
  TemporaryFolder folder_{quick_place()};
  std::string model_path_;
  std::optional<Engine> engine_;
  std::optional<Engine> plain_;
  std::optional<Session> plain_session_;
  std::vector<Seat> seats_;
  std::vector<Blob> blobs_;
  std::vector<Kept> kept_;
  bool has_failed_alloc_ = false;
  std::string difference_;
};

}  // namespace eddy::test
