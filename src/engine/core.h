// What an engine and its sessions share: the model, what computes it, and the memory of sequences.
//
// I1  A sequence id is either in free_seqs or owned by exactly one session (or evaluation).
// I2  A sequence whose id is free is empty in the memory.
// I3  While a batch runs, nobody changes the memory but the run: a callback of it that releases a
//     sequence is heeded when the run has ended.
//
// Threading: the engine's thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cpu/isa.h"
#include "eddy/engine.h"
#include "engine/init_state.h"
#include "engine/parking.h"
#include "engine/pinned_states.h"
#include "engine/prefix_cache.h"
#include "engine/runner.h"
#include "memory/recurrent_memory.h"
#include "models/model.h"
#include "models/recurrences.h"
#include "tensor/ops.h"
#include "text/tokenizer.h"

namespace eddy {

inline Error non_finite() { return {ErrorCode::kNonFinite, "the logits hold NaN or infinity"}; }

// What an engine is made of. The model's weights are views into `file`, which it does not own.
struct EngineParts {
  std::shared_ptr<const void> file;
  std::unique_ptr<Ops> ops;
  std::unique_ptr<const Model> model;
  std::unique_ptr<const Tokenizer> tokenizer;
  int n_threads = 1;
  std::string isa = {};
};

// What reading a token has taken of late, on average: by this states are compared, so it is one
// for all of an engine, and a piece of many tokens tells more than one of few.
struct ReadingSpeed {
  double ms_per_token = 1;  // before anything was read
  double n_remembered = 0;  // tokens

  void add(double ms, std::size_t n_tokens) {
    constexpr double kMemory = 1024;  // tokens, as many as count
    const auto n = static_cast<double>(n_tokens);
    n_remembered = std::min(n_remembered + n, std::max(kMemory, n));
    ms_per_token += (ms / n - ms_per_token) * n / n_remembered;
  }
};

struct Engine::Core {
  // Adds the memory and the runner. kInvalidArgument, kOutOfMemory.
  static Result<std::shared_ptr<Core>> create(EngineParts parts, const EngineOptions& options);

  // A sequence of one's own, empty. kFull.
  Result<SeqId> acquire();
  void release(SeqId seq);

  // Runs a batch (see Runner::run). on_output may call into the engine: see is_running.
  Status run(Batch batch, const std::atomic<bool>& cancel, const OnOutput& on_output);

  // kInvalidArgument inside a callback of run(): sequences can be neither used nor changed there.
  Status check_idle() const;

  // Empties a sequence.
  void forget(SeqId seq);

  // Takes a sequence back to the state after no more than n_tokens tokens: by the update log, or
  // else to the empty one, and what is left is read again. Precondition: nothing runs.
  void keep_first(SeqId seq, Pos n_tokens);

  Status keep_recurrences();  // from now on the memory can rewind
  void park_idle();           // from now on idle states make room, and come back with n_read()

  // Tokens that the sequence's state has seen. A parked state is brought back first; one that is
  // lost is emptied. kFull, kOutOfMemory: there is no room for it now, and it waits on.
  Result<Pos> wake(SeqId seq);

  // The same; 0 where it fails.
  Pos n_read(SeqId seq);

  // Puts a pinned state, nullptr for none, in the place of a sequence's. kFull.
  Status start(SeqId seq, const PinnedState* state);

  StatePlace place(SeqId seq) const;
  MemoryMap memory_map() const;

  Status check_tokens(std::span<const Token> tokens) const;

  // What the states of a session of these options are stored by. kMismatch: an initial state that
  // does not fit.
  Result<PrefixKey> key_of(const SessionOptions& options) const;
  // The errors of read_init_state() and RecurrentMemory::initial_state().
  Result<InitState> read_init_state(const std::string& path) const;

  EngineParts parts;
  EngineInfo info;
  Isa isa = Isa::kPlain;  // what info.isa names
  PrefixKey key;          // of all sessions: without initial state and salt
  std::unique_ptr<RecurrentMemory> memory;
  Recurrences recurrences;
  PinnedStates pinned;
  std::optional<PrefixCache> cache;  // none: without
  Parking parking;
  std::optional<Runner> runner;
  ReadingSpeed reading;
  std::vector<SeqId> free_seqs;
  bool is_running = false;
  std::vector<SeqId> released;  // while running: to be emptied and freed at its end
};

}  // namespace eddy
